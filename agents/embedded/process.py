"""The child process that runs the embedded model: started when first needed, anew when it died, never orphaned."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Final, NamedTuple

from agents.embedded import weights
from agents.errors import StopWork

_KEY: Final = "TEACHBACK_EMBEDDED_KEY"  # as in server.py, which only the child may import
_PASSED: Final = ("HOME", "XDG_CACHE_HOME", "LD_LIBRARY_PATH", "PYTHONPATH", "LANG", "TMPDIR")
_TAIL: Final = 4096
"""Bytes of the child's last words kept for an error message."""


class EmbeddedFailed(StopWork):
    """The child process ended, or was not ready in time; the message ends with its last words on standard error."""


class Endpoint(NamedTuple):
    """Where an OpenAI-protocol server listens (`base_url` ends in /v1) and the key it wants."""

    base_url: str
    api_key: str


class EmbeddedServer:
    """llama.cpp in a child process. One a service: each holds its own copy of the model's memory (some 0.7 GB).

    `model` is a GGUF file, the packaged student by default; `threads`, `parallel` and `context` are server.py's, its
    defaults where None. `timeout` (seconds) bounds the start, the first one of all included, which writes the F16 file.
    """

    def __init__(
        self,
        model: Path | None = None,
        *,
        alias: str = weights.MODEL,
        threads: int | None = None,
        parallel: int | None = None,
        context: int | None = None,
        timeout: float = 120.0,
    ) -> None:
        self._model = model
        chosen = {"threads": threads, "parallel": parallel, "context": context}
        self._options = ["--alias", alias]
        self._options += [word for name, n in chosen.items() if n is not None for word in (f"--{name}", str(n))]
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._endpoint: Endpoint | None = None
        self._tail = bytearray()
        self._drain: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id; None where none runs."""
        return self._process.pid if self._alive() and self._process else None

    async def start(self) -> Endpoint:
        """The endpoint, with a child behind it that lives: call it before each use, it costs nothing when all is well.

        Callers that come while one starts wait for the same child. Raises weights.EmbeddedUnavailable where something
        must be installed first, EmbeddedFailed where the child ended or took too long.
        """
        async with self._lock:
            if self._endpoint is None or not self._alive():
                await self._end()
                self._endpoint = await self._begin()
            return self._endpoint

    async def stop(self) -> None:
        """Ends the child, if there is one; `start` may follow."""
        async with self._lock:
            await self._end()

    def _alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def _begin(self) -> Endpoint:
        if self._model is None:
            weights.packaged()  # says what is missing without starting anything
        key = secrets.token_urlsafe(32)
        model = ["--model", str(self._model)] if self._model else []
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a user's own `agents` folder in the current one is not ours
            *("-m", "agents.embedded.server", "--child", *model, *self._options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(key),
            start_new_session=True,  # Ctrl-C is the service's to handle; it ends the child itself
        )
        self._drain = asyncio.create_task(self._keep_tail(self._process))
        try:
            async with asyncio.timeout(self._timeout):
                port = await self._ready(self._process)
        except TimeoutError as error:
            await self._end()
            raise EmbeddedFailed(self._complaint(f"was not ready after {self._timeout:g} seconds")) from error
        except BaseException:  # cancelled, too: no child may outlive a start that failed
            await self._end()
            raise
        return Endpoint(f"http://127.0.0.1:{port}/v1", key)

    async def _ready(self, process: asyncio.subprocess.Process) -> int:
        """The port in the line the child prints when it listens."""
        assert process.stdout is not None
        assert self._drain is not None
        line = await process.stdout.readline()
        if not line:
            await self._drain
            raise EmbeddedFailed(self._complaint(f"ended with exit status {await process.wait()}"))
        return int(json.loads(line)["port"])

    async def _keep_tail(self, process: asyncio.subprocess.Process) -> None:
        """Reads what the child complains of, so that its pipe never fills, and keeps the end."""
        assert process.stderr is not None
        self._tail.clear()
        while chunk := await process.stderr.read(_TAIL):
            self._tail += chunk
            del self._tail[:-_TAIL]

    def _complaint(self, what: str) -> str:
        said = self._tail.decode(errors="replace").strip()
        return f"the embedded model's process {what}" + (f": {said}" if said else "")

    async def _end(self) -> None:
        """Ends the child by closing its standard input, by force where that is not enough."""
        process, self._process, self._endpoint = self._process, None, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._drain is not None:
            await self._drain


def _environment(key: str) -> dict[str, str]:
    """What the child needs of the environment, and no secret of the service's.

    OpenMP's threads sleep while they wait for each other instead of spinning: with more threads than free cores that
    doubles what is left of the speed.
    """
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    return {**passed, _KEY: key, "OMP_WAIT_POLICY": "passive"}
