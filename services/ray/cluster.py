"""The service's way to a Ray cluster: starts the bridge (services/ray/bridge.py), and another when that has died."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, Final

import structlog

from services.settings import Settings
from services.store.ids import new_id
from services.training import launcher

log = structlog.get_logger()

START: Final = 60.0
"""Seconds in which a bridge must have reached the cluster."""
LONGEST_LINE: Final = 16 << 20


class Died(Exception):
    """A task ended with its worker, its node or the way there: it may be run again."""


class Failed(Exception):
    """A task's function raised something that nobody foresaw."""


def address(settings: Settings) -> str:
    """Where the cluster is."""
    return settings.ray_address or os.environ.get("RAY_ADDRESS") or "auto"


def check(settings: Settings) -> None:
    """Raises RuntimeError where Ray is wanted and can't be had: no PostgreSQL, or no Ray."""
    if settings.training_nodes > 1 and settings.training_executor != "ray":
        raise RuntimeError(
            f"training_nodes is {settings.training_nodes}, and only Ray spreads a training over several: set "
            "training_executor to ray, or training_nodes to 1"
        )
    if not (names := wanted(settings)):
        return
    if settings.database.startswith("sqlite"):
        raise RuntimeError(
            f"{names[0]} is ray, whose workers need the database as the service does: that takes PostgreSQL; set "
            f"database_url, or {names[0]} to local"
        )
    if find_spec("ray") is None:
        raise RuntimeError(
            f"{names[0]} is ray, and Ray is not installed here; install it: `pip install 'teachback-server[ray]'`"
        )


def wanted(settings: Settings) -> list[str]:
    """The settings that want Ray."""
    return [name for name in ("executor", "training_executor") if getattr(settings, name) == "ray"]


def command(address: str) -> list[str]:
    """What starts a bridge."""
    return [sys.executable, "-P", "-m", "services.ray.bridge", address]


def environment() -> dict[str, str]:
    """What a bridge sees: Ray's variables, and nothing of the service's own that is secret.

    Whoever can talk to Ray can run code on all of its nodes, so its token is asked for unless the operator has said
    otherwise.
    """
    told = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token"}
    return launcher.environment() | quiet | told


class Cluster:
    """One a service. `run` tasks, `close` it."""

    def __init__(self, settings: Settings) -> None:
        self.address = address(settings)
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._begun: asyncio.Task[None] | None = None
        self._under_way: dict[str, asyncio.Future[str]] = {}
        self._seen: asyncio.Future[dict[str, Any]] | None = None

    async def resources(self) -> dict[str, Any]:
        """The cluster's `cpus`, `gpus`, `nodes`, as of the last seconds. Raises Died where it can't be reached."""
        await self._bridge()
        assert self._seen is not None
        return self._seen.result()

    async def run(self, function: str, argument: str, *, cpus: float = 1, gpus: float = 0) -> str:
        """Runs `package.module:function` on the argument in a worker; returns what it returns.

        Cancelled, it ends the worker. Raises Died or Failed.
        """
        id_ = new_id()
        stdin = await self._bridge()
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._under_way[id_] = ended
        order = {"run": id_, "function": function, "argument": argument, "cpus": cpus, "gpus": gpus}
        try:
            self._tell(stdin, order)
            return await ended
        except asyncio.CancelledError:
            self._tell(stdin, {"stop": id_})
            raise
        finally:
            self._under_way.pop(id_, None)

    async def close(self) -> None:
        """Ends what is under way and the bridge."""
        if self._begun:
            self._begun.cancel()
            await asyncio.gather(self._begun, return_exceptions=True)
        if self._process is None or self._reading is None:
            return
        if self._process.stdin:
            self._process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.shield(self._reading)
        with suppress(ProcessLookupError):
            self._process.kill()
        await asyncio.gather(self._reading, return_exceptions=True)

    def _tell(self, stdin: asyncio.StreamWriter, told: dict[str, Any]) -> None:
        if not stdin.is_closing():  # else all that was under way has been told to have died
            stdin.write(json.dumps(told).encode() + b"\n")

    async def _bridge(self) -> asyncio.StreamWriter:
        """The stdin of a bridge that has reached the cluster."""
        if self._begun is None or self._over(self._begun):
            self._begun = asyncio.create_task(self._start())
            self._begun.add_done_callback(lambda begun: begun.cancelled() or begun.exception())  # all may be gone
        await asyncio.shield(self._begun)  # one start for all who wait, whoever of them is cancelled
        assert self._process is not None
        assert self._process.stdin is not None
        return self._process.stdin

    def _over(self, begun: asyncio.Task[None]) -> bool:
        """Whether a start has failed, or what it has started is gone."""
        if not begun.done():
            return False
        failed = begun.cancelled() or begun.exception() is not None
        return failed or self._process is None or self._process.returncode is not None

    async def _start(self) -> None:
        if self._reading:
            await asyncio.gather(self._reading, return_exceptions=True)
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *command(self.address), env=environment(), stdin=pipe, stdout=pipe, start_new_session=True,
            limit=LONGEST_LINE,
        )  # fmt: skip
        self._seen = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(self._process))
        try:
            async with asyncio.timeout(START):
                found = await asyncio.shield(self._seen)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise Died(f"Ray at {self.address} has not answered for {START:.0f} s") from None
        log.info("on a Ray cluster", address=self.address, **found)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        why = f"the way to Ray at {self.address} broke off"
        while line := await process.stdout.readline():
            told = json.loads(line)
            if "cluster" in told:
                self._see(told["cluster"])
            elif "unreachable" in told:
                why = f"Ray at {self.address} can't be reached: {told['unreachable']}"
            elif (ended := self._under_way.get(told.get("done") or told.get("failed") or told.get("died"))) is not None:
                _end(ended, told)
        await process.wait()
        for ended in self._under_way.values():
            if not ended.done():
                ended.set_exception(Died(why))
        if self._seen and not self._seen.done():
            self._seen.set_exception(Died(why))
            self._seen.exception()  # somebody may ask later, or nobody

    def _see(self, found: dict[str, Any]) -> None:
        assert self._seen is not None
        if self._seen.done():
            self._seen = asyncio.get_running_loop().create_future()
        self._seen.set_result(found)


def _end(ended: asyncio.Future[str], told: dict[str, Any]) -> None:
    if ended.done():
        return
    if "done" in told:
        ended.set_result(told["answer"])
    else:
        ended.set_exception((Failed if "failed" in told else Died)(told["why"]))
