"""One look of the official provider's sensor, measured in an environment of its own. Prints one line of JSON.

Run by the interpreter of that environment; it uses nothing of this repository. ``airflow.sdk`` is imported before the
clock starts, as it is in the process that a task is forked from.
"""

import json
import logging
import os
import sys
import time


def main() -> None:
    """Measure a first look, in a process that has to import the sensor, and later ones in the same process."""
    url, run_id = sys.argv[1:3]
    os.environ["AIRFLOW_CONN_ARIZE_AX_DEFAULT"] = json.dumps(
        {
            "conn_type": "arize_ax",
            "host": url.removeprefix("http://"),
            "password": "benchmark-key",
            "extra": {"api_scheme": "http"},
        }
    )
    logging.disable(logging.CRITICAL)
    import airflow.sdk  # noqa: F401

    begin = time.process_time()
    from airflow.providers.arize_ax.sensors.arize_ax import ArizeAxTaskRunSensor

    imported = time.process_time()
    sensor = ArizeAxTaskRunSensor(task_id="wait", run_id=run_id)
    assert sensor.poke({}) is False
    first = time.process_time()
    looks = 20
    for _ in range(looks):
        sensor.poke({})
    later = (time.process_time() - first) / looks
    result = {"import": imported - begin, "first_look": first - begin, "later_look": later}
    sys.stdout.write("\n" + json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
