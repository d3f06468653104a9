"""Where we do not do as the SDK does, by name: what it does, what we do, and a check that both still hold.

A difference that no longer shows fails its check, so that this page cannot grow stale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.sides import Told

Check = "Callable[[Told, Told], None]"
_UNBOUNDED = (99,)


@dataclass(frozen=True)
class Difference:
    """A difference between the SDK and the hook.

    :ivar sdk: what the SDK does.
    :ivar ours: what the hook does, and why.
    :ivar check: asserts both, given what came of the call on each side.
    :ivar since: first release it holds for.
    :ivar until: first release it no longer holds for.
    """

    sdk: str
    ours: str
    check: Callable[[Told, Told], None]
    since: tuple[int, ...] = (8, 28)
    until: tuple[int, ...] = _UNBOUNDED

    def holds(self, release: str) -> bool:
        """Whether it holds for a release."""
        number = tuple(int(part) for part in release.split("."))
        return self.since <= number < self.until

    @property
    def releases(self) -> str:
        """The releases it holds for, in words."""
        first = ".".join(map(str, self.since))
        if self.until == _UNBOUNDED:
            return "all" if self.since == (8, 28) else f"from {first}"
        until = f"before {'.'.join(map(str, self.until))}"
        return until if self.since == (8, 28) else f"from {first}, {until}"


def _null_evaluators(sdk: Told, ours: Told) -> None:
    assert sdk.error is not None  # the emulator keeps no body that it refused; its answer tells what was in it
    assert sdk.error["status"] == 400
    assert "evaluators[0]" in sdk.error["detail"]
    assert ours.error is None
    (evaluator,) = ours.changes[0][3]["evaluators"]
    assert evaluator["evaluator_id"]


def _page_size(sdk: Told, ours: Told) -> None:
    assert dict(sdk.requests[-1][2]) == {"limit": "100"}
    assert dict(ours.requests[-1][2]) == {"limit": "50"}
    assert sdk.result == ours.result


def _space_part(sdk: Told, ours: Told) -> None:
    assert dict(sdk.requests[-1][2]) == {"limit": "50", "space_name": "demo-space"}
    assert set(dict(ours.requests[-1][2])) == {"limit", "space_id"}
    assert sdk.result == ours.result


def _no_offset(sdk: Told, ours: Told) -> None:
    assert ours.changes[0][3]["data_start_time"] == "2026-03-01T00:00:00+00:00"
    assert sdk.error is not None
    assert sdk.error["status"] == 422
    assert "data_end_time has no offset" in sdk.error["detail"]
    assert ours.error is None


def _ended_run(sdk: Told, ours: Told) -> None:
    assert sdk.error is not None
    assert sdk.error["status"] == 400
    assert ours.error is None
    assert ours.result["status"].upper() == "CANCELLED"
    assert sdk.changes == ours.changes


def _looks_again(sdk: Told, ours: Told) -> None:
    assert sdk.error is not None
    assert ours.error is not None
    assert sdk.error["status"] == ours.error["status"] == 404
    assert sdk.changes == ours.changes
    assert len(ours.requests) == len(sdk.requests) + 1


def _looks(sdk: Told, ours: Told) -> None:
    assert sdk.error == ours.error == {"kind": "timeout"}
    assert {request[:2] for request in sdk.requests} == {request[:2] for request in ours.requests}


def _unknown_space(sdk: Told, ours: Told) -> None:
    assert sdk.error == ours.error == {"kind": "name"}
    assert sdk.changes == ours.changes == []


def _throttled(sdk: Told, ours: Told) -> None:
    assert sdk.error is not None
    assert sdk.error["status"] == 429
    assert len(sdk.changes) == 1
    assert ours.error is None
    assert [request[:2] for request in ours.changes] == [sdk.changes[0][:2]] * 2


def _passing_fault(sdk: Told, ours: Told) -> None:
    assert sdk.error is not None
    assert sdk.error["status"] == 503
    assert ours.error is None
    assert len(ours.requests) == 2


def _sdk_raises(sdk: Told, ours: Told) -> None:
    assert sdk.error is not None
    assert sdk.error["kind"] == "ValueError"
    assert ours.error is None
    assert sdk.requests == ours.requests


def _new_field_of_task(sdk: Told, ours: Told) -> None:
    assert sdk.error == {"kind": "ValueError"} or "owner" not in sdk.result
    assert ours.result["owner"] == "somebody"
    assert sdk.requests == ours.requests


def _unknown_status(sdk: Told, ours: Told) -> None:
    _sdk_raises(sdk, ours)
    assert ours.result["status"].upper() == "PAUSED"


def _missing_fields(sdk: Told, ours: Told) -> None:
    _sdk_raises(sdk, ours)
    assert "num_successes" not in ours.result


DIFFERENCES: dict[str, Difference] = {
    "null evaluators": Difference(
        'sends plain dictionaries as `"evaluators": [null]`, without any error of its own',
        "sends them as they are meant; they are what operators take",
        _null_evaluators,
        since=(8, 51),
    ),
    "page size": Difference(
        "asks for 100 entries by default", "asks for 50, as the SDK does now", _page_size, until=(8, 36)
    ),
    "part of a space's name": Difference(
        "`list(space=...)` lists the tasks of every space whose name contains the text",
        "looks the space up and lists its tasks alone",
        _space_part,
    ),
    "no offset": Difference(
        "sends a time without an offset as it is, which the server refuses",
        "sends it as UTC and logs that it did",
        _no_offset,
    ),
    "ended run": Difference(
        "raises when the run to cancel has ended by then",
        "returns the run, since it is where the caller wanted it",
        _ended_run,
    ),
    "a cancel looks again": Difference(
        "takes a refused cancel as it is", "looks at the run before it raises the same refusal", _looks_again
    ),
    "looks": Difference(
        "counts the time of its requests in its own way",
        "may look once more or once less before the time is up; same error",
        _looks,
    ),
    "unknown space": Difference(
        "says that the task is not found when it is the space that isn't",
        "names the space",
        _unknown_space,
    ),
    "throttled trigger": Difference(
        "raises at once",
        "asks again after the time the server gave, as a refused request has taken no effect",
        _throttled,
    ),
    "passing fault": Difference(
        "raises a 500, 502, 503 or 504 of any request at once (429 and 503 with Retry-After, of a GET, it repeats)",
        "repeats what is safe to repeat, for a minute at most",
        _passing_fault,
    ),
    "unknown status": Difference(
        "raises: the whole reply is lost, and with it the run's id",
        "returns the run with status UNKNOWN; the text is in `to_dict()`",
        _unknown_status,
    ),
    "missing fields": Difference("raises", "returns the run, its counts `None`", _missing_fields, until=(8, 59)),
    "new field of a run": Difference(
        "raises", "returns the run; the field is in `to_dict()`", _sdk_raises, until=(8, 45)
    ),
    "new field of a task": Difference(
        "raises before 8.46, drops the field since", "returns the task; the field is in `to_dict()`", _new_field_of_task
    ),
}

#: Holds for every look-up by name of the older releases, so it is taken into account in all comparisons.
SPACE_BY_PART = (
    "looks a project, dataset or task up in every space whose name contains the text, and takes the first one it finds"
)
SPACE_BY_PART_UNTIL = (8, 61)
#: So does this, for every run configuration that is given as a dictionary.
NULL_IN_CONFIGURATION = "adds `null` for the pinned prompt or evaluator version of a run configuration that has none"
NULL_IN_CONFIGURATION_UNTIL = (8, 61)


def without_nulls(requests: list[Any]) -> list[Any]:
    """An older release's requests without the nulls it adds to run configurations."""
    cleaned = []
    for method, path, query, body in requests:
        config = (body or {}).get("run_configuration") if isinstance(body, dict) else None
        if config:
            added = ("prompt_version_id", "evaluator_version_id")
            kept = {name: value for name, value in config.items() if name not in added or value is not None}
            cleaned.append((method, path, query, {**body, "run_configuration": kept}))
        else:
            cleaned.append((method, path, query, body))
    return cleaned


def exact_space(requests: list[Any], spaces: dict[str, str]) -> list[Any]:
    """An older release's requests as they are when the space is looked up first, and then used by its id."""
    expanded = []
    for method, path, query, body in requests:
        given = dict(query)
        name = given.pop("space_name", None)
        if name is None:
            expanded.append((method, path, query, body))
            continue
        expanded.append(("GET", "/v2/spaces", [["limit", "100"], ["name", name]], None))
        rest = [pair for pair in query if pair[0] != "space_name"]
        expanded.append((method, path, sorted([*rest, ["space_id", spaces[name]]]), body))
    return expanded
