"""Writes ``docs/sdk-conformance.md`` and the signatures it stands on: ``python -m tests.conformance.document``.

The signatures come from the SDKs themselves, the releases from the scenarios both sides play, our side from the hook's
and operators' own signatures; nothing in the table is written by hand but the reasons for cells without a counterpart.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from tests.conformance.differences import DIFFERENCES, NULL_IN_CONFIGURATION, SPACE_BY_PART
from tests.conformance.environments import RELEASES
from tests.conformance.scenarios import SCENARIOS, Call
from tests.conformance.sides import METHODS
from tests.conformance.snippets import RELEASES as SNIPPET_RELEASES
from tests.conformance.snippets import SNIPPETS, Snippet

_HERE = Path(__file__).resolve().parent
PAGE = _HERE.parents[1] / "docs" / "sdk-conformance.md"
SIGNATURES = _HERE / "signatures.json"

#: Operators that carry a method, and the sensor. A method without one has its reason in ``WITHOUT_OPERATOR``.
OPERATORS: dict[str, tuple[str, ...]] = {
    "create_evaluation_task": ("ArizeCreateEvaluationTaskOperator",),
    "create_run_experiment_task": ("ArizeCreateRunExperimentTaskOperator",),
    "update": ("ArizeUpdateTaskOperator",),
    "delete": ("ArizeDeleteTaskOperator",),
    "trigger_run": ("ArizeTriggerEvaluationRunOperator", "ArizeTriggerExperimentRunOperator"),
    "cancel_run": ("ArizeCancelTaskRunOperator",),
    "wait_for_run": ("ArizeTaskRunSensor",),
}
WITHOUT_OPERATOR: dict[str, str] = {
    "list": "none, a list is for Python code; the create operators look for a task of the same name themselves",
    "get": "none, every operator reads the task it is given by itself",
    "list_runs": "none, the trigger operators and `ArizeFindWindowGapsOperator` list runs by themselves",
    "get_run": "none, `ArizeTaskRunSensor` and the trigger operators look at runs by themselves",
}
#: Arguments that an operator names otherwise, because Airflow has the name already.
RENAMED: dict[tuple[str, str], str] = {("wait_for_run", "poll_interval"): "poke_interval"}
#: What we have and the SDK's tasks client has not.
MORE = (
    ("`trigger_run(query_filter=...)`", "only matching examples of an experiment; in the API since 8.51"),
    ("`iter_tasks`, `list_all_runs`", "follow the pages; the SDK leaves cursors to its caller"),
    ("`.to_df()` of a page", "where pandas is installed"),
    ("names of evaluators, experiments and integrations", "wherever the SDK takes ids alone"),
    ("`list_integrations`, `get_prompt`", "without a client of their own"),
    ("`known_task=...`", "saves the request that reads the task, for callers that have just read it"),
)


def operator_arguments() -> dict[str, set[str]]:
    """Operator -> its own arguments."""
    from airflow_provider_arize_tasks.operators import runs, tasks
    from airflow_provider_arize_tasks.sensors import task_run

    found = {}
    for name in {name for names in OPERATORS.values() for name in names}:
        operator = next(getattr(module, name) for module in (tasks, runs, task_run) if hasattr(module, name))
        classes = [each for each in operator.__mro__ if each.__module__.startswith("airflow_provider_arize_tasks")]
        found[name] = {argument for each in classes for argument in inspect.signature(each.__init__).parameters}
    return found


def checked_in(method: str, argument: str | None) -> tuple[str, ...]:
    """The releases in whose scenarios a method is called, with a certain argument."""
    return tuple(
        release
        for release in RELEASES
        if any(
            step.method == method and (argument is None or argument in step.args)
            for scenario in SCENARIOS
            if scenario.suits(release)
            for step in scenario.steps
            if isinstance(step, Call)
        )
    )


def rows(signatures: dict[str, dict[str, Any]], method: str) -> list[tuple[str, str, str, str, str]]:
    """A method's table: argument, releases that have it, the hook's, the operators', releases it is checked with."""
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

    operators = operator_arguments()
    known = {release: signatures[release][method] for release in RELEASES if method in signatures[release]}
    ours = inspect.signature(getattr(ArizeHook, METHODS[method])).parameters
    found = []
    for argument in dict.fromkeys(name for given in reversed(known.values()) for name in given):
        has = tuple(release for release, given in known.items() if argument in given)
        hook = f"`{argument}`" if argument in ours else ""
        operator = _operator_cell(method, argument, operators)
        found.append((f"`{argument}`", _span(has), hook, operator, _span(checked_in(method, argument))))
    return found


