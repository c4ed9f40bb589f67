"""A generate job at work: plan, make, refuse duplicates, plan again for what was lost, report."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, update

from agents.errors import ModelError, StopWork, Unreachable
from agents.evaluator import Evaluator
from agents.teacher import Teacher
from graphs.generate import Makers
from graphs.recipes.base import Draft, Generated, Lost, Made, Recipe, Slot
from graphs.recipes.reasons import grouped
from services.errors import InvalidRequest
from services.jobs.run import Means, Run, Terms
from services.jobs.spec import GeneratePlan
from services.store.examples import Pending
from services.store.ledger import JobLedger
from services.store.tables import jobs
from services.telemetry import counts

WAVES: Final = 5
"""How often what was lost is planned anew before a job says that it is short."""
REASONS: Final = 50
"""Different reasons that a report lists for an outcome; the rest are counted together."""


class Generating(Run):
    """The teacher makes an example for each slot of the plan, by one recipe."""

    kind = "generate"

    def __init__(
        self, job_id: str, plan: GeneratePlan, recipe: Recipe, total: int, ledger: JobLedger, means: Means
    ) -> None:
        super().__init__(job_id, Terms(job_id, plan.batch_size, plan.max_cost), total, ledger, means)
        self._plan, self._recipe = plan, recipe

    async def work(self) -> None:
        """As every run. Duplicates are looked for once a wave is through, in the plan's order: so a job that was
        killed a hundred times comes out like one that was not."""
        slots = self._means.slots
        planned = await asyncio.to_thread(slots.planned, self.job_id)
        if not planned:
            planned = await asyncio.to_thread(slots.plan, self.job_id, self._slots())
        await self._expect(planned)
        wave = await asyncio.to_thread(slots.waves, self.job_id)
        while True:
            await self._work_through()
            # Every slot of a later wave stands in for one that was lost before it, in their order.
            replaced = self._total - await asyncio.to_thread(slots.first, self.job_id)
            lost = (await asyncio.to_thread(self._settle))[replaced:]
            self._tally.recount(await asyncio.to_thread(self._means.examples.counted, self.job_id))
            wave += 1
            more = await asyncio.to_thread(list, self._recipe.again(wave, lost)) if lost and wave <= WAVES else []
            if not more:
                break
            await self._expect(await asyncio.to_thread(slots.add_wave, self.job_id, wave, more))
            told = {"message": f"{len(more)} more, in place of {len(lost)} that gave no example"}
            await self._means.log.append(self.job_id, "wave", told)
        report = await asyncio.to_thread(self._report)
        change = update(jobs).where(jobs.c.id == self.job_id).values(report=json.dumps(report, ensure_ascii=False))

        def write(connection: Connection) -> None:
            connection.execute(change)

        await self._means.log.append(self.job_id, "report", {"message": "the report is written"}, also=write)

    def _slots(self) -> Iterator[Slot]:
        """The recipe's plan. Raises InvalidRequest for what it finds wrong with its source."""
        try:
            yield from self._recipe.slots()
        except ValueError as error:
            raise InvalidRequest(str(error)) from error

    async def _expect(self, total: int) -> None:
        self._total = total
        self._tally.expect(total)

    async def _example(self, row: Pending) -> None:
        slot, plan = Slot.model_validate_json(row.raw), self._plan
        line = await self._line(row)
        makers = Makers(
            Teacher(line, plan.teacher),
            Evaluator(line, plan.evaluator),
            self._recipe,
            plan.max_attempts,
            plan.threshold,
            plan.temperature,
        )
        try:
            result = await self._means.graphs.generate(slot, makers)
            self._went_well()
        except (StopWork, Unreachable):
            raise
        except ModelError as error:
            self._failed(error)
            result = Generated(outcome=Made.FAILED, reason=str(error))
        result.label(plan.labels)
        body = result.model_dump_json(exclude_defaults=True).encode()
        await self._record(row, result.outcome, len(result.turns), False, body, "")

    def _settle(self) -> list[Lost]:
        """Refuses duplicates, in the plan's order; returns every slot that a new plan may replace."""
        admit = self._recipe.admission()
        lost: list[Lost] = []
        refused: list[tuple[int, Generated]] = []
        for seq, slot, result in self._means.slots.finished(self.job_id):
            if result.outcome is Made.ACCEPTED and result.draft and (reason := admit(slot, result.draft)):
                taken_back = result.model_copy(update={"outcome": Made.DUPLICATE, "reason": reason})
                refused.append((seq, taken_back))
                lost.append(Lost(slot, Made.DUPLICATE, reason))
            elif result.outcome in (Made.DROPPED, Made.DUPLICATE):  # a failed one is tried again by RetryJob
                lost.append(Lost(slot, result.outcome, result.reason))
        self._means.slots.refuse(self.job_id, refused)
        for _, taken_back in refused:
            counts.refused(self.kind, taken_back.outcome)
        return lost

    def _report(self) -> dict[str, Any]:
        reasons: dict[str, dict[str, int]] = {}
        lost: list[Lost] = []
        outcomes: dict[str, int] = {}
        for _, slot, result in self._means.slots.finished(self.job_id):
            outcomes[result.outcome] = outcomes.get(result.outcome, 0) + 1
            if result.outcome is not Made.ACCEPTED:
                counted = reasons.setdefault(result.outcome, {})
                told = result.turns[-1].complaints if result.outcome is Made.DROPPED and result.turns else ()
                reason = grouped(result.reason, told)
                if reason not in counted and len(counted) >= REASONS:
                    reason = "other reasons"
                counted[reason] = counted.get(reason, 0) + 1
                lost.append(Lost(slot, result.outcome, reason))
        return {
            "accepted": outcomes.get(Made.ACCEPTED, 0),
            "outcomes": outcomes,
            "lost": reasons,
            **self._recipe.report(self._accepted(), reasons, lost),
        }

    def _accepted(self) -> Iterator[tuple[Slot, Draft]]:
        for _, slot, result in self._means.slots.finished(self.job_id):
            if result.outcome is Made.ACCEPTED and result.draft:
                yield slot, result.draft
