"""Requests, or tokens, a minute of one model, whoever makes them: a token bucket in the database.

The bucket is one number, the time at which it will be full again (the generic cell rate algorithm of ATM), so that a
draw is one UPDATE that tells what it got; time, by the database's clock, fills it. Who has callers waiting draws for
them and lets each go when its turn has come. It draws a second's worth ahead at most, or one call: so little is lost
with a process that dies, and it comes back by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Final, Literal, NamedTuple

from sqlalchemy import Engine, func, text
from sqlalchemy.dialects.postgresql import insert

from services.store.fence import now
from services.store.tables import model_rates

What = Literal["requests", "tokens"]

BURST: Final = 30
"""Part of a minute's worth, as a divisor, that may go at once."""
LATE: Final = 1.0
"""Seconds by which a call may come later than its turn, on its way to the model, and no minute see too much."""
AHEAD: Final = 1.0
"""Seconds' worth that is drawn at once."""


class _Waiting(NamedTuple):
    amount: float
    go: asyncio.Future[None]


class Rate:
    """One a process, model and kind of unit. No minute, wherever it begins, sees more than `per_minute` units."""

    def __init__(self, engine: Engine, model: str, what: What, per_minute: int) -> None:
        self._engine, self._model, self._what = engine, model, what
        self._size = float(max(1, per_minute // BURST))
        # A millionth less, so that the one unit on the edge is never one too many.
        self._rate = (per_minute - self._size + 1) * (1 - 1e-6) / (60 + LATE)
        self._waiting: deque[_Waiting] = deque()
        self._drawing: asyncio.Task[None] | None = None

    async def take(self, amount: float) -> None:
        """Waits until `amount` units are there. More than the bucket holds is a debt, which later calls wait off.

        Raises SQLAlchemy's error where the database can't be asked.
        """
        one = _Waiting(amount, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._drawing is None or self._drawing.done():
            self._drawing = asyncio.create_task(self._draw_for_all())
        await one.go

    async def _draw_for_all(self) -> None:
        while batch := self._next():
            total = sum(one.amount for one in batch)
            try:
                ahead = await asyncio.to_thread(self._draw, total)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                for one in batch:
                    if not one.go.done():
                        one.go.set_exception(error)
                continue
            at, left = time.monotonic(), total
            for one in batch:
                left -= one.amount
                turn = at + ahead - (self._size + left) / self._rate
                if (wait := turn - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                if not one.go.done():
                    one.go.set_result(None)

    def _next(self) -> list[_Waiting]:
        """Those who wait longest, a second's worth of them, one at least; who has given up is left out."""
        batch: list[_Waiting] = []
        total = 0.0
        while self._waiting:
            one = self._waiting[0]
            if not one.go.done():
                if batch and total + one.amount > self._rate * AHEAD:
                    break
                batch.append(one)
                total += one.amount
            self._waiting.popleft()
        return batch

    def _draw(self, amount: float) -> float:
        """Takes so much out; returns the seconds until the bucket is full again."""
        key = {"model": self._model, "what": self._what}
        worth = amount / self._rate
        first = insert(model_rates).values(**key, full=now + worth)
        full = func.greatest(model_rates.c.full, now) + worth
        draw = first.on_conflict_do_update(index_elements=["model", "what"], set_={"full": full})
        with self._engine.begin() as connection:
            # After a crash of the database's machine a draw may be forgotten; nobody need wait for the disk.
            connection.execute(text("SET LOCAL synchronous_commit TO off"))
            return float(connection.execute(draw.returning(model_rates.c.full - now)).scalar_one())
