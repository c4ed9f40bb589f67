"""A hard budget: money is reserved before a call and settled after it."""

from __future__ import annotations

import asyncio

from agents.errors import BudgetExceeded


class Budget:
    """US dollars at most for one job. `limit` None: unlimited, and nothing is held back."""

    def __init__(self, limit: float | None, spent: float = 0.0) -> None:
        self.limit = limit
        self.spent = spent
        self._reserved = 0.0
        self._holders = 0
        self._settled = asyncio.Event()

    async def reserve(self, amount: float) -> None:
        """Sets `amount` aside. Waits while calls in flight may still give some of theirs back.

        Raises BudgetExceeded where even then it would not be enough.
        """
        if self.limit is None:
            return
        while self.spent + self._reserved + amount > self.limit:
            if not self._holders:
                raise BudgetExceeded(
                    f"the budget of ${self.limit:.4f} is used up: ${self.spent:.4f} spent, "
                    f"the next call may cost ${amount:.4f}"
                )
            self._settled.clear()
            await self._settled.wait()
        self._reserved += amount
        self._holders += 1

    def settle(self, reserved: float, cost: float) -> None:
        """Gives back a reservation and books what the call really cost."""
        self.spent += cost
        if self.limit is None:
            return
        self._holders -= 1
        self._reserved = self._reserved - reserved if self._holders else 0.0  # no rounding error outlives its holders
        self._settled.set()
