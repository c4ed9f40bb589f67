"""One job at work: hands rows out, many at once, and records each outcome the moment it is there."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar

from agents.errors import BudgetExceeded, ModelError, StopWork, Unreachable
from agents.gateway import Gateway
from agents.line import Line
from agents.places import OPEN, Places
from graphs.generate import Makers
from graphs.recipes.base import Generated, Slot
from graphs.records import Result, Task
from graphs.state import Cast
from services import failpoints
from services.jobs import tracing
from services.jobs.log import EventLog
from services.jobs.tally import Tally
from services.store.examples import ExampleStore, Pending
from services.store.ledger import JobLedger
from services.store.slots import SlotStore
from services.store.tables import examples, jobs
from services.views import Progress

PATIENCE = 20
"""Examples in a row that fail before a job gives up on its models."""
T = TypeVar("T")
REFRESH = 0.25
"""Seconds between two records of the progress; the examples themselves are recorded one by one."""


@dataclass(frozen=True, slots=True)
class Graphs:
    """The compiled graphs as functions: one example to its outcome."""

    enhance: Callable[[Task, Cast], Awaitable[Result]]
    generate: Callable[[Slot, Makers], Awaitable[Generated]]


class Rows(NamedTuple):
    """The job's rows with `first` <= seq < `below`."""

    first: int
    below: int


class Spread(Protocol):
    """Where the rows of a job are worked on by other processes (services/jobs/shards.py)."""

    async def places(self) -> int:
        """How many of them may work at once, this moment; 1 at least."""

    def cut(self, run: Run, places: int) -> AsyncIterator[Rows]:
        """The rows that are left, in parts."""

    async def part(self, run: Run, rows: Rows, at_once: int) -> None:
        """Has a part worked on, so many rows at once, until all of it is done or the run is paused.

        Raises as Run.work.
        """

    async def left(self, run: Run) -> int:
        """How many rows have no outcome yet."""

    def at_work(self, run: Run) -> AbstractAsyncContextManager[None]:
        """Inside, the figures of the run are kept true; afterwards they are final, and only we write of the job."""


@dataclass(frozen=True, slots=True)
class Means:
    """What every run shares."""

    graphs: Graphs
    gateway: Gateway
    examples: ExampleStore
    slots: SlotStore
    log: EventLog
    trace_examples: int = 0
    """Of each run, how many stand in its trace."""
    spread: Spread | None = None
    """None: rows are worked on in this process."""
    part: Rows | None = None
    """The rows that are this process's, where others work on the rest of them; None: all are."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What any kind of job says of its rows: whose they are, how many at once, for how much money (US dollars)."""

    dataset_id: str
    batch_size: int
    max_cost: float | None


class Rested(Exception):
    """A paused run has nothing left in flight: its place is another job's now, and it is begun anew to go on."""


