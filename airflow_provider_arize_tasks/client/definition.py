"""Whether a task that exists already matches the one a DAG asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

#: Fields that can't be changed once a task exists (``PATCH /v2/tasks/{task_id}`` doesn't take them).
UNCHANGEABLE = ("type", "project_id", "dataset_id", "experiment_ids")

#: Values the server may spell in either case.
_ENUM_FIELDS = frozenset({"type", "experiment_type", "input_variable_format", "role"})

#: Mappings whose keys are the author's own: one that only the server has is one that the author took out.
_OWN_KEYS = frozenset({"column_mappings", "column_mapping", "classification_choices"})

#: What an author can say of an evaluator; anything else is the server's.
_OF_EVALUATOR = ("evaluator_version_id", "query_filter", "column_mappings", "query_mappings")

_PLACEHOLDER = re.compile(r"\{\{\s*(?:dataset\.)?([^{}\s]+)\s*\}\}")


class IfExists(str, Enum):
    """What a create operator does about a task that exists already under the name."""

    REUSE = "reuse"
    UPDATE = "update"
    FAIL = "fail"


class IfMissing(str, Enum):
    """What a delete operator does about a task that is not there."""

    IGNORE = "ignore"
    FAIL = "fail"


#: What an evaluation task has of each of these when nobody says anything; so a definition that says nothing means this.
_WITHOUT = {"query_filter": None, "query_filters": None, "sampling_rate": 1.0, "is_continuous": False}

#: Keys of a run configuration that only an author sets: there without being wanted, they were taken out.
_AUTHORS_OWN = frozenset(
    {
        "tool_config",
        "prompt_version_id",
        "evaluator_version_id",
        "classification_choices",
        "column_mapping",
        "messages",
    }
)

#: Replies have it, requests must not.
_SERVERS_OWN = frozenset({"service_tier"})


def differences(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The fields in which a task differs from what is wanted.

    Only what is wanted is compared: what the DAG leaves out is the server's, or somebody else's, to set.

    :param current: the task as the server sent it.
    :param wanted: the body of a create request.
    :return: for each differing field its current and its wanted value.
    """
    return {
        name: (current.get(name), value) for name, value in wanted.items() if not _same(name, current.get(name), value)
    }


def _same(name: str, current: Any, wanted: Any) -> bool:
    if _blank(current) and _blank(wanted):
        return True
    if name == "input_template":
        return bool(_as_echoed(current) == _as_echoed(wanted))
    if isinstance(wanted, Mapping):
        if not isinstance(current, Mapping) or (name in _OWN_KEYS and set(current) != set(wanted)):
            return False
        return not differences(current, wanted)
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return _same_items(name, current, wanted)
    if isinstance(wanted, str) and isinstance(current, str) and name in _ENUM_FIELDS:
        return wanted.upper() == current.upper()
    return bool(current == wanted)


def _same_items(name: str, current: Any, wanted: Sequence[Any]) -> bool:
    if not isinstance(current, Sequence) or isinstance(current, str) or len(current) != len(wanted):
        return False
    if name == "experiment_ids":
        return set(current) == set(wanted)
    if name == "evaluators":
        return _same_evaluators(current, wanted)
    return all(_same("", one, other) for one, other in zip(current, wanted, strict=True))


def _same_evaluators(current: Sequence[Any], wanted: Sequence[Any]) -> bool:
    """In any order; a pin or a mapping that only the server has is a difference, since an update would remove it."""
    by_id = {each.get("evaluator_id"): each for each in current if isinstance(each, Mapping)}
    for each in wanted:
        found = by_id.get(each.get("evaluator_id"))
        if found is None:
            return False
        if differences(found, {name: each.get(name) for name in _OF_EVALUATOR}):
            return False
    return True


def _as_echoed(template: Any) -> Any:
    """An agent's input template as the server writes it: ``{{dataset.column}}`` becomes ``{{column}}``."""
    if isinstance(template, Mapping):
        return {key: _as_echoed(value) for key, value in template.items()}
    if isinstance(template, Sequence) and not isinstance(template, str):
        return [_as_echoed(value) for value in template]
    return _PLACEHOLDER.sub(r"{{\1}}", template) if isinstance(template, str) else template


def _blank(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {}, ())


def taken_out(current: Mapping[str, Any], wanted: Mapping[str, Any], applied: Iterable[str]) -> dict[str, Any]:
    """The fields that a task still has although its definition no longer does, with what they become.

    What the server would never set by itself was taken out, whoever put it in. What may be the server's default (a
    model's name, a parameter) was taken out only if the definition applied last had it.

    :param current: the task as the server sent it.
    :param wanted: the body of a create request.
    :param applied: :func:`paths_of` the definition that was applied last; empty if nobody knows.
    :return: field -> value to send. ``run_configuration`` is replaced as a whole, by the wanted one.
    """
    found: dict[str, Any] = {
        name: value
        for name, value in _WITHOUT.items()
        if name not in wanted and not _blank(current.get(name)) and current.get(name) != value
    }
    now, then = current.get("run_configuration"), wanted.get("run_configuration")
    if isinstance(now, Mapping) and isinstance(then, Mapping):
        before = frozenset(applied)
        if any(_is_authors(path) or path in before for path in _surplus("run_configuration", now, then)):
            found["run_configuration"] = then
    return found


def paths_of(wanted: Any, path: str = "") -> list[str]:
    """The keys of a definition, nested ones with dots, to be remembered: no value is among them.

    :param wanted: the body of a create request.
    :param path: where it stands.
    """
    if isinstance(wanted, Mapping):
        found: set[str] = set()
        for key, value in wanted.items():
            below = f"{path}.{key}" if path else str(key)
            found.update((below, *paths_of(value, below)))
        return sorted(found)
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return sorted({each for value in wanted for each in paths_of(value, path)})
    return []


def _surplus(path: str, current: Any, wanted: Any) -> Iterator[str]:
    """The paths that are there and not wanted."""
    if isinstance(current, Mapping) and isinstance(wanted, Mapping):
        for key, value in current.items():
            below = f"{path}.{key}"
            if key in wanted:
                yield from _surplus(below, value, wanted[key])
            elif key not in _SERVERS_OWN and not _blank(value):
                yield below
    elif isinstance(current, (list, tuple)) and isinstance(wanted, (list, tuple)):
        for one, other in zip(current, wanted, strict=False):
            yield from _surplus(path, one, other)


def _is_authors(path: str) -> bool:
    return path.split(".")[1] in _AUTHORS_OWN
