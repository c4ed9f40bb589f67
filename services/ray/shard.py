"""What a worker does: the same work on rows as in the service, on a part of them.

Rounds, calls, results and events go straight to the database, as the job's owner would write them, under its fencing
number and the shard's id. The worker has settings, database and keys from its own environment; nothing secret comes
over Ray.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import structlog
import uvloop
from opentelemetry import propagate
from opentelemetry.context import attach, detach
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

# LiteLLM would fetch a price list from the network when it is imported.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

from agents.gateway import Gateway
from agents.models import Catalog
from services import logs, openfiles
from services.access.projects import ProjectStore
from services.access.spending import Purse
from services.errors import InvalidRequest
from services.jobs import kinds
from services.jobs.allowance import Allowance
from services.jobs.log import EventLog
from services.jobs.run import Means, Rested, Rows, Run
from services.jobs.work import graphs
from services.limits.shared import SharedLimits
from services.ray.database import opened
from services.ray.order import Answer, Order, digest, failed
from services.settings import Settings
from services.store import fence
from services.store.datasets import DatasetStore
from services.store.engine import translated
from services.store.examples import ExampleStore
from services.store.fence import Held, LeaseLost
from services.store.jobs import JobStore
from services.store.ledger import JobLedger
from services.store.slots import SlotStore
from services.store.tables import jobs, leases, shards
from services.store.writer import Writer
from services.telemetry import exporting
from services.views import Job, JobState

log = structlog.get_logger()

LOOK: Final = 1.0
"""Seconds between two looks at whether the work is still wanted."""
THREADS: Final = 4
"""That ask the database at once: a cluster has many workers, and a database so many connections."""


def work(argument: str) -> str:
    """Works on an `Order`; returns an `Answer`. Both are JSON."""
    runner = _runner()
    return runner.run(_work(Order.model_validate_json(argument))).model_dump_json()


@dataclass(frozen=True, slots=True)
class _Process:
    """What a worker keeps from one part to the next."""

    settings: Settings
    engine: Engine
    writer: Writer
    limits: SharedLimits
    gateway: Gateway


@cache
def _runner() -> asyncio.Runner:
    """One event loop for all that this process will do: connections outlive a part."""
    logs.configure()
    openfiles.raise_limit()
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    runner.get_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    return runner


_made: list[_Process] = []


async def _process() -> _Process:
    if _made:
        return _made[0]
    settings = Settings()
    exporting.begin(settings)
    engine = opened(settings)
    writer = Writer(engine)
    writer.start()
    limits = SharedLimits(engine)
    gateway = Gateway(Catalog(settings.models, settings.local_api_base), limiting=limits)
    _made.append(_Process(settings, engine, writer, limits, gateway))
    return _made[0]


async def _work(order: Order) -> Answer:
    token = attach(propagate.extract({"traceparent": order.mark}))
    try:
        process = await _process()
        if digest(process.settings) != order.models:
            raise InvalidRequest(
                "a worker of Ray was told something else of models than the service: give Ray's nodes the same "
                "TEACHBACK_MODELS, TEACHBACK_CONFIG and TEACHBACK_LOCAL_API_BASE"
            )
        try:
            with fence.carrying(Held(order.job_id, order.fence, shard=order.shard)):
                return await _part(order, process)
        finally:
            await process.limits.close()  # the loop stands still until the next part, and nothing is renewed
    except Exception as error:  # noqa: BLE001 - whatever it is, the job's owner hears of it
        return _told(error, order)
    finally:
        detach(token)


async def _part(order: Order, process: _Process) -> Answer:
    state = await asyncio.to_thread(_state, order, process.engine)
    if state is None:
        return Answer(ended="lost")
    if state == JobState.PAUSED:  # while Ray had no room for it
        return Answer(ended="paused")
    run = await _begun(order, process)
    ended = await _worked(order, process, run)
    return Answer(ended=ended, billed=run.unrecorded, failures=run.failures, went_well=run.went_well)


async def _worked(order: Order, process: _Process, run: Run) -> Literal["done", "paused", "lost"]:
    working = asyncio.create_task(run.part(order.at_once))
    looking = asyncio.create_task(_look(order, process.engine, run, working))
    try:
        await working
    except Rested:
        return "paused"
    except asyncio.CancelledError:
        return "lost"
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    return "done"


async def _begun(order: Order, process: _Process) -> Run:
    engine, writer = process.engine, process.writer
    told = {
        "student": order.student,
        "teacher": order.teacher,
        "evaluator": order.evaluator,
        "project_max_spend": order.max_spend,
        "project_spend_period": order.spend_period,
    }
    settings = process.settings.model_copy(update=told)
    store = JobStore(engine, None)
    name = f"jobs/{order.job_id}"
    job = await asyncio.to_thread(store.get, name)
    project = await asyncio.to_thread(store.owner, name)
    events = EventLog(store, writer)
    events.share(order.job_id)
    purse = Purse(engine, ProjectStore(engine, settings), project, order.job_id, order.shard, alone=False)
    allowance = Allowance(engine, order.job_id, order.shard, _budget(job), order.billed)
    ledger = JobLedger(engine, writer, order.job_id, resumed=True, purse=purse, allowance=allowance)
    means = Means(
        await asyncio.to_thread(graphs),
        process.gateway,
        ExampleStore(engine, project),
        SlotStore(engine, project),
        events,
        max(0, settings.trace_examples - order.first),  # of the job's first, not of each part's
        part=Rows(order.first, order.below),
    )
    return await kinds.rows(job, settings, DatasetStore(engine, project), ledger, means)


def _budget(job: Job) -> float | None:
    return getattr(job.spec.kind, "max_cost", None) or None


async def _look(order: Order, engine: Engine, run: Run, working: asyncio.Task[None]) -> None:
    """Pauses the run with its job, and ends it when the part is no longer this worker's."""
    while True:
        await asyncio.sleep(LOOK)
        try:
            state = await asyncio.to_thread(_state, order, engine)
        except SQLAlchemyError:  # the work itself will say so, if it goes on
            continue
        if state is None:
            working.cancel()
            return
        if state == JobState.PAUSED:
            run.pause()
        else:
            run.go_on()


def _state(order: Order, engine: Engine) -> str | None:
    """The job's state; None where the shard, or the lease of whoever gave it out, is gone."""
    mine = (leases.c.job_id == order.job_id) & (leases.c.fence == order.fence) & (leases.c.expires > fence.now)
    query = (
        select(jobs.c.state)
        .join(shards, shards.c.job_id == jobs.c.id)
        .join(leases, mine)
        .where(jobs.c.id == order.job_id, shards.c.id == order.shard)
    )
    with engine.connect() as connection:
        return connection.execute(query).scalar_one_or_none()


def _told(error: Exception, order: Order) -> Answer:
    while isinstance(error, ExceptionGroup):  # of rows that met the same trouble at once
        error = error.exceptions[0]
    if isinstance(error, LeaseLost):
        return Answer(ended="lost", message=str(error))
    if isinstance(error, DBAPIError):
        error = translated(error)
    told = failed(error)
    if not told.reason:
        log.exception("a part of a job failed in a way nobody foresaw", job=order.job_id, exc_info=error)
    return told
