"""Loads a model before it is measured and unloads it afterwards, where the server can.

LM Studio loads through its REST API, older versions through their `lms` command. All others (Ollama, llama.cpp, vLLM)
have their model in memory or load it at the first request and make room by themselves.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Final, Protocol

import aiohttp
import orjson

from services.benchmark.discover import Found
from services.benchmark.errors import BadPlan, ModelFailed
from services.benchmark.plan import Plan
from services.benchmark.stream import said

_LMS_PLACES: Final = (Path.home() / ".lmstudio/bin/lms", Path("/opt/lm-studio/bin/lms"))


class Loader(Protocol):
    """How models get into memory. `name` is for people."""

    name: str

    async def load(self, model: str) -> str | None:
        """Loads it; what to unload afterwards, None where nothing was loaded. Raises ModelFailed."""

    async def unload(self, instance: str) -> None:
        """Takes it out of memory. Raises ModelFailed."""


class OnDemand:
    """The server sees to it."""

    name = "the server, at the first request"

    async def load(self, model: str) -> str | None:  # noqa: ARG002 - as the others
        """Nothing to do."""
        return None

    async def unload(self, instance: str) -> None:
        """Nothing to do."""


class RestLoader:
    """LM Studio's REST API, version 1."""

    name = "LM Studio's REST API"

    def __init__(self, session: aiohttp.ClientSession, root: str) -> None:
        self._session = session
        self._models = f"{root}/api/v1/models"

    async def load(self, model: str) -> str | None:
        """`POST /api/v1/models/load`."""
        answer = await self._post("load", {"model": model})
        # The name of the field while this API was in beta.
        return str(answer.get("instance_id") or answer.get("model_instance_id") or model)

    async def unload(self, instance: str) -> None:
        """`POST /api/v1/models/unload`."""
        await self._post("unload", {"instance_id": instance})

    async def _post(self, verb: str, body: dict[str, str]) -> dict[str, object]:
        try:
            async with self._session.post(f"{self._models}/{verb}", json=body) as response:
                raw = await response.read()
                if response.status != 200:
                    raise ModelFailed(f"{verb} was refused with {response.status}: {said(raw)}")
                answer = orjson.loads(raw)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ModelFailed(f"{verb} failed: {error}") from error
        return answer if isinstance(answer, dict) else {}


class LmsLoader:
    """LM Studio's command line, which talks to the LM Studio of this machine."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    async def load(self, model: str) -> str | None:
        """`lms load MODEL -y`."""
        await self._run("load", model, "-y")
        return model

    async def unload(self, instance: str) -> None:
        """`lms unload MODEL`."""
        await self._run("unload", instance)

    async def _run(self, verb: str, *words: str) -> None:
        if words[0].startswith("-"):
            raise ModelFailed(f"a model named {words[0]!r} would be an option to lms")
        try:
            process = await asyncio.create_subprocess_exec(
                self._path,
                verb,
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        except OSError as error:
            raise ModelFailed(f"{self._path} does not start: {error.strerror}") from error
        try:
            told, _ = await process.communicate()
        finally:
            if process.returncode is None:  # cancelled, as by a timeout
                process.kill()
                await process.wait()
        if process.returncode:
            last = " ".join(told.decode(errors="replace").split())[-300:]
            raise ModelFailed(f"lms {verb} ended with exit status {process.returncode}: {last or 'it said nothing'}")


def loader(session: aiohttp.ClientSession, plan: Plan, found: Found) -> Loader:
    """Who loads: `lms` where the plan names it, else LM Studio's API, else `lms` for an LM Studio of this machine.

    Raises BadPlan for a command that isn't there.
    """
    if plan.lms is not None:
        if (path := shutil.which(plan.lms)) is None:
            raise BadPlan(f"{plan.lms} is no program that can be run")
        return LmsLoader(Path(path).absolute())
    if found.loads:
        return RestLoader(session, plan.root)
    # Only LM Studio says what it has in memory, so a server that does not is somebody else's.
    if found.says_state and plan.local and (lms := _find_lms()) is not None:
        return LmsLoader(lms)
    return OnDemand()


def _find_lms() -> Path | None:
    named = shutil.which("lms")
    return Path(named) if named else next((path for path in _LMS_PLACES if path.is_file()), None)
