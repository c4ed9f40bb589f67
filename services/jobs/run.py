"""One job at work: hands rows to the graph, many at once, and records each outcome the moment it is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from agents.budget import Budget
from agents.errors import BudgetExceeded, ModelError, StopWork, Unreachable
from agents.evaluator import Evaluator
from agents.gateway import Gateway
from agents.line import Line
from agents.student import Student
from agents.teacher import Teacher
from graphs.records import CONVERGED, Outcome, Result, Task
from graphs.state import Cast
from services import failpoints
from services.datasets.shapes import parse
from services.jobs.lift import Lifter
from services.jobs.log import EventLog
from services.jobs.spec import Plan
from services.jobs.tally import Tally
from services.store.examples import ExampleStore, Pending
from services.store.ledger import JobLedger
from services.store.tables import examples, jobs

log = structlog.get_logger()

Loop = Callable[[Task, Cast], Awaitable[Result]]
"""The enhance graph as a function: one example to its outcome."""

PATIENCE = 20
"""Examples in a row that fail before a job gives up on its models."""
REFRESH = 0.25
"""Seconds between two records of the progress; the examples themselves are recorded one by one."""


@dataclass(frozen=True, slots=True)
class Means:
    """What every run shares."""

    loop: Loop
    gateway: Gateway
    examples: ExampleStore
    log: EventLog


class Run:
    """Works on one job until every row has an outcome, it is paused, or no call can succeed."""

    def __init__(self, job_id: str, plan: Plan, total: int, ledger: JobLedger, means: Means) -> None:
        self.job_id, self._plan, self._ledger, self._means = job_id, plan, ledger, means
        self._total = total
        self._budget = Budget(plan.max_cost, ledger.spent())
        self._tally = Tally(total, means.examples.counted(job_id), ledger)
        self._go = asyncio.Event()
        self._go.set()
        self._lifter = Lifter(means.gateway, plan.student) if plan.measure_lift else None
        self._out_of_money: BudgetExceeded | None = None
        self._failures = 0
        self._recorded = 0.0

    @property
    def tally(self) -> Tally:
        """The figures so far."""
        return self._tally

    def pause(self) -> None:
        """Hands out no further row; those in flight go on."""
        self._go.clear()

    def go_on(self) -> None:
        """Ends a pause."""
        self._go.set()

    async def work(self) -> None:
        """Returns when every row has an outcome.

        Raises BudgetExceeded where the money does not suffice, StopWork or Unreachable where a model can't be had,
        StorageFull where results can't be kept. What is finished is kept in every case.
        """
        await self._take_over()
        rows = self._rows()
        lock = asyncio.Lock()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._plan.batch_size, max(1, self._total))):
                    group.create_task(self._worker(rows, lock))
        except* (StopWork, Unreachable, OSError) as stopped:
            raise stopped.exceptions[0] from None
        if self._out_of_money:
            raise self._out_of_money

    async def _worker(self, rows: AsyncIterator[Pending], lock: asyncio.Lock) -> None:
        while self._out_of_money is None:
            await self._go.wait()
            async with lock:  # an async generator serves one caller at a time
                row = await anext(rows, None)
            if row is None:
                return
            try:
                await self._example(row)
            except BudgetExceeded as error:  # the others in flight finish on what they have reserved
                self._out_of_money = error

    async def _rows(self) -> AsyncIterator[Pending]:
        after = -1
        while True:
            batch = await asyncio.to_thread(
                self._means.examples.pending, self.job_id, self._plan.dataset_id, after, self._total
            )
            if not batch:
                return
            after = batch[-1].seq
            known = await self._known(batch) if self._plan.reuse else {}
            for row in batch:
                if (found := known.get(row.seq)) is None:
                    yield row
                else:
                    await self._record(
                        row, found.outcome, found.iterations, found.enhanced, found.result, found.input_hash
                    )

    async def _example(self, row: Pending) -> None:
        task = parse(row.raw).task
        line = Line(self._means.gateway, self._budget, await self._ledger.open(row.item_id))
        plan = self._plan
        cast = Cast(
            Student(line, plan.student), Teacher(line, plan.teacher), Evaluator(line, plan.evaluator), plan.rules
        )
        try:
            result = await self._means.loop(task, cast)
            self._failures = 0
        except (StopWork, Unreachable):
            raise
        except ModelError as error:
            self._failures += 1
            if self._failures >= PATIENCE:
                raise StopWork(f"{PATIENCE} examples in a row failed, the last one with: {error}") from error
            result = Result(outcome=Outcome.FAILED, reason=str(error), thinking=task.thinking)
        result.labels = plan.labels
        body = await self._body(task, result)
        await self._record(
            row, result.outcome, len(result.rounds), result.enhanced, body, plan.input_hash(task) if plan.reuse else ""
        )

    async def _body(self, task: Task, result: Result) -> bytes:
        if self._lifter is None or result.outcome not in CONVERGED:
            return result.model_dump_json(exclude_defaults=True).encode()
        return await self._lifter.measured(task, result)

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
        if (now := time.monotonic()) - self._recorded > REFRESH:
            self._recorded = now
            progress = self._tally.progress().model_dump_json()
            update = jobs.update().where(jobs.c.id == self.job_id).values(progress=progress)

            def also(connection: Any) -> None:
                connection.execute(update)

        await self._means.log.append(self.job_id, "example", told, (examples, stored), also=also)
        failpoints.hit("example_done")

    async def _take_over(self) -> None:
        plan = self._plan
        if plan.earlier_id is None:
            return
        taken = await asyncio.to_thread(
            self._means.examples.take_over, self.job_id, plan.dataset_id, plan.earlier_id, self._total
        )
        for _ in range(taken):
            self._tally.add(Outcome.REUSED, 0, enhanced=False)
        log.info("rows taken over from an earlier output", job=self.job_id, rows=taken)

    async def _known(self, batch: list[Pending]) -> dict[int, Any]:
        def look_up() -> dict[int, Any]:
            hashes = {row.seq: self._plan.input_hash(parse(row.raw).task) for row in batch}
            found = self._means.examples.known_results(list(hashes.values()))
            return {seq: found[h] for seq, h in hashes.items() if h in found}

        return await asyncio.to_thread(look_up)
