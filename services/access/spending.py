"""A project's money across its jobs and replicas: reserved in the database before it is spent, as max_cost is per job.

A job at work holds an amount that it may spend (`spend_holds`), and takes more when a call needs it; what calls have
cost is booked in the transaction that records them. Booked and held together never pass the limit. Who dies with a
hold gives it back when the job is taken up again; what was booked, the ledger has.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Engine, case, delete, insert, update
from sqlalchemy.exc import IntegrityError

from agents.budget import Budget
from services.access import projects
from services.access.holding import Holding
from services.access.projects import ProjectStore, locked, month
from services.access.quotas import Quotas
from services.store import fence
from services.store.tables import spend, spend_holds
from services.store.writer import Book

SLICE: Final = 0.01
"""Part of the limit that a job takes at once where there is plenty: fewer writes, and little lies idle."""


def release(engine: Engine, job_id: str, run: str) -> None:
    """Gives back what a run of a job holds. It is at work no more."""
    here = (spend_holds.c.job_id == job_id) & (spend_holds.c.run == run)
    with engine.begin() as connection:
        connection.execute(delete(spend_holds).where(here))


class Purse(Holding):
    """What one run of a job may spend of its project's money. Opened in a thread: it gives back what a run that died
    has held."""

    def __init__(
        self, engine: Engine, store: ProjectStore, project: str, job_id: str, run: str, *, alone: bool = True
    ) -> None:
        """`alone`: nobody but this run is at work on the job; else what others hold is left to them."""
        super().__init__()
        self._engine, self._store, self._project, self._job, self._run = engine, store, project, job_id, run
        self._own = (spend_holds.c.job_id == job_id) & (spend_holds.c.run == run)
        if alone:
            with engine.begin() as connection:
                connection.execute(delete(spend_holds).where(spend_holds.c.job_id == job_id, spend_holds.c.run != run))
        self._quotas = Quotas(engine, store, project)
        self._unbooked = 0.0
        self.page = Book(f"spend {project} {job_id} {run}", self.book)

    async def _limit(self) -> float | None:
        return (await self._store.asked(self._project)).max_spend

    def _take(self, need: float, amount: float) -> float | str:
        limits = self._store.limits(self._project)
        if (limit := limits.max_spend) is None:  # it was lifted this moment
            return need
        with locked(self._engine, self._project) as connection:
            if owner := fence.carried():  # nothing is held for a part of a job that was taken back
                fence.check(connection, [owner])
            booked, held = projects.spent(connection, self._project, limits.spend_period)
            free = limit - booked - held
            if need > free:
                return self._quotas.no_money(limit, limits.spend_period, booked, held, amount)
            more = min(max(need, limit * SLICE), free)
            add = update(spend_holds).where(self._own).values(amount=spend_holds.c.amount + more)
            if not connection.execute(add).rowcount:
                row = {"job_id": self._job, "run": self._run, "project": self._project, "amount": more}
                connection.execute(insert(spend_holds), row)
        return more

    def settle(self, reserved: float, cost: float) -> None:
        """Gives back a reservation; the cost is booked with the next record of a call."""
        self._unbooked += cost
        super().settle(reserved, cost)

    def due(self) -> float:
        """What has been spent and is not booked yet; whoever asks books it."""
        due, self._unbooked = self._unbooked, 0.0
        return due

    def owe(self, amount: float) -> None:
        """Takes back what `due` said, where it could not be booked."""
        self._unbooked += amount

    def book(self, connection: Connection, amount: float) -> None:
        """Books what was spent, out of what the job holds."""
        held = spend_holds.c.amount
        # Never below nothing, which would be room for others: what was spent before there was a limit, was not held.
        left = case((held > amount, held - amount), else_=0.0)
        connection.execute(update(spend_holds).where(self._own).values(amount=left))
        now = month()
        here = (spend.c.project == self._project) & (spend.c.month == now)
        add = update(spend).where(here).values(booked=spend.c.booked + amount)
        if connection.execute(add).rowcount:
            return
        try:
            with connection.begin_nested():
                connection.execute(insert(spend), {"project": self._project, "month": now, "booked": amount})
        except IntegrityError:  # another job was first this month
            connection.execute(add)


class SharedBudget(Budget):
    """A job's own budget, and its project's beside it."""

    def __init__(self, limit: float | None, spent: float, purse: Purse) -> None:
        super().__init__(limit, spent)
        self._purse = purse

    async def reserve(self, amount: float) -> None:
        """As Budget's; raises for the project's limit too."""
        await super().reserve(amount)
        try:
            await self._purse.reserve(amount)
        except BaseException:  # cancelled, too: the job's own reservation must not stay behind
            super().settle(amount, 0.0)
            raise

    def settle(self, reserved: float, cost: float) -> None:
        """As Budget's."""
        super().settle(reserved, cost)
        self._purse.settle(reserved, cost)
