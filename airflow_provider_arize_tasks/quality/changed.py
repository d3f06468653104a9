"""What changed beside quality, between a candidate and its baseline, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.printable import printable

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows
    from airflow_provider_arize_tasks.quality.scores import Past

_UNKNOWN = "not known"


def what_changed(now: ExperimentRows, past: Past) -> list[str]:
    """Prompt, model, parameters, versions of evaluators and of the dataset that differ from the newest of the baseline.

    :param now: the candidate.
    :param past: what it is compared with.
    """
    if not past.pool:
        return []
    before = past.pool[0]
    found = []
    if now.setup != before.setup:
        found.append(_line("prompt, model or parameters", before.setup, now.setup, limit=200))
    for name in sorted({*now.judges, *before.judges}):
        if now.judges.get(name) != before.judges.get(name):
            what = f"version of evaluator {printable(name, 80)}"
            found.append(_line(what, before.judges.get(name), now.judges.get(name)))
    if now.dataset_version_id != before.dataset_version_id:
        found.append(_line("version of the dataset", before.dataset_version_id, now.dataset_version_id))
    return found


def changed_setup(before: str | None, now: str | None) -> str | None:
    """What of a setup changed, in a word; ``None`` where nothing did.

    :param before: prompt, model and parameters in words, see
        :func:`~airflow_provider_arize_tasks.quality.surroundings.describe_setup`; ``None`` where they are not known.
    :param now: the same of the later experiment.
    """
    if before == now:
        return None
    if before is None or now is None:
        return "prompt or model"
    parts = set(before.split(", ")) ^ set(now.split(", "))
    return next(
        (name for name in ("prompt", "model") if any(part.startswith(f"{name} ") for part in parts)), "settings"
    )


def _line(what: str, before: str | None, now: str | None, *, limit: int = 80) -> str:
    return f"{what}: {printable(before or _UNKNOWN, limit)} before, {printable(now or _UNKNOWN, limit)} now"
