"""The rows of a job, worked on in parts by a cluster: the owner cuts them, hands them out, and takes back what died.

A part that is under way is a shard: a row in the database, which every write of its worker makes sure of, and which
holds the money that the worker may spend. When Ray says that the worker died the shard is deleted, so that whatever
still writes in its name is refused; then what is left of the part goes to another. How far the job is, the database
alone says.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, delete, update
from sqlalchemy.exc import SQLAlchemyError

from agents.errors import ModelError, StopWork
from services.access import spending
from services.errors import DatabaseGone, ServiceError, named
from services.jobs.log import EventLog
from services.jobs.run import Rows, Run
from services.ray.cluster import Cluster, Died, Failed
from services.ray.counting import Counting
from services.ray.order import SHARD, Answer, Order, digest
from services.settings import Settings
from services.store import fence
from services.store.examples import ExampleStore
from services.store.ids import new_id
from services.store.tables import jobs, shards
from services.store.writer import Writer
from services.telemetry import context
from services.telemetry.exporting import pushed

log = structlog.get_logger()

LARGEST: Final = 500
"""Rows of a part at most."""
ROUNDS: Final = 4
"""Parts that each place gets, where there are rows enough: the last ones end together."""
PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before a part whose worker died is given out again, by how often none of its rows was finished."""
EACH: Final = 0.5
"""Seconds between two looks at how far the job is, at least."""
SHARE: Final = 0.05
"""Of the time, what the looks may take of the database's."""


