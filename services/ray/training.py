"""What a worker does for a training: runs the program of a job as the service would, on its own node.

The job's folder is one for service and nodes, on a disk that all can write to. What the program says is appended to a
file there, which the service reads as it grows; its last word comes back over Ray. The program ends when the job's
lease is no longer its owner's.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson
import structlog
from opentelemetry import propagate
from opentelemetry.context import attach, detach
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from services import logs
from services.errors import InvalidRequest
from services.ray.database import opened
from services.ray.order import Answer, Program, failed
from services.settings import Settings
from services.store import fence
from services.store.fence import Held, LeaseLost
from services.store.tables import leases
from services.training import launcher

log = structlog.get_logger()

LOOK: Final = 0.5
"""Seconds between two looks at the lease."""


def work(argument: str) -> str:
    """Runs a `Program`; returns an `Answer`. Both are JSON."""
    logs.configure()
    program = Program.model_validate_json(argument)
    if program.nodes > 1:
        from services.ray import several  # which needs Ray Train

        return several.answer(program).model_dump_json()
    return answer(program).model_dump_json()


def answer(program: Program, place: Mapping[str, str] | None = None) -> Answer:
    """How it went. `place`: as launcher.run has it."""
    token = attach(propagate.extract({"traceparent": program.mark}))
    try:
        return asyncio.run(_run(program, place))
    except LeaseLost as error:
        return Answer(ended="lost", message=str(error))
    except Exception as error:  # whatever it is, the job's owner hears of it
        told = failed(error)
        if not told.reason:
            log.exception("a training failed in a way nobody foresaw", job=program.job_id, exc_info=error)
        return told
    finally:
        detach(token)


def shared_folder(program: Program) -> Path:
    """The job's folder. Raises InvalidRequest where this node has another disk than the service."""
    folder = Settings().data_dir.absolute() / "artifacts" / program.job_id
    if not folder.is_dir():
        raise InvalidRequest(
            f"a worker of Ray does not see the folder of jobs/{program.job_id}: `artifacts` in the data folder has to "
            "be one folder for the service and all of Ray's nodes"
        )
    return folder


async def _run(program: Program, place: Mapping[str, str] | None) -> Answer:
    folder = shared_folder(program)
    engine = opened(Settings())
    try:
        with _lease(engine, program) as held, fence.carrying(held):
            done = await launcher.run(
                program.module,
                program.arguments,
                folder,
                lambda event: _append(folder / program.told, event),
                memory_limit=program.memory_limit,
                place=place,
            )
    finally:
        engine.dispose()
    return Answer(ended="done", event=done)


async def _append(file: Path, event: launcher.Event) -> None:
    with file.open("ab") as told:
        told.write(orjson.dumps(event) + b"\n")


@contextmanager
def _lease(engine: Engine, program: Program) -> Iterator[Held]:
    """The lease of the job's owner, as far as its end was seen. Raises LeaseLost where it is another's already."""
    until = [_ends(engine, program)]
    if until[0] < time.monotonic():
        raise LeaseLost(f"jobs/{program.job_id}: its owner has lost it")
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK):
            try:
                until[0] = _ends(engine, program)
            except SQLAlchemyError as error:
                log.warning("a lease could not be looked at", job=program.job_id, error=type(error).__name__)

    # A thread, and not a task: a busy event loop is no reason to end a training.
    looking = threading.Thread(target=look, name="lease", daemon=True)
    looking.start()
    try:
        yield Held(program.job_id, program.fence, lambda: until[0] - time.monotonic())
    finally:
        over.set()
        looking.join()


def _ends(engine: Engine, program: Program) -> float:
    """When the lease ends, on this machine's monotonic clock."""
    began = time.monotonic()
    mine = (leases.c.job_id == program.job_id) & (leases.c.fence == program.fence)
    with engine.connect() as connection:
        left = connection.execute(select(leases.c.expires - fence.now).where(mine)).scalar_one_or_none()
    return -math.inf if left is None else began + float(left)
