"""A distributed Airflow: CeleryExecutor with Redis and PostgreSQL, two workers, two triggerers."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dev.local_airflow import LocalAirflow
from dev.local_airflow.settings import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

ROOT = Path(__file__).parents[3]
#: Celery 5.7 took away a name that the provider still imports.
REQUIREMENTS = ("apache-airflow-providers-celery", "celery[redis]<5.7")
WORKERS = ("celery-worker-1", "celery-worker-2")
#: Seconds after which Redis hands a message that nobody has acknowledged to another worker.
VISIBILITY_TIMEOUT = 15


def celery_python() -> str:
    """An interpreter with the Celery provider on top of what this one has; made once and kept in ``.cache``."""
    folder = ROOT / ".cache" / f"celery-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        parent = next(path for path in sys.path if path.endswith("site-packages"))
        (own,) = (folder / "lib").glob("python*/site-packages")
        (own / "parent.pth").write_text(f"import site; site.addsitedir({parent!r})\n")
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        (folder / "ready").touch()
    return str(python)


class Redis:
    """A Redis server in a folder of its own, on a loopback port, that keeps its data over a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        server = shutil.which("redis-server")
        assert server is not None
        # setpriv, of every Debian: Redis ends with this process, however that ends
        command = [
            "setpriv",
            "--pdeathsig",
            "KILL",
            server,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self.folder),
        ]
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen([*command, "--appendonly", "yes"], stdout=log, stderr=log)
        time.sleep(1)
        assert self.process.poll() is None, (self.folder / "redis.log").read_text()

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(20)
            self.process = None

    def restart(self, down_seconds: float) -> None:
        self.stop()
        time.sleep(down_seconds)
        self.start()


class Engine:
    """The whole of it; use it as a context manager.

    :ivar airflow: API server, scheduler, triggerers and workers, to be hurt by name.
    :ivar redis: the broker.
    """

    def __init__(self, dags: Path, folder: Path, env: Mapping[str, str]) -> None:
        self.redis = Redis(folder)
        self.airflow = LocalAirflow(dags, postgres=True, triggerers=2, python=celery_python())
        database = self.airflow.env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
        self.airflow.env |= {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY__BROKER_URL": self.redis.url,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database}",
            "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
            "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": str(VISIBILITY_TIMEOUT),
            **env,
        }

    def __enter__(self) -> Self:
        self.redis.start()
        try:
            self.airflow.start()
            for name in WORKERS:
                self.start_worker(name)
        except BaseException:  # Ctrl-C too: nothing that was started may be left behind
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.airflow.stop()
        self.redis.stop(signal.SIGKILL)

    def start_worker(self, name: str) -> None:
        """Start a worker, again if it was killed."""
        arguments = ["celery", "worker", "--skip-serve-logs", "--concurrency", "3", "--celery-hostname", f"{name}@%h"]
        arguments += ["--pid", str(self.airflow.home / f"{name}.{time.monotonic_ns()}.pid")]
        self.airflow.start_component(name, arguments)

    def tails(self) -> str:
        """The last lines of every log, for a failed test."""
        return "\n".join(self.airflow.log_tail(name) for name in (*WORKERS, "scheduler", "triggerer"))

    def worker_of(self, pid: int) -> str | None:
        """The worker below which a process runs."""
        return next((name for name in WORKERS if pid in self.airflow.ps()[name]["children"]), None)
