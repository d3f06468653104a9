"""What was decided about experiments, kept where Airflow keeps something beyond a DAG run.

That is the state store of an asset (Airflow 3.3 and later), of an asset among the outlets of the check: it outlives DAG
runs, is shared by manual and scheduled ones, and stays when a DAG is renamed. Elsewhere nothing is kept, and the past
is read by replay alone (see :mod:`~airflow_provider_arize_tasks.quality.history`).

A check's own verdict counts only for the conditions it was made with: who changes them wants the past read anew. What a
person decided counts always.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_arize_tasks.quality.history import Decision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.quality.conditions import Conditions
    from airflow_provider_arize_tasks.quality.result import ExperimentCheck

#: How many experiments are remembered.
MOST = 200


class Store(Protocol):
    """Where JSON can be kept, such as Airflow's state store of an asset."""

    def get(self, key: str, default: Any = None) -> Any:
        """What is kept under a key."""

    def set(self, key: str, value: Any) -> None:
        """Keep something."""


class Record:
    """Decisions about the experiments of one task.

    :param store: where they are kept; ``None`` where nothing is.
    :param task_id: the Arize task whose experiments they are about.
    :param log: where to say that the store failed.
    """

    def __init__(self, store: Store | None, task_id: str, log: Any) -> None:
        self._store = store
        self._key = f"arize_quality_{hashlib.sha256(task_id.encode()).hexdigest()[:16]}"
        self._log = log
        self._known: dict[str, dict[str, Any]] = self._read()

    def decisions(self, conditions: Conditions) -> dict[str, Decision]:
        """What was decided, by experiment id.

        :param conditions: those of the check.
        """
        wanted = fingerprint(conditions)
        return {
            experiment_id: Decision(passed=bool(entry.get("passed")), by=entry.get("by"))
            for experiment_id, entry in self._known.items()
            if entry.get("by") or entry.get("conditions") == wanted
        }

    def setups(self) -> dict[str, str]:
        """Prompt, model and parameters, by experiment id."""
        return {name: str(entry["setup"]) for name, entry in self._known.items() if entry.get("setup")}

    def keep_verdict(self, check: ExperimentCheck) -> None:
        """Keep what a check came to; what a person decided about the same experiment stays."""
        entry = {
            "passed": check.passed,
            "outcome": check.verdict.value,
            "conditions": fingerprint(check.conditions),
            "setup": check.candidate.setup,
            "created_at": check.candidate.created_at,
        }
        if not self._known.get(check.candidate.id, {}).get("by"):
            self._keep(check.candidate.id, entry)

    def keep_answer(self, experiment: Mapping[str, Any], *, passed: bool, by: str) -> None:
        """Keep what a person decided.

        :param experiment: ``id`` and ``created_at`` of the experiment.
        :param passed: whether it is let pass.
        :param by: who decided.
        """
        known = self._known.get(str(experiment["id"]), {})
        self._keep(
            str(experiment["id"]), {"created_at": experiment.get("created_at"), **known, "passed": passed, "by": by}
        )

    def _keep(self, experiment_id: str, entry: dict[str, Any]) -> None:
        if self._store is None:
            return
        known = {**self._read(), experiment_id: entry}
        latest = sorted(known, key=lambda name: str(known[name].get("created_at") or ""))[-MOST:]
        self._known = {name: known[name] for name in latest}
        try:
            self._store.set(self._key, {"experiments": self._known})
        except Exception:  # noqa: BLE001  # a store that fails costs a replay, never a verdict
            self._log.warning("The decision about experiment %s could not be kept", experiment_id, exc_info=True)

    def _read(self) -> dict[str, dict[str, Any]]:
        if self._store is None:
            return {}
        try:
            kept = self._store.get(self._key, None)
        except Exception:  # noqa: BLE001  # as above
            self._log.warning("Earlier decisions could not be read; the past is judged anew", exc_info=True)
            return {}
        found = kept.get("experiments") if isinstance(kept, dict) else None
        return {str(name): dict(entry) for name, entry in found.items()} if isinstance(found, dict) else {}


def fingerprint(conditions: Conditions) -> str:
    """What tells these conditions from others.

    :param conditions: the conditions of a check.
    """
    return hashlib.sha256(json.dumps(conditions.to_dict(), sort_keys=True).encode()).hexdigest()[:16]


def store_of(context: Any, assets: Any) -> Store | None:
    """The state store of the first of some assets; ``None`` where Airflow has none.

    :param context: the context Airflow gave to ``execute``.
    :param assets: the outlets of the task.
    """
    stores = context.get("asset_state_store")
    if stores is None or not assets:
        return None
    try:
        found: Store = stores[assets[0]]
    except (KeyError, ValueError, TypeError, RuntimeError):
        return None
    return found
