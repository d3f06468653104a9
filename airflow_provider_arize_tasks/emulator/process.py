"""Run the emulator as a process of its own, from tests and scripts."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.control import EmulatorControl, EmulatorError

if TYPE_CHECKING:
    from collections.abc import Iterator

_READY = "Arize emulator ready at "


class EmulatorProcess:
    """An emulator in a process of its own.

    :param port: port; 0 for a free one, which a restart keeps.
    :param options: command-line options with underscores: ``api_level``, ``api_key``, ``run_seconds``, ``seed_spans``,
        ``host``, ``allowed_host``, ``weather``, ``weather_seed``; ``None`` leaves one to its default.
    """

    def __init__(self, *, port: int = 0, **options: Any) -> None:
        self.port = port
        self.options = options
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    @property
    def control(self) -> EmulatorControl:
        """A client of its control path."""
        return EmulatorControl(self.url)

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start it and wait until it is ready.

        :raises EmulatorError: where it doesn't come up.
        """
        command = [sys.executable, "-m", "airflow_provider_arize_tasks.emulator", "--port", str(self.port)]
        command += ["--until-input-closes"]  # so that it doesn't outlive a test run that is killed
        for name, value in self.options.items():
            command += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
        # Errors go to a file: nobody reads a pipe, and one that is full would stop the emulator.
        with tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(  # noqa: S603 -- our own interpreter and module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            self._process = process
            line = process.stdout.readline() if process.stdout is not None else ""
            if not line.startswith(_READY):
                self.kill()
                errors.seek(0)
                raise EmulatorError(f"the emulator did not start: {line}{errors.read()}")
        self.url = line[len(_READY) :].split(" ", 1)[0]
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self, timeout: float = 5.0) -> None:
        """Stop it in an orderly way; kill it if that takes longer than ``timeout`` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._close()

    def kill(self) -> None:
        """Kill it at once: all its state is lost."""
        if self._process is not None:
            self._process.kill()
            self._close()

    def _close(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def restart(self, down_seconds: float = 0.0) -> None:
        """Kill it and start it anew on the same port, with fresh state.

        :param down_seconds: how long nobody listens in between. To keep the state over an outage, use
            ``control.outage(seconds, mode="refuse")`` instead.
        """
        self.kill()
        time.sleep(down_seconds)
        self.start()


@contextlib.contextmanager
def running_emulator(*, port: int = 0, **options: Any) -> Iterator[EmulatorProcess]:
    """An emulator process for the duration of a ``with`` block.

    :param port: port; a free one by default.
    :param options: see :class:`EmulatorProcess`.
    """
    emulator = EmulatorProcess(port=port, **options)
    emulator.start()
    try:
        yield emulator
    finally:
        emulator.stop()
