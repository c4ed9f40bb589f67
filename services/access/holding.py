"""An amount of money that a process holds in the database, out of a limit that others draw on too."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from agents.errors import BudgetExceeded


class Holding(ABC):
    """Reserves calls' money out of what it holds, and holds more where that does not suffice."""

    def __init__(self) -> None:
        self._held = self._reserved = 0.0
        self._holders = self._settlements = 0
        self._settled = asyncio.Event()
        self._turn = asyncio.Lock()

    @abstractmethod
    async def _limit(self) -> float | None:
        """US dollars in all, as things stand; None without limit."""

    @abstractmethod
    def _take(self, need: float, amount: float) -> float | str:
        """Holds `need` US dollars more at least, in the database, and returns how many; or says why not. `amount` is
        what the next call may cost. Blocks."""

    async def reserve(self, amount: float) -> None:
        """Sets US dollars aside; waits while calls of this process may still give some back. Raises BudgetExceeded."""
        if amount > 0:
            await self._hold(amount)
        self._reserved += amount
        self._holders += 1

    async def _hold(self, amount: float) -> None:
        while True:
            if await self._limit() is None or self._reserved + amount <= self._held:
                return
            settled = self._settlements
            async with self._turn:
                need = self._reserved + amount - self._held
                if need <= 0:
                    continue
                taken = await asyncio.to_thread(self._take, need, amount)
                if not isinstance(taken, str):
                    self._held += taken
                    continue
            if self._settlements != settled:  # money came back while the database was asked
                continue
            if not self._holders:
                raise BudgetExceeded(taken)
            self._settled.clear()
            await self._settled.wait()

    def settle(self, reserved: float, cost: float) -> None:
        """Gives back a reservation; what the call cost is no longer held for others."""
        self._holders -= 1
        self._reserved = self._reserved - reserved if self._holders else 0.0
        self._held -= min(cost, self._held)
        self._settlements += 1
        self._settled.set()
