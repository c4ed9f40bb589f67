"""A project's money across its jobs and replicas: reserved in the database before it is spent, as max_cost is per job.

A job at work holds an amount that it may spend (`spend_holds`), and takes more when a call needs it; what calls have
cost is booked in the transaction that records them. Booked and held together never pass the limit. Who dies with a
hold gives it back when the job is taken up again; what was booked, the ledger has.
"""

from __future__ import annotations

import asyncio
from typing import Final

from sqlalchemy import Connection, Engine, case, delete, insert, update
from sqlalchemy.exc import IntegrityError

from agents.budget import Budget
from agents.errors import BudgetExceeded
from services.access import projects
from services.access.projects import ProjectStore, locked, month
from services.access.quotas import Quotas
from services.store.tables import spend, spend_holds

SLICE: Final = 0.01
"""Part of the limit that a job takes at once where there is plenty: fewer writes, and little lies idle."""


def release(engine: Engine, job_id: str, run: str) -> None:
    """Gives back what a run of a job holds. It is at work no more."""
    here = (spend_holds.c.job_id == job_id) & (spend_holds.c.run == run)
    with engine.begin() as connection:
        connection.execute(delete(spend_holds).where(here))


class Purse:
    """What one run of a job may spend of its project's money. Opened in a thread: it gives back what a run that died
    has held."""

    def __init__(self, engine: Engine, store: ProjectStore, project: str, job_id: str, run: str) -> None:
        self._engine, self._store, self._project, self._job, self._run = engine, store, project, job_id, run
        self._own = (spend_holds.c.job_id == job_id) & (spend_holds.c.run == run)
        with engine.begin() as connection:
            connection.execute(delete(spend_holds).where(spend_holds.c.job_id == job_id, spend_holds.c.run != run))
        self._quotas = Quotas(engine, store, project)
        self._held = self._reserved = self._unbooked = 0.0
        self._holders = self._settlements = 0
        self._settled = asyncio.Event()
        self._turn = asyncio.Lock()

    async def reserve(self, amount: float) -> None:
        """Sets US dollars aside; waits while calls of this job may still give some back. Raises BudgetExceeded."""
        if amount > 0:
            await self._hold(amount)
        self._reserved += amount
        self._holders += 1

    async def _hold(self, amount: float) -> None:
        while True:
            limits = await self._store.asked(self._project)
            if limits.max_spend is None or self._reserved + amount <= self._held:
                return
            settled = self._settlements
            async with self._turn:
                need = self._reserved + amount - self._held
                if need <= 0:
                    continue
                refusal = await asyncio.to_thread(self._take, need, amount, limits.max_spend, limits.spend_period)
            if not refusal or self._settlements != settled:  # money came back while the database was asked
                continue
            if not self._holders:
                raise BudgetExceeded(refusal)
            self._settled.clear()
            await self._settled.wait()

    def _take(self, need: float, amount: float, limit: float, period: str) -> str:
        """Holds more, and says nothing; or says why not."""
        with locked(self._engine, self._project) as connection:
            booked, held = projects.spent(connection, self._project, period)
            free = limit - booked - held
            if need > free:
                return self._quotas.no_money(limit, period, booked, held, amount)
            more = min(max(need, limit * SLICE), free)
            add = update(spend_holds).where(self._own).values(amount=spend_holds.c.amount + more)
            if not connection.execute(add).rowcount:
                row = {"job_id": self._job, "run": self._run, "project": self._project, "amount": more}
                connection.execute(insert(spend_holds), row)
        self._held += more
        return ""

    def settle(self, reserved: float, cost: float) -> None:
        """Gives back a reservation; the cost is booked with the next record of a call."""
        self._holders -= 1
        self._reserved = self._reserved - reserved if self._holders else 0.0
        self._held -= min(cost, self._held)
        self._unbooked += cost
        self._settlements += 1
        self._settled.set()

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