class Run(ABC):
    """Works on one job until every row has an outcome, it is paused, or no call can succeed."""

    kind: ClassVar[str]
    """Of the job, as its spec names it."""

    def __init__(self, job_id: str, terms: Terms, total: int, ledger: JobLedger, means: Means) -> None:
        self.job_id, self._terms, self._ledger, self._means = job_id, terms, ledger, means
        self._total = total
        self._budget = ledger.budget(terms.max_cost)
        self._tally = Tally(total, means.examples.counted(job_id), ledger)
        self._go = asyncio.Event()
        self._go.set()
        self._in_flight = 0
        self._rested = False
        self._out_of_money: BudgetExceeded | None = None
        self._failures = 0
        self.went_well = False
        """Whether any row did."""
        self.billed = 0.0
        """US dollars that calls without a reply may have cost those who worked on parts; no ledger has them."""
        self._recorded = 0.0
        self._spans = tracing.Examples(job_id, means.trace_examples)

    @property
    def total(self) -> int:
        """The job's rows."""
        return self._total

    @property
    def dataset_id(self) -> str:
        """Whose items they are."""
        return self._terms.dataset_id

    @property
    def ledger(self) -> JobLedger:
        """What was paid for."""
        return self._ledger

    @property
    def failures(self) -> int:
        """Rows in a row that failed."""
        return self._failures

    @property
    def unrecorded(self) -> float:
        """US dollars that calls without a reply may have cost this process."""
        return max(0.0, self._budget.spent - self._ledger.spent())

    @property
    def tally(self) -> Tally:
        """The figures so far."""
        return self._tally

    def progress(self) -> Progress:
        """The figures as callers see them."""
        return self._tally.progress()

    def pause(self) -> bool:
        """Hands out no further row; those in flight go on."""
        self._go.clear()
        self._rest_if_idle()
        return True

    def go_on(self) -> bool:
        """Ends a pause, unless all have gone home meanwhile."""
        if not self._rested:
            self._go.set()
        return not self._rested

    async def stopped(self, by: Literal["pause", "cancel"]) -> None:
        """Nothing is left to be ended."""
        del by

    async def work(self) -> None:
        """Returns when every row has an outcome.

        Raises BudgetExceeded where the money does not suffice, StopWork or Unreachable where a model can't be had,
        StorageFull where results can't be kept, Rested where it was paused. What is finished is kept in every case.
        """
        await self._work_through()

    @abstractmethod
    async def _example(self, row: Pending) -> None:
        """Brings one row to an outcome and records it."""

    async def part(self, at_once: int) -> None:
        """Works on the rows that are this process's, so many at once. Raises as `work`."""
        await self._all_rows(at_once)

    async def _work_through(self) -> None:
        if self._means.spread:
            await self._spread_out(self._means.spread)
        else:
            await self._all_rows(min(self._terms.batch_size, max(1, self._total)))

    async def _all_rows(self, at_once: int) -> None:
        try:
            await self._all_of(self._rows(), self._row, at_once, at_once * OPEN)
        finally:
            await self._ledger.settle()

    async def _spread_out(self, spread: Spread) -> None:
        """As many processes as there are places share the rows, and the rows that may be worked on at once."""
        alone = False
        async with spread.at_work(self):
            while left := await spread.left(self):  # once more where it was paused for a moment
                places = 1 if alone else min(await spread.places(), self._terms.batch_size, left)
                try:
                    await self._in_parts(spread, places)
                except BudgetExceeded:
                    if places == 1:
                        raise
                    # What one held and another lacked is free by now. Alone, it has all that is left.
                    alone, self._out_of_money = True, None

    async def _in_parts(self, spread: Spread, places: int) -> None:
        each, more = divmod(self._terms.batch_size, places)
        free = [each + 1] * more + [each] * (places - more)

        async def part(rows: Rows) -> None:
            at_once = free.pop(0)
            try:
                await spread.part(self, rows, at_once)
            finally:
                free.append(at_once)

        await self._all_of(spread.cut(self, places), part, places, places)

    async def _all_of(
        self, units: AsyncIterator[T], do: Callable[[T], Awaitable[None]], at_once: int, begun: int
    ) -> None:
        """`begun`: so many units may have been begun, `at_once` of them with a call under way."""
        lock, places = asyncio.Lock(), Places(at_once)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(begun):
                    group.create_task(self._worker(units, do, lock, places))
        except* (StopWork, Unreachable, OSError) as stopped:
            raise stopped.exceptions[0] from None
        if self._out_of_money:
            raise self._out_of_money
        if self._rested:
            raise Rested

    async def _row(self, row: Pending) -> None:
        with self._spans.one(row.item_id):
            await self._example(row)

    async def _worker(
        self, units: AsyncIterator[T], do: Callable[[T], Awaitable[None]], lock: asyncio.Lock, places: Places
    ) -> None:
        while self._out_of_money is None and not self._rested:
            await self._go.wait()
            async with places.one():
                if not self._go.is_set():  # paused meanwhile: those in flight need the place
                    continue
                if self._rested or self._out_of_money or not await self._next(units, do, lock):
                    return

    async def _next(self, units: AsyncIterator[T], do: Callable[[T], Awaitable[None]], lock: asyncio.Lock) -> bool:
        """Does one more unit. False: there is none."""
        self._in_flight += 1
        try:
            async with lock:  # an async generator serves one caller at a time
                unit = await anext(units, None)
            if unit is None:
                return False
            await do(unit)
        except BudgetExceeded as error:  # the others in flight finish on what they have reserved
            self._out_of_money = error
        finally:
            self._in_flight -= 1
            self._rest_if_idle()
        return True

    def _rest_if_idle(self) -> None:
        if not self._go.is_set() and not self._in_flight:
            self._rested = True
            self._go.set()  # wakes those who wait, and who go home

    async def _rows(self) -> AsyncIterator[Pending]:
        mine = self._means.part or Rows(0, self._total)
        after = mine.first - 1
        while batch := await asyncio.to_thread(
            self._means.examples.pending, self.job_id, self._terms.dataset_id, after, mine.below
        ):
            after = batch[-1].seq
            async for row in self._sifted(batch):
                yield row

    async def _sifted(self, batch: list[Pending]) -> AsyncIterator[Pending]:
        """Those of the batch that want work."""
        for row in batch:
            yield row

    async def _line(self, row: Pending) -> Line:
        return Line(self._means.gateway, self._budget, await self._ledger.open(row.item_id))

    def _failed(self, error: ModelError) -> None:
        """Counts a row that could not be worked on. Raises StopWork where none can, it seems."""
        self._failures += 1
        if self._failures >= PATIENCE:
            raise StopWork(f"{PATIENCE} examples in a row failed, the last one with: {error}") from error

    def _went_well(self) -> None:
        self._failures, self.went_well = 0, True

    def heard(self, failures: int, *, went_well: bool, billed: float) -> None:
        """Takes in how a part went that others have worked on. Raises StopWork as `work` does."""
        self.billed += billed
        self._failures = failures if went_well else self._failures + failures
        if self._failures >= PATIENCE:
            raise StopWork(f"{self._failures} examples in a row failed")

    async def _record(
        self, row: Pending, outcome: str, iterations: int, enhanced: bool, body: bytes, input_hash: str
    ) -> None:
        stored: dict[str, Any] = {
            "job_id": self.job_id,
            "seq": row.seq,
            "item_id": row.item_id,
            "outcome": outcome,
            "enhanced": enhanced,
            "iterations": iterations,
            "result": body,
            "input_hash": input_hash,
            "taken_from": None,
        }
        self._tally.add(outcome, iterations, enhanced=enhanced)
        told = {"example_id": row.item_id, "outcome": outcome, "iterations": iterations}
        also = None
        if self._means.part is None and (now := time.monotonic()) - self._recorded > REFRESH:
            self._recorded = now
            progress = self._tally.progress().model_dump_json()
            update = jobs.update().where(jobs.c.id == self.job_id).values(progress=progress)

            def also(connection: Any) -> None:
                connection.execute(update)

        await self._means.log.append(self.job_id, "example", told, (examples, stored), also=also)
        tracing.outcome(self.kind, outcome, iterations)
        failpoints.hit("example_done")
