"""A service in a process of its own: started, killed and started again on the same data folder."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx
from teachback import Client
from teachback.client import JobHandle

from tests.support import databases
from tests.support.farmodel import FarModel
from tests.support.forked import Forked

ROOT = Path(__file__).parents[2]
STAND_IN = ROOT / "tests/support/stand_in"
"""On a service's PYTHONPATH it puts programs that only speak like the trainer's in front of those."""
START = 60.0
"""Seconds within which a service must be up; the machine may be busy."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a service process sees: nothing of the tests' own settings, no provider's key."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LITELLM_LOCAL_MODEL_COST_MAP": "True", **more}


def far_settings(far: FarModel, **more: Any) -> str:
    """TEACHBACK_MODELS that sends every `openai/` model to the far model."""
    return json.dumps({"openai/*": {"api_base": far.base, **more}})


class Service:
    """`with Service(folder) as service:` runs it; `service.kill()` and `service.start()` as often as wanted."""

    def __init__(
        self,
        folder: Path,
        far: FarModel | None = None,
        models: Mapping[str, Any] | None = None,
        *,
        database: databases.Kind = databases.KINDS[0],
        forked: bool = True,
    ) -> None:
        """`models`: settings of the far models beside their address. `forked`: without the seconds of importing."""
        self.folder, self._forked = folder, forked
        # The student of a job that names none; the product's own default takes seconds to start.
        self.env = environment(folder, TEACHBACK_STUDENT="offline/student")
        if database == "postgres":
            self.env["TEACHBACK_DATABASE_URL"] = databases.url(database, folder)
        if far is not None:
            self.env["TEACHBACK_MODELS"] = far_settings(far, **(models or {}))
        self.largest_file: int | None = None
        """Bytes beyond which no file of the process can grow: to it the disk is full."""
        self.process: subprocess.Popen[bytes] | Forked | None = None
        self.grpc = self.rest = self.token = ""
        self._client: Client | None = None
        self._past: list[Client] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, **more: str) -> float:
        """Starts it, with more variables where given; returns the seconds until it answered.

        Time in which it could have run and other processes had the processor is not its own, and is left out.
        """
        began = time.monotonic()
        self.spawn(**more)
        self.wait()
        assert self.process is not None
        waited = int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[1]) / 1e9
        return time.monotonic() - began - waited

    def spawn(self, **more: str) -> None:
        """Starts the process and waits for nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        env = {**self.env, **more}
        # A private service takes neither of these from the environment.
        flags = []
        for name in ("database", "artifacts"):
            if url := env.pop(f"TEACHBACK_{name.upper()}_URL", ""):
                flags += [f"--{name}-url", url]
        arguments = ["--private", "--data-dir", str(self.folder), *flags]
        note = self.folder / "service.log"
        if self._forked and "PYTHONPATH" not in env:  # which counts when modules are imported
            self.process = Forked(arguments, cwd=ROOT, env=env, log=note)
        else:
            with note.open("ab") as log:
                command = [sys.executable, "-m", "services.main", *arguments]
                self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
        if self.largest_file:
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (self.largest_file, self.largest_file))

    def wait(self) -> None:
        """Waits until it answers."""
        assert self.process is not None
        note = self.folder / "service.json"
        until = time.monotonic() + START
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"the service ended with {self.process.returncode}:\n{self.log()[-2000:]}")
            told = json.loads(note.read_text()) if note.exists() else {}
            if told.get("pid") == self.process.pid:
                self.grpc, self.rest, self.token = told["grpc"], told["rest"], told["token"]
                return
            time.sleep(0.01)
        self.kill()
        raise RuntimeError(f"the service did not start in {START} s:\n{self.log()[-2000:]}")

    def kill(self) -> None:
        """kill -9, and waits until the process is gone."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.gone()

    def gone(self, seconds: float = 30.0) -> int:
        """Waits for its end and returns the exit status."""
        assert self.process is not None
        status = self.process.wait(seconds)
        if self._client:
            self._past.append(self._client)
            self._client = None
        return status

    def stop(self) -> None:
        """Ends it, kindly first, and closes every client."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.gone()
            except subprocess.TimeoutExpired:
                self.kill()
        for client in (*self._past, self._client):
            if client:
                client.close()
        self._past, self._client = [], None

    def log(self) -> str:
        """What it has written so far, over all its lives."""
        return (self.folder / "service.log").read_text(errors="replace")

    @property
    def database(self) -> Path | str:
        """The SQLite file, or the address of the PostgreSQL database."""
        return self.env.get("TEACHBACK_DATABASE_URL") or self.folder / "teachback.db"

    @property
    def database_url(self) -> str:
        """The same for SQLAlchemy."""
        return self.database if isinstance(self.database, str) else f"sqlite:///{self.database}"

    @property
    def client(self) -> Client:
        """A client of the running process."""
        self._client = self._client or Client(self.grpc, self.token, patience=5)
        return self._client

    @property
    def http(self) -> httpx.Client:
        """An HTTP client of the running process, with the token."""
        return httpx.Client(base_url=self.rest, headers={"Authorization": f"Bearer {self.token}"}, timeout=60)

    def submit(self, path: Path, **options: Any) -> JobHandle:
        """Starts a job on a file, the far models in all parts unless others are named."""
        models = {"student": "openai/far", "teacher": "openai/far", "evaluator": "openai/far"}
        return self.client.enhance(path, **{**models, **options})
