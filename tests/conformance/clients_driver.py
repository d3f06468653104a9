"""Runs inside an environment of the SDK and calls any of its clients as told; one JSON line in, one out.

Like ``driver.py`` it imports nothing but the SDK. Requests are lines such as
``{"client": "spans", "method": "list", "args": {"project": "x"}}``; replies hold ``result`` or ``error``.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
import warnings

warnings.simplefilter("ignore")

from arize import ArizeClient  # noqa: E402 -- importing it warns
from arize._generated import api_client as gen  # noqa: E402
from arize._generated.api_client.exceptions import ApiException  # noqa: E402

logging.disable(logging.CRITICAL)


def decode(value):
    """An argument from JSON: ``$datetime`` is a time, ``$model`` names one of the SDK's models or enums."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$datetime" in value:
        return dt.datetime.fromisoformat(value["$datetime"])
    fields = {name: decode(item) for name, item in value.items() if name != "$model"}
    if "$model" not in value:
        return fields
    kind = getattr(gen, value["$model"])
    return kind(fields["value"]) if set(fields) == {"value"} else kind(**fields)


def encode(value):
    """A result as JSON."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return value.model_dump(mode="json")


def main():
    """Answer until the input ends."""
    host, key = sys.argv[1], sys.argv[2]
    output = sys.stdout
    sys.stdout = sys.stderr
    client = ArizeClient(api_key=key, api_host=host, api_scheme="http")
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            method = getattr(getattr(client, asked["client"]), asked["method"])
            reply = {"result": encode(method(**decode(asked["args"])))}
        except ApiException as error:
            reply = {"error": {"status": error.status, "text": str(error.body)}}
        except Exception as error:  # noqa: BLE001 -- every error is what the test wants to hear of
            reply = {"error": {"status": None, "text": f"{type(error).__name__}: {str(error)[:1500]}"}}
        output.write(json.dumps(reply) + "\n")
        output.flush()


if __name__ == "__main__":
    main()
