"""How often a project may call: a token bucket in the database, from which replicas draw a tenth of a second at a time.

The bucket is kept as one number, the time at which it will be full again (the generic cell rate algorithm of ATM), so
that a draw is one conditional UPDATE: whichever replica is first gets the room. A bucket holds one second's requests.
Replicas' clocks should agree to a fraction of a second (`teachback doctor` looks).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, case, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.errors import RateLimited
from services.store.tables import rates

DRAW: Final = 0.1
"""Seconds' worth of requests that are drawn at once: ten writes a second at most, however many calls."""
KEPT: Final = 1.0
"""Seconds after which what was drawn and not used is lost."""


@dataclass(slots=True)
class _Drawn:
    left: int
    until: float


class Rates:
    """The buckets of all projects, as this process sees them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._drawn: dict[str, _Drawn] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def take(self, project: str, rate: float | None) -> None:
        """Counts one request. `rate`: requests a second, None without limit. Raises RateLimited."""
        if rate is None or self._use(project):
            return
        async with self._locks.setdefault(project, asyncio.Lock()):
            if self._use(project):
                return
            wanted = max(1, int(rate * DRAW))
            for count in (wanted, 1) if wanted > 1 else (1,):
                wait = await asyncio.to_thread(self._draw, project, rate, count)
                if wait <= 0:
                    self._drawn[project] = _Drawn(count - 1, time.monotonic() + KEPT)
                    return
        raise RateLimited(
            f"projects/{project} may make {rate:g} requests a second, and has made them: wait {wait:.1f} s, or ask the "
            "operator to raise requests_per_second",
            wait,
        )

    def _use(self, project: str) -> bool:
        drawn = self._drawn.get(project)
        if drawn is None or not drawn.left or drawn.until < time.monotonic():
            return False
        drawn.left -= 1
        return True

    def _draw(self, project: str, rate: float, count: int) -> float:
        """0 where there was room, else the seconds until there is."""
        now, room = time.time(), max(1.0, rate) / rate
        begins = case((rates.c.full > now, rates.c.full), else_=now)
        fits = (rates.c.project == project) & (begins + count / rate <= now + room)
        draw = update(rates).where(fits).values(full=begins + count / rate)
        with self._engine.begin() as connection:
            if connection.execute(draw).rowcount:
                return 0.0
            full = connection.execute(select(rates.c.full).where(rates.c.project == project)).scalar_one_or_none()
        if full is not None:
            return max(float(full) + 1 / rate - now - room, 0.001)
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(rates), {"project": project, "full": now + count / rate})
        except IntegrityError:  # another replica was faster with the first request
            return self._draw(project, rate, count)
        return 0.0
