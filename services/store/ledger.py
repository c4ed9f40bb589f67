"""The call ledger: what was paid for is kept, by its place in the work and by what exactly was asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Engine, Table, func, select

from agents.budget import Budget
from agents.line import Place
from agents.wire import Reply
from services import failpoints
from services.access.spending import Purse, SharedBudget
from services.jobs.allowance import Allowance, ShardBudget
from services.store.tables import calls
from services.store.text import storable
from services.store.writer import Book, Writer

Key = tuple[str, int, int, str]
MOST = 2**31 - 1
"""Tokens of a call that are counted: a server may lie, and the column holds no more."""


class Used(NamedTuple):
    """What a role used of a model so far. `unpriced` calls had no known price."""

    role: str
    model: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    unpriced: int


class JobLedger:
    """The ledger of one job: opens a page for each example, and adds up what was used."""

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        job_id: str,
        *,
        resumed: bool,
        purse: Purse | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        """`purse`: its project's money. `allowance`: of a process that works on a part of the job, the job's own."""
        self._engine, self._writer, self.job_id = engine, writer, job_id
        self._resumed, self._purse, self._allowance = resumed, purse, allowance
        self.used: dict[tuple[str, str], list[float]] = {}
        if resumed and allowance is None:
            self.reload()

    def reload(self) -> None:
        """Adds up anew: others have recorded calls of the job. Blocks."""
        self.used = {
            (one.role, one.model): [one.calls, one.prompt_tokens, one.completion_tokens, one.cost, one.unpriced]
            for one in self._used()
        }

    def _used(self) -> list[Used]:
        c = calls.c
        sums = (func.count(), func.sum(c.prompt_tokens), func.sum(c.completion_tokens), func.sum(c.cost))
        query = select(c.role, c.model, *sums, func.count() - func.count(c.cost)).where(c.job_id == self.job_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.group_by(c.role, c.model)).all()
        return [Used(r[0], r[1], int(r[2]), int(r[3]), int(r[4]), float(r[5] or 0), int(r[6])) for r in rows]

    def spent(self) -> float:
        """US dollars, as far as prices are known."""
        return sum(u[3] for u in self.used.values())

    def budget(self, limit: float | None) -> Budget:
        """The job's own budget in US dollars, None without one, and its project's where it has a purse."""
        if self._allowance:
            assert self._purse, "whoever works on a part of a job has its project's money too"
            return ShardBudget(self._allowance, self._purse)
        return SharedBudget(limit, self.spent(), self._purse) if self._purse else Budget(limit, self.spent())

    async def open(self, item_id: str) -> Page:
        """The calls of one example. On a job's first run there is nothing to look up."""
        known = await asyncio.to_thread(self._recorded, item_id) if self._resumed else {}
        return Page(self, item_id, known)

    def _recorded(self, item_id: str) -> dict[Key, Reply]:
        c = calls.c
        query = select(calls).where(c.job_id == self.job_id, c.item_id == item_id)
        with self._engine.connect() as connection:
            return {
                (r.step, r.round, r.attempt, r.fingerprint): Reply(
                    r.text, r.finish_reason, r.prompt_tokens, r.completion_tokens, r.cost, r.reasoning
                )
                for r in connection.execute(query)
            }

    async def write(self, row: dict[str, Any], reply: Reply) -> None:
        """Stores a call, then counts it."""
        cost = {self._allowance.page: reply.cost} if self._allowance and reply.cost else {}
        await self._book((calls, row), sums=cost)
        used = self.used.setdefault((row["role"], row["model"]), [0, 0, 0, 0.0, 0])
        used[0] += 1
        used[1] += reply.prompt_tokens
        used[2] += reply.completion_tokens
        used[3] += reply.cost or 0.0
        used[4] += reply.cost is None

    async def settle(self) -> None:
        """Books what calls without a reply may have cost, where no call was stored after them."""
        await self._book()

    async def _book(self, *rows: tuple[Table, dict[str, Any]], sums: Mapping[Book, float] | None = None) -> None:
        due = self._purse.due() if self._purse else 0.0
        booked = {**(sums or {}), **({self._purse.page: due} if self._purse and due else {})}
        if not rows and not booked:
            return
        try:
            await self._writer.write(*rows, sums=booked)
        except Exception:
            if self._purse:
                self._purse.owe(due)
            raise


class Page:
    """The ledger of one example (agents.line.Ledger)."""

    def __init__(self, ledger: JobLedger, item_id: str, known: dict[Key, Reply]) -> None:
        self._ledger, self._item_id, self._known = ledger, item_id, known

    async def recall(self, place: Place, fingerprint: str) -> Reply | None:
        """The reply recorded at this place for this very request, if any."""
        known = self._known.get((place.step, place.round, place.attempt, fingerprint))
        if known is None:
            failpoints.hit("before_call")
        return known

    async def record(self, place: Place, fingerprint: str, model: str, reply: Reply) -> None:
        """Returns when the reply is on disk."""
        failpoints.hit("after_call")
        row = {
            "job_id": self._ledger.job_id,
            "item_id": self._item_id,
            "step": place.step,
            "round": place.round,
            "attempt": place.attempt,
            "fingerprint": fingerprint,
            "role": place.role,
            "model": model,
            "text": storable(reply.text),
            "reasoning": storable(reply.reasoning),
            "finish_reason": reply.finish_reason[:24],
            "prompt_tokens": min(reply.prompt_tokens, MOST),
            "completion_tokens": min(reply.completion_tokens, MOST),
            "cost": reply.cost,
            "created": time.time(),
        }
        await self._ledger.write(row, reply)
