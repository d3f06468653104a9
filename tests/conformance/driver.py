"""Runs inside an environment of the SDK and calls its tasks client as told; one JSON line in, one out.

It imports nothing but the SDK, so that what it records is the SDK's doing alone. Requests are lines such as
``{"method": "get", "args": {"task": "x"}}``; replies hold ``result`` (the parsed objects as JSON) or ``error``.
"""

from __future__ import annotations

import datetime as dt
import inspect
import json
import logging
import sys
import warnings

warnings.simplefilter("ignore")

from arize import ArizeClient  # noqa: E402 -- importing it warns
from arize._generated import api_client as gen  # noqa: E402
from arize._generated.api_client.exceptions import ApiException  # noqa: E402

logging.disable(logging.CRITICAL)


def model_of(*names):
    """The first of these models that this release has."""
    return next(getattr(gen, name) for name in names if hasattr(gen, name))


def evaluator(given):
    """An evaluator as the release's own model: what its users are told to pass."""
    if hasattr(gen, "SpanEvaluatorInput"):
        kind = gen.TraceOrSessionEvaluatorInput if "query_mappings" in given else gen.SpanEvaluatorInput
        return gen.TaskEvaluatorInput(kind(**given))
    return model_of("TaskEvaluatorInput", "BaseEvaluationTaskRequestEvaluatorsInner")(**given)


def decode(name, value, plain):
    """An argument from JSON: times, and the models the SDK wants in place of dictionaries."""
    if isinstance(value, dict) and "$datetime" in value:
        return dt.datetime.fromisoformat(value["$datetime"])
    if name == "evaluators" and value is not None and not plain:
        return [evaluator(item) for item in value]
    if name == "query_filters" and value is not None:
        return gen.TaskQueryFilters(**value)
    return value


def encode(value):
    """A result as JSON: models by their fields, pages included."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return value.model_dump(mode="json")


def kind_of(error):
    """An error as both sides name it."""
    if isinstance(error, ApiException):
        return {"kind": "status", "status": error.status, "body": error.body}
    if type(error).__name__ in ("NotFoundError", "AmbiguousNameError"):
        return {"kind": "name"}
    if isinstance(error, TimeoutError):
        return {"kind": "timeout"}
    if isinstance(error, ValueError):
        return {"kind": "ValueError"}
    if type(error).__module__.startswith("urllib3"):
        return {"kind": "transport"}
    return {"kind": type(error).__name__}


def signatures(client):
    """Every public method of the tasks client with its arguments and their defaults."""
    found = {}
    for name, method in inspect.getmembers(client, inspect.ismethod):
        if name.startswith("_"):
            continue
        parameters = inspect.signature(method).parameters.values()
        found[name] = {
            p.name: "required" if p.default is p.empty else "unset" if "UNSET" in repr(p.default).upper() or
            "MISSING" in repr(p.default).upper() else p.default
            for p in parameters
        }  # fmt: skip
    return found


def main():
    """Answer until the input ends."""
    host, key = sys.argv[1], sys.argv[2]
    output = sys.stdout
    sys.stdout = sys.stderr
    client = ArizeClient(api_key=key, api_host=host, api_scheme="http").tasks
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if asked["method"] == "signatures":
                reply = {"result": signatures(client)}
            else:
                plain = asked.get("plain", False)
                args = {name: decode(name, value, plain) for name, value in asked["args"].items()}
                reply = {"result": encode(getattr(client, asked["method"])(**args))}
        except Exception as error:  # noqa: BLE001 -- every error is what the test wants to hear of
            reply = {"error": {**kind_of(error), "type": type(error).__name__, "text": str(error)[:2000]}}
        output.write(json.dumps(reply) + "\n")
        output.flush()


if __name__ == "__main__":
    main()