def _operator_cell(method: str, argument: str, operators: dict[str, set[str]]) -> str:
    if method in WITHOUT_OPERATOR:
        return "hook only, see above"
    name = RENAMED.get((method, argument), argument)
    carriers = [operator for operator in OPERATORS[method] if name in operators[operator]]
    if len(OPERATORS[method]) == 1:
        return f"`{name}`" if carriers else ""
    return ", ".join(f"`{name}` of `{operator}`" for operator in carriers)


def _span(releases: tuple[str, ...]) -> str:
    """Releases in words: all of them, from one on, or a list."""
    if releases == RELEASES:
        return "all"
    if releases and releases == RELEASES[-len(releases) :]:
        return f"from {releases[0]}" if len(releases) > 1 else releases[0]
    return ", ".join(releases)


def _section(signatures: dict[str, dict[str, Any]], method: str) -> list[str]:
    """A method's part of the page."""
    carried = WITHOUT_OPERATOR.get(method) or ", ".join(f"`{name}`" for name in OPERATORS[method])
    return [
        f"### `{method}`",
        "",
        f"Hook: `{METHODS[method]}`, and `tasks.{method}`. Operator: {carried}.",
        "",
        "| argument | SDK releases that have it | hook | operator | checked with |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows(signatures, method)),
        "",
    ]


INTRODUCTION = """\
Six releases of the `arize` package, each in an environment of its own, and this provider's hook play the same
scenarios against the emulator, which answers as the server did when that release was new. Each call must have the same
outcome, give the same object field by field, and send the same requests: method, path, query and JSON body. All
outcomes of a run, refusals, pages, throttling and lost connections are among the scenarios.

"All" stands for all six: {releases}.
"""


SNIPPETS_INTRODUCTION = """\
With `client = ArizeHook()` each runs as it is printed and leaves what the page says: with plain dictionaries, and with
the SDK's own objects passed in ({releases}). The tests are those of `tests/conformance/test_snippets.py`.
"""


def _objects_of(snippet: Snippet) -> str:
    """The releases whose objects a snippet is run with."""
    has = [each for each in SNIPPET_RELEASES if snippet.since <= tuple(int(part) for part in each.split(".")[:2])]
    return "all three" if len(has) == len(SNIPPET_RELEASES) else ", ".join(has)


def render(signatures: dict[str, dict[str, Any]]) -> str:
    """The page."""
    lines = [
        "<!-- Written by `python -m tests.conformance.document`; a test fails when it is out of date. -->",
        "# What was checked against Arize's own SDK",
        "",
        INTRODUCTION.format(releases=", ".join(RELEASES)),
        "## Every method and argument of the SDK's tasks client",
        "",
        *(line for method in METHODS for line in _section(signatures, method)),
        "## Every snippet of the SDK's page about tasks",
        "",
        SNIPPETS_INTRODUCTION.format(releases=", ".join(SNIPPET_RELEASES)),
        "| the page says | test | with objects of |",
        "|---|---|---|",
        *(f"| {each.sentence} | `{each.name}` | {_objects_of(each)} |" for each in SNIPPETS),
        "",
        "## Where this provider does not do as the SDK does",
        "",
        "The suite checks both sides of each of these, but for the last.",
        "",
        "| name | SDK releases | the SDK | this provider |",
        "|---|---|---|---|",
        *(f"| {name} | {item.releases} | {item.sdk} | {item.ours} |" for name, item in DIFFERENCES.items()),
        f"| look-ups by name | 8.50.0 and before | {SPACE_BY_PART} | looks the space up first, and uses its id |",
        f"| null in a configuration | 8.50.0 and before | {NULL_IN_CONFIGURATION} | leaves out what isn't given |",
        "| silence | all | waits without end for an answer that doesn't come | gives up after the read timeout |",
        "",
        "## What the hook has beyond it",
        "",
        *(f"* {name}: {why}." for name, why in MORE),
        "",
    ]
    return "\n".join(lines)


def stored() -> dict[str, dict[str, Any]]:
    """The signatures as last recorded."""
    return dict(json.loads(SIGNATURES.read_text(encoding="utf-8")))


def main() -> None:
    """Ask every release for its signatures, and write them and the page."""
    from airflow_provider_arize_tasks.emulator.process import running_emulator
    from tests.conformance.sides import SdkSide

    found = {}
    with running_emulator(seed_spans=0) as emulator:
        for release in RELEASES:
            side = SdkSide(emulator, release)
            found[release] = side.ask({"method": "signatures"})["result"]
            side.close()
    SIGNATURES.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(render(found), encoding="utf-8")


if __name__ == "__main__":
    main()
