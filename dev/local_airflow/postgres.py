"""A throw-away PostgreSQL cluster from the distribution's package (``apt-get install postgresql``)."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from dev.local_airflow.settings import free_port


class PostgresMissingError(RuntimeError):
    """No PostgreSQL server binaries were found on this machine."""


def find_binaries() -> Path:
    """The newest ``bin`` folder with ``initdb`` and ``postgres``.

    :raises PostgresMissingError: when there is none.
    """
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = debian[-1] if debian else shutil.which("initdb")
    if found is None:
        raise PostgresMissingError("PostgreSQL is not installed here; on Debian: apt-get install postgresql")
    return Path(found).resolve().parent


def _as_postgres() -> dict[str, Any]:
    """Arguments for subprocess: PostgreSQL refuses to run as root, so root becomes the ``postgres`` user."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Postgres:
    """One cluster in a temporary folder, reachable on a free loopback port only.

    Durability is switched off: it is thrown away with the test that asked for it.
    """

    def __init__(self) -> None:
        self.bin = find_binaries()
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="local-airflow-pg-", dir="/tmp"))
        self.password = secrets.token_hex(12)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the empty database."""
        return f"postgresql+psycopg2://postgres:{self.password}@127.0.0.1:{self.port}/postgres"

    def start(self, log: Path) -> None:
        """Create the cluster and wait until it takes connections.

        :param log: file for the server's output.
        :raises RuntimeError: when it is not up after 60 s.
        """
        identity = _as_postgres()
        secret = self.folder / "password"
        secret.write_text(self.password)
        if identity:
            for path in (self.folder, secret):
                os.chown(path, identity["user"], identity["group"])
        data = self.folder / "data"
        subprocess.run(
            [str(self.bin / "initdb"), "-D", str(data), "-U", "postgres", "-A", "scram-sha-256",
             "--pwfile", str(secret), "--no-sync", "--encoding", "UTF8", "--locale", "C"],
            check=True, stdout=subprocess.DEVNULL, cwd="/", **identity,
        )  # fmt: skip
        options = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder, "fsync": "off",
            "synchronous_commit": "off", "full_page_writes": "off", "max_connections": 500, "shared_buffers": "64MB",
        }  # fmt: skip
        flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(self.bin / "postgres"), "-D", str(data), *flags],
                stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/", **identity,
            )  # fmt: skip
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 60
        probe = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(probe, check=False).returncode != 0:
            if time.monotonic() > until or (self.process and self.process.poll() is not None):
                raise RuntimeError("the throw-away PostgreSQL did not come up; its log is postgres.log")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop at once and delete the folder."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()  # the postmaster's children notice and leave; nothing here is worth a clean shutdown
            self.process.wait(timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)
