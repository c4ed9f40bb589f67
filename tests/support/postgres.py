"""A PostgreSQL of the tests' own: made when first asked for, on a Unix socket and a port of loopback."""

from __future__ import annotations

import atexit
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

import psycopg

START = 60.0
"""Seconds within which the server must answer; the machine may be busy."""
PASSWORD = "p-" + secrets.token_hex(8)
"""Of the user `tests`, wanted on the port; the socket wants none."""


@cache
def programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest where there are several; None where it is not installed."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    return folders[-1] if folders else None


class Server:
    """A running server."""

    def __init__(self) -> None:
        bin_ = programs()
        assert bin_ is not None, "PostgreSQL is not installed: apt-get install postgresql"
        self._bin = bin_
        self._user = _unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix="tb-pg-"))  # short: it holds the socket
        if self._user:
            shutil.chown(self.folder, self._user)
        self.folder.chmod(0o755)
        self._data = self.folder / "data"
        password = self.folder / "password"
        password.write_text(PASSWORD)
        made = self._run("initdb", f"--pgdata={self._data}", "--username=tests", "--encoding=UTF8", "--no-locale",
                         "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}")  # fmt: skip
        assert made.returncode == 0, made.stdout
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        atexit.register(self.remove)

    def start(self) -> None:
        """Starts it and waits until it answers."""
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "shared_buffers": "64MB",
            "max_connections": 300,
            "log_min_messages": "warning",
        }
        given = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(self._data), *given],
                stdout=log, stderr=log, cwd=self.folder, user=self._user,
            )  # fmt: skip
        until = time.monotonic() + START
        while True:
            try:
                psycopg.connect(self.dsn("postgres")).close()
            except psycopg.OperationalError:
                going = self._process.poll() is None and time.monotonic() < until
                assert going, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stops it as an operator would in a hurry: whoever is connected is cut off."""
        if self._process:
            self._run("pg_ctl", "stop", f"--pgdata={self._data}", "--mode=fast", "--timeout=30")
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        """Stops it, and nothing is left."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def dsn(self, database: str) -> str:
        """What libpq connects with, over the socket."""
        return f"host={self.folder} port={self.port} user=tests dbname={database}"

    def url(self, database: str) -> str:
        """The same for the service."""
        return f"postgresql://tests@/{database}?host={self.folder}&port={self.port}"

    def database(self, encoding: str = "UTF8") -> str:
        """Makes an empty database; returns its name."""
        name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0".encode())
        return name

    def _run(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(self._bin / program), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, user=self._user)


@cache
def server() -> Server:
    """The server that all tests of this process share."""
    return Server()


def _unprivileged() -> str | None:
    """Who runs it: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    names = {user.pw_name for user in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)
