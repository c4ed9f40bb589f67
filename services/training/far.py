"""Runs a program of training/ on a node of a Ray cluster, and tells what it says, as services/training/launcher.py does
for one on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson
import structlog

from services.errors import InvalidRequest, ServiceError, TrainingFailed, WrongState, named
from services.ray.cluster import Cluster, Died, Failed
from services.ray.order import TRAINING, Answer, Program
from services.store import fence
from services.store.fence import LeaseLost
from services.store.ids import new_id
from services.telemetry import context
from services.training.launcher import Event

log = structlog.get_logger()

LOOK: Final = 0.5
"""Seconds between two looks at what the program says."""
PAUSES: Final = (5.0, 15.0, 30.0)
"""Seconds before a program whose node died is begun anew, from its last checkpoint."""


async def run(
    cluster: Cluster,
    module: str,
    arguments: Sequence[str],
    folder: Path,
    on_event: Callable[[Event], Awaitable[None]],
    *,
    memory_limit: int = 0,
    nodes: int = 1,
) -> Event:
    """As launcher.run, with a GPU of the cluster where it has any, else a CPU. Cancelled, it ends the program.

    `nodes`: how many of the cluster's share it, through Ray Train.
    """
    gpu = False
    for pause in (*PAUSES, None):
        try:
            gpu = gpu or await _gpu(cluster, nodes)  # a node that is away for a while makes it no training on a CPU
            return await _once(cluster, module, arguments, folder, on_event, memory_limit, nodes, gpu)
        except Died as error:
            if pause is None:
                raise TrainingFailed(f"Ray lost it {len(PAUSES) + 1} times, the last time: {error}") from None
            log.warning("a training is begun anew", job=folder.name, told=str(error))
            await asyncio.sleep(pause)
        except (
            WrongState
        ) as error:  # one that Ray called lost still works in the folder, for its grace of half a minute
            if pause is None:
                raise
            log.warning("a training waits for the one before it", job=folder.name, told=str(error))
            await asyncio.sleep(pause)
    raise AssertionError("the last try returns or raises")


async def _gpu(cluster: Cluster, nodes: int) -> bool:
    """Whether each has a GPU. Raises InvalidRequest where the cluster has no room for so many."""
    found = await cluster.resources()
    gpu = bool(found["gpus"])
    here = int(found["gpus"] if gpu else found["cpus"])
    if nodes > max(1, here):
        raise InvalidRequest(
            f"training_nodes is {nodes}, and the cluster has {here} {'GPUs' if gpu else 'CPUs'}: add nodes, or set "
            "training_nodes to what is there"
        )
    return gpu


async def _once(
    cluster: Cluster,
    module: str,
    arguments: Sequence[str],
    folder: Path,
    on_event: Callable[[Event], Awaitable[None]],
    memory_limit: int,
    nodes: int,
    gpu: bool,
) -> Event:
    held = fence.carried()
    told = folder / f"told-{new_id()}.jsonl"
    program = Program(
        job_id=folder.name,
        fence=held.fence if held else 0,
        module=module,
        arguments=list(arguments),
        memory_limit=memory_limit,
        told=told.name,
        mark=context.mark(),
        nodes=nodes,
        gpu=gpu,
    )
    # Of several, each is given its own by Ray Train; who starts them needs nothing.
    cpus, gpus = (0, 0) if nodes > 1 else (1, int(program.gpu))
    running = asyncio.create_task(cluster.run(TRAINING, program.model_dump_json(), cpus=cpus, gpus=gpus))
    read = 0
    try:
        while True:
            over, _ = await asyncio.wait({running}, timeout=LOOK)
            read = await _hear(told, read, on_event)
            if over and isinstance(error := running.exception(), Failed):
                raise TrainingFailed(f"a worker of Ray could not begin: {error}")
            if over:
                return _ended(Answer.model_validate_json(running.result()))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        with suppress(OSError):
            told.unlink(missing_ok=True)


async def _hear(told: Path, read: int, on_event: Callable[[Event], Awaitable[None]]) -> int:
    """Passes on the whole lines from byte `read` on; returns where they end."""

    def rest() -> bytes:
        try:
            with told.open("rb") as file:
                file.seek(read)
                return file.read()
        except FileNotFoundError:  # it has said nothing yet
            return b""

    whole, end, _ = (await asyncio.to_thread(rest)).rpartition(b"\n")
    for line in whole.splitlines():
        await on_event(orjson.loads(line))
    return read + len(whole) + len(end)


def _ended(answer: Answer) -> Event:
    if answer.ended == "done":
        return answer.event
    if answer.ended == "lost":
        raise LeaseLost(answer.message)
    kind = named(answer.reason) or TrainingFailed
    raise kind(answer.message) if issubclass(kind, ServiceError) else TrainingFailed(answer.message)
