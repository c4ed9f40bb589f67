"""A job's own budget, max_cost, where several processes spend it: each holds a part, taken from the database.

What the ledger has and what is held never pass the limit together. A call that is recorded takes its cost out of what
is held in the same transaction. With a shard (services/jobs/shards.py) goes what it held; a call that was paid for and
could not be recorded stays held until then.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Engine, case, func, select, update

from agents.budget import Budget
from services.access.holding import Holding
from services.access.spending import Purse
from services.store.fence import LeaseLost
from services.store.tables import calls, jobs, shards
from services.store.writer import Book

SLICE: Final = 0.01
"""Part of the limit that a process takes at once where there is plenty: fewer writes, and little lies idle."""


class Allowance(Holding):
    """What one shard may spend of its job's budget."""

    def __init__(self, engine: Engine, job_id: str, shard: str, limit: float | None, billed: float = 0.0) -> None:
        """`billed`: US dollars that are gone without standing in the ledger."""
        super().__init__()
        limit = None if limit is None else max(limit - billed, 0.0)
        self._engine, self._job, self._most = engine, job_id, limit
        self._own = shards.c.id == shard
        self.page = Book(f"shard {shard}", self.book)

    async def _limit(self) -> float | None:
        return self._most

    def _take(self, need: float, amount: float) -> float | str:
        assert self._most is not None, "nothing is held where there is no limit"
        spent = select(func.coalesce(func.sum(calls.c.cost), 0.0)).where(calls.c.job_id == self._job)
        held = select(func.coalesce(func.sum(shards.c.held), 0.0)).where(shards.c.job_id == self._job)
        with self._engine.begin() as connection:
            # First what is our own, then what all lock: so does whoever records a call.
            connection.execute(select(shards.c.id).where(self._own).with_for_update(key_share=True))
            # Nobody else takes any meanwhile; and both sums are of one moment, or a call between them would be in none.
            connection.execute(select(jobs.c.id).where(jobs.c.id == self._job).with_for_update(key_share=True))
            sums = connection.execute(select(spent.scalar_subquery(), held.scalar_subquery())).one()
            paid, promised = float(sums[0]), float(sums[1])
            free = self._most - paid - promised
            if need > free:
                return (
                    f"the budget of ${self._most:.4f} is used up: ${paid:.4f} spent, ${promised:.4f} held for calls "
                    f"under way, the next call may cost ${amount:.4f}"
                )
            more = min(max(need, self._most * SLICE), free)
            if not connection.execute(update(shards).where(self._own).values(held=shards.c.held + more)).rowcount:
                raise LeaseLost(f"jobs/{self._job}: its owner has given this part of it to another")
        return more

    def book(self, connection: Connection, cost: float) -> None:
        """The ledger has it: it is no longer held."""
        left = case((shards.c.held > cost, shards.c.held - cost), else_=0.0)
        connection.execute(update(shards).where(self._own).values(held=left))


class ShardBudget(Budget):
    """The job's own budget, and its project's beside it, as one shard draws on them."""

    def __init__(self, allowance: Allowance, purse: Purse) -> None:
        super().__init__(None)
        self._allowance, self._purse = allowance, purse

    async def reserve(self, amount: float) -> None:
        """As Budget's; raises for the project's limit too."""
        await self._allowance.reserve(amount)
        try:
            await self._purse.reserve(amount)
        except BaseException:  # cancelled, too: what was set aside here must not stay behind
            self._allowance.settle(amount, 0.0)
            raise

    def settle(self, reserved: float, cost: float) -> None:
        """As Budget's."""
        self.spent += cost
        self._allowance.settle(reserved, cost)
        self._purse.settle(reserved, cost)
