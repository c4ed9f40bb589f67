"""An enhance job at work: rows to the loop, or to what an earlier output already holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import structlog

from agents.errors import ModelError, StopWork, Unreachable
from agents.evaluator import Evaluator
from agents.student import Student
from agents.teacher import Teacher
from graphs.records import CONVERGED, Outcome, Result, Task
from graphs.state import Cast
from services.datasets.shapes import parse
from services.jobs.lift import Lifter
from services.jobs.run import Means, Run, Terms
from services.jobs.spec import Plan
from services.store.examples import Pending
from services.store.ledger import JobLedger
from services.telemetry import counts

log = structlog.get_logger()


class Enhancing(Run):
    """Student, teacher and evaluator work on the thinking of each row."""

    kind = "enhance"

    def __init__(self, job_id: str, plan: Plan, total: int, ledger: JobLedger, means: Means) -> None:
        super().__init__(job_id, Terms(plan.dataset_id, plan.batch_size, plan.max_cost), total, ledger, means)
        self._plan = plan
        self._lifter = Lifter(means.gateway, plan.student) if plan.measure_lift else None

    async def work(self) -> None:
        """As every run; rows that an earlier output holds annotated are taken over first."""
        await self._take_over()
        await super().work()

    async def _sifted(self, batch: list[Pending]) -> AsyncIterator[Pending]:
        known = await self._known(batch) if self._plan.reuse else {}
        for row in batch:
            if (found := known.get(row.seq)) is None:
                yield row
            else:
                await self._record(row, found.outcome, found.iterations, found.enhanced, found.result, found.input_hash)

    async def _example(self, row: Pending) -> None:
        task = parse(row.raw).task
        line = await self._line(row)
        plan = self._plan
        cast = Cast(
            Student(line, plan.student), Teacher(line, plan.teacher), Evaluator(line, plan.evaluator), plan.rules
        )
        try:
            result = await self._means.graphs.enhance(task, cast)
            self._went_well()
        except (StopWork, Unreachable):
            raise
        except ModelError as error:
            self._failed(error)
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

    async def _take_over(self) -> None:
        plan = self._plan
        if plan.earlier_id is None:
            return
        taken = await asyncio.to_thread(
            self._means.examples.take_over, self.job_id, plan.dataset_id, plan.earlier_id, self._total
        )
        for _ in range(taken):
            self._tally.add(Outcome.REUSED, 0, enhanced=False)
        if taken:
            counts.example(self.kind, Outcome.REUSED, times=taken)
        log.info("rows taken over from an earlier output", job=self.job_id, rows=taken)

    async def _known(self, batch: list[Pending]) -> dict[int, Any]:
        def look_up() -> dict[int, Any]:
            hashes = {row.seq: self._plan.input_hash(parse(row.raw).task) for row in batch}
            found = self._means.examples.known_results(list(hashes.values()))
            return {seq: found[h] for seq, h in hashes.items() if h in found}

        return await asyncio.to_thread(look_up)
