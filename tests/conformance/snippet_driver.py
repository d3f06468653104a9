"""Runs the snippets with objects of a release of the SDK, in a process of its own: the SDK stands on its path.

``python -m tests.conformance.snippet_driver RELEASE SITE_PACKAGES URL``; prints JSON, snippet to ``null``
or what went wrong. Release ``none`` passes plain dicts.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
import warnings
from typing import Any

from airflow_provider_arize_tasks.emulator.control import EmulatorControl
from tests.conformance.snippets import PRELUDE, SNIPPETS


def dicts() -> dict[str, Any]:
    """Plain dicts in place of the SDK's classes."""
    made: dict[str, Any] = dict.fromkeys(
        ("Evaluator", "Configuration", "Message", "Filters", "Filter", "Mapping"), dict
    )
    return {**made, "TYPE_OF_EXPERIMENTS": "RUN_EXPERIMENT"}


def classes(release: tuple[int, ...]) -> dict[str, Any]:
    """What a release has the page's readers pass."""
    from arize._generated import api_client as gen
    from arize.tasks import types

    def evaluator(**given: Any) -> Any:
        if hasattr(gen, "SpanEvaluatorInput"):
            kind = gen.TraceOrSessionEvaluatorInput if "query_mappings" in given else gen.SpanEvaluatorInput
            return types.TaskEvaluatorInput(kind(**given))
        return getattr(types, "TaskEvaluatorInput", None or getattr(types, _OLD, None))(**given)

    def configuration(**given: Any) -> Any:
        upper = release >= (8, 40)
        given = {**given, "input_variable_format": _spelled(given["input_variable_format"], upper)}
        given["experiment_type"] = _spelled(given["experiment_type"], upper)
        given["messages"] = [{**each, "role": _spelled(each["role"], upper)} for each in given["messages"]]
        wrapper = getattr(gen, "RunConfigurationRequest", None) or gen.RunConfiguration
        inner = getattr(gen, "LlmGenerationRunConfigRequest", None) or types.LlmGenerationRunConfig
        return wrapper(inner.from_dict(given))

    found = {"Evaluator": evaluator, "Configuration": configuration, "Message": dict, "Mapping": dict}
    if release >= (8, 51):
        found |= {"Filters": types.TaskQueryFilters, "Filter": types.TaskQueryFilter}
    return {**found, "TYPE_OF_EXPERIMENTS": types.TaskType.RUN_EXPERIMENT}


_OLD = "BaseEvaluationTaskRequestEvaluatorsInner"


def _spelled(word: str, upper: bool) -> str:
    return word.upper() if upper else word.lower()


def main() -> None:
    """Run them all, each in the world that those before it left."""
    release, site_packages, url = sys.argv[1:]
    number = tuple(int(part) for part in release.split(".")) if release != "none" else (99,)
    if release != "none":
        sys.path.append(site_packages)
    warnings.simplefilter("ignore")
    fields = {"conn_type": "arize", "host": url, "password": "k"}
    os.environ["AIRFLOW_CONN_ARIZE_DEFAULT"] = json.dumps(fields)
    control = EmulatorControl(url)
    world: dict[str, Any] = dicts() if release == "none" else classes(number)
    world["fail_the_next_run"] = lambda: control.set_outcome("FAILED", times=1)
    world["make_runs_long"] = lambda: control.configure(run_seconds=60)
    results: dict[str, str | None] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(PRELUDE, world)
        for snippet in SNIPPETS:
            if snippet.since <= number:
                results[snippet.name] = _run(snippet.code, snippet.check, world)
    sys.stdout.write("\n" + json.dumps(results) + "\n")


def _run(code: str, check: str, world: dict[str, Any]) -> str | None:
    try:
        exec(code, world)
        held = eval(check, world)
    except Exception:  # noqa: BLE001 -- whatever a snippet raises is what the test wants to hear of
        return traceback.format_exc()[-1500:]
    return None if held else f"not so: {check}"


if __name__ == "__main__":
    main()
