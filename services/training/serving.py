"""Tuned models as models to talk to: `jobs/{id}` is converted to GGUF once, and served by llama.cpp in a child.

The child listens on loopback and wants a key that is made for it; nobody but the gateway of this process has it. It
serves the models of all projects: that a job names none but its own project's is seen to when the job is created
(services/jobs/kinds.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import structlog

from agents.embedded.process import EmbeddedServer
from services.errors import InvalidRequest, WrongState
from services.store.ids import tail
from services.store.jobs import JobStore
from services.training import launcher
from services.training.artifacts import Artifacts
from services.training.models import brought
from services.views import Job, JobState

log = structlog.get_logger()

TUNED: Final = ("sft", "dpo", "quantize")
"""Kinds of jobs that leave a model."""
IDLE: Final = 300.0
"""Seconds after the last call from which a model no longer takes up memory."""
LOOK: Final = 15.0
"""Seconds between two looks for models that nobody asks any more."""
START: Final = 300.0
"""Seconds in which llama.cpp has to have a model loaded; some are large."""


class Serving:
    """The tuned models of one service. A model is started when it is first asked, and stopped when nobody asks."""

    def __init__(self, store: JobStore, artifacts: Artifacts, memory_limit: int = 0) -> None:
        """`memory_limit`: bytes of the converter, 0 for the launcher's own."""
        self._store, self._artifacts, self._memory_limit = store, artifacts, memory_limit
        self._servers: dict[str, EmbeddedServer] = {}
        self._asked: dict[str, float] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._tidier: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def check(self, name: str) -> None:
        """Whether there is such a model. Raises NotFound, InvalidRequest for other jobs, WrongState for unfinished."""
        _tuned(await asyncio.to_thread(self._store.get, name))

    async def reach(self, name: str) -> tuple[str, str]:
        """Where the model answers, and its key; converts and starts it where need be. Raises what `check` raises,
        EmbeddedFailed where llama.cpp can't load it, and what the launcher raises where it can't be converted."""
        self._asked[name] = time.monotonic()
        async with self._locks.setdefault(name, asyncio.Lock()):
            if name not in self._servers:
                file = await self._file(name)
                self._servers[name] = EmbeddedServer(file, alias=name, timeout=START)
            endpoint = await self._servers[name].start()
        self._asked[name] = time.monotonic()
        if self._tidier is None:
            self._tidier = asyncio.create_task(self._tidy())
        return endpoint.base_url, endpoint.api_key

    async def close(self) -> None:
        """Stops every model. Those who asked them have been stopped before."""
        self._closing.set()  # no cancel: one that meets the end of a child is lost (asyncio.wait_for of Python 3.11)
        if self._tidier:
            await self._tidier
        await asyncio.gather(*(server.stop() for server in self._servers.values()))

    async def _tidy(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._closing.wait()
            for name, server in list(self._servers.items()):
                async with self._locks[name]:
                    if time.monotonic() - self._asked[name] > IDLE:
                        await server.stop()
                        del self._servers[name]
                        log.info("a tuned model is no longer served", model=name)

    async def _file(self, name: str) -> Path:
        """The GGUF file of a model: the one its job made, or one in 8 bits made of what its job made."""
        job_id = tail(name, "jobs")
        job = await asyncio.to_thread(self._store.get, name)
        _tuned(job)
        output = await asyncio.to_thread(brought, name, self._store, self._artifacts)
        if found := await asyncio.to_thread(_gguf, output):
            return found
        served = self._artifacts.folder(job_id) / "served"
        if found := await asyncio.to_thread(_gguf, served):
            return found
        async with _alone(served.with_name("served.lock")):
            if not await asyncio.to_thread(_gguf, served):
                log.info("a tuned model is converted to be served", model=name)
                await self._convert(output, served)
        if found := await asyncio.to_thread(_gguf, served):
            return found
        raise WrongState(f"{name}: the converter made no GGUF file of it")

    async def _convert(self, model: Path, served: Path) -> None:
        config = served.with_name("served.yaml")
        wanted: dict[str, Any] = {
            "model": {"name": str(model)},
            "output_dir": str(served),
            "quantization": {"type": "q8_0"},  # on a processor twice as quick as 16 bits
            "naming": {"name": "served"},
            "fidelity": {"threshold": 0},  # next to nothing is lost in 8 bits, and whoever asks is waiting
        }
        config.write_text(json.dumps(wanted, indent=1), encoding="utf-8")  # JSON is YAML

        async def told(event: dict[str, Any]) -> None:
            log.debug("converting", **{k: v for k, v in event.items() if k != "event"})

        arguments = ["--config", str(config)]
        with contextlib.ExitStack() as stack:
            stack.callback(config.unlink, missing_ok=True)
            await launcher.run("training.gguf", arguments, served.parent, told, memory_limit=self._memory_limit)


@contextlib.asynccontextmanager
async def _alone(lock: Path) -> AsyncIterator[None]:
    """Waits until no other service that shares the files converts the same model."""
    with lock.open("a", encoding="utf-8") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(1.0)
        yield


def _tuned(job: Job) -> None:
    if job.spec.kind_name not in TUNED:
        raise InvalidRequest(f"{job.name} is a job of kind {job.spec.kind_name}; {', '.join(TUNED)} jobs leave a model")
    if job.state is not JobState.SUCCEEDED:
        raise WrongState(f"{job.name} is {job.state.value}; its model can be asked once it has succeeded")


def _gguf(folder: Path) -> Path | None:
    """The first GGUF file of a folder, None where there is none."""
    return next(iter(sorted(folder.glob("*.gguf"))), None)