class Shards:
    """Where the rows of a service's jobs are worked on, if not in the service itself (services.jobs.run.Spread)."""

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        store: ExampleStore,
        events: EventLog,
        cluster: Cluster,
        settings: Settings,
    ) -> None:
        self._engine, self._writer, self._store, self._log = engine, writer, store, events
        self._cluster, self._settings = cluster, settings

    async def places(self) -> int:
        """The cluster's CPUs; 1 where it has none, or can't be reached yet: Ray keeps what it has no room for."""
        try:
            return max(1, int((await self._cluster.resources())["cpus"]))
        except Died:  # a part that is handed out will tell
            return 1

    async def left(self, run: Run) -> int:
        """How many rows have no outcome yet."""
        return await asyncio.to_thread(self._store.left, run.job_id, run.dataset_id, 0, run.total)

    async def cut(self, run: Run, places: int) -> AsyncIterator[Rows]:
        """The rows that are left, in parts."""
        size = max(1, min(LARGEST, await self.left(run) // (places * ROUNDS)))
        after = -1
        while found := await asyncio.to_thread(
            self._store.unfinished, run.job_id, run.dataset_id, after, run.total, size
        ):
            after = found[-1]
            yield Rows(found[0], after + 1)

    async def part(self, run: Run, rows: Rows, at_once: int) -> None:
        """Has a part worked on until all of it is done, or the run is paused. Raises as Run.work."""
        tries, left = 0, await self._unfinished(run, rows)
        while left:
            try:
                answer = await self._given_out(run, rows, at_once)
                if named(answer.reason) is DatabaseGone:  # we still have it: the way of the worker was cut
                    raise Died(answer.message)
            except Died as error:
                before, left = left, await self._unfinished(run, rows)
                tries = 0 if left < before else tries + 1
                if tries > len(PAUSES):
                    raise StopWork(
                        f"workers of Ray died {tries} times on the same rows, the last one: {error}"
                    ) from None
                log.warning("a part of a job is given out again", job=run.job_id, rows=left, told=str(error))
                await asyncio.sleep(PAUSES[max(tries, 1) - 1])
                continue
            except Failed as error:
                raise StopWork(f"a worker of Ray could not begin: {error}") from None
            run.heard(answer.failures, went_well=answer.went_well, billed=answer.billed)
            if answer.ended == "failed":
                raise _error(answer)
            if answer.ended != "lost":  # lost: its lease was out for a moment, and our own next write will tell
                return
            left = await self._unfinished(run, rows)
            await asyncio.sleep(PAUSES[0])

    @asynccontextmanager
    async def at_work(self, run: Run) -> AsyncIterator[None]:
        """Inside, workers may write of the job, and its figures are kept true; afterwards they are final."""
        await asyncio.to_thread(self._take_back_all, run.job_id)
        self._log.share(run.job_id)
        counting = None
        if not pushed("METRICS"):
            counted = await asyncio.to_thread(self._store.counted, run.job_id)
            counting = Counting(run.kind, counted, run.ledger.used)
        over = asyncio.Event()
        following = asyncio.create_task(self._follow(run, over, counting))
        try:
            yield
        finally:
            over.set()  # and not cancelled: what it has begun to write must not come after what is final
            await asyncio.gather(following, return_exceptions=True)
            self._log.unshare(run.job_id)
            await self._show(run, "", counting)

    async def _follow(self, run: Run, over: asyncio.Event, counting: Counting | None) -> None:
        shown = ""
        while not over.is_set():
            began = time.monotonic()
            try:
                shown = await self._show(run, shown, counting)
            except (SQLAlchemyError, ServiceError) as error:
                log.warning("how far a job is could not be told", job=run.job_id, error=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(EACH, (time.monotonic() - began) / SHARE)):
                    await over.wait()

    async def _show(self, run: Run, shown: str, counting: Counting | None) -> str:
        await self._figures(run, counting)
        if (now := run.progress().model_dump_json(exclude={"eta_seconds"})) != shown:
            stored = run.progress().model_dump_json()
            await self._writer.write(also=partial(_store, run.job_id, stored), last=True)
            self._log.wake(run.job_id)
        return now

    async def _figures(self, run: Run, counting: Counting | None) -> None:
        await asyncio.to_thread(run.ledger.reload)
        counted = await asyncio.to_thread(self._store.counted, run.job_id)
        run.tally.recount(counted)
        if counting:
            counting.look(counted, run.ledger.used)

    async def _unfinished(self, run: Run, rows: Rows) -> int:
        return await asyncio.to_thread(self._store.left, run.job_id, run.dataset_id, *rows)

    async def _given_out(self, run: Run, rows: Rows, at_once: int) -> Answer:
        held = fence.carried()
        told = self._settings
        order = Order(
            job_id=run.job_id,
            fence=held.fence if held else 0,
            shard=new_id(),
            first=rows.first,
            below=rows.below,
            at_once=at_once,
            student=told.student,
            teacher=told.teacher,
            evaluator=told.evaluator,
            max_spend=told.project_max_spend,
            spend_period=told.project_spend_period,
            billed=run.billed,
            models=digest(told),
            mark=context.mark(),
        )
        row = {"id": order.shard, "job_id": run.job_id, "held": 0.0}
        await self._writer.write((shards, row))
        try:
            return Answer.model_validate_json(await self._cluster.run(SHARD, order.model_dump_json()))
        finally:
            await asyncio.shield(asyncio.to_thread(self._take_back, run.job_id, order.shard))

    def _take_back(self, job_id: str, shard: str) -> None:
        """Whatever is written for the shard from now on is refused; what it held is the job's again."""
        with self._engine.begin() as connection:
            connection.execute(delete(shards).where(shards.c.id == shard))
        spending.release(self._engine, job_id, shard)

    def _take_back_all(self, job_id: str) -> None:
        """What an owner that died has given out. (What it held of the project's money, the purse has taken back.)"""
        with fence.writing(self._engine) as connection:
            connection.execute(delete(shards).where(shards.c.job_id == job_id))


def _store(job_id: str, progress: str, connection: Connection) -> None:
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(progress=progress))


def _error(answer: Answer) -> Exception:
    """What a worker could not go on from, as it would have been raised here."""
    kind = named(answer.reason)
    if kind is ModelError:
        return StopWork(answer.message)
    if kind is not None and issubclass(kind, ServiceError | ModelError):
        return kind(answer.message)
    return RuntimeError(answer.message)
