"""So many examples at once; one whose call has to wait before it is tried again lets another work meanwhile.

With a provider that refuses every tenth call for a second, examples of 100 ms calls would spend most of their time in
such waits, and the provider would idle.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Final

OPEN: Final = 3
"""For each place, the examples that may have been begun: what is begun is in memory, and pauses can be long."""


class Places:
    """Whoever comes back from a wait goes before whoever begins."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._back: deque[asyncio.Future[None]] = deque()
        self._new: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A place for an example, but for the time that its calls `wait`."""
        place = _Place(self)
        await self._take(self._new)
        token = _mine.set(place)
        try:
            yield
        finally:
            _mine.reset(token)
            if place.held:
                self._leave()

    async def _take(self, line: deque[asyncio.Future[None]]) -> None:
        if self._free:  # then nobody waits
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it has just been given a place
                self._leave()
            raise

    def _leave(self) -> None:
        for line in (self._back, self._new):
            while line:
                if not (turn := line.popleft()).done():
                    turn.set_result(None)
                    return
        self._free += 1

    async def _wait(self, place: _Place, seconds: float) -> None:
        place.held = False
        self._leave()
        await asyncio.sleep(seconds)
        await self._take(self._back)
        place.held = True


class _Place:
    """One example's. Its calls are made one after the other."""

    def __init__(self, places: Places) -> None:
        self.places, self.held = places, True


_mine: ContextVar[_Place | None] = ContextVar("place", default=None)


async def wait(seconds: float) -> None:
    """Before a call is tried again: the example's place, where it has one, is another's meanwhile."""
    if (place := _mine.get()) is None:
        await asyncio.sleep(seconds)
    else:
        await place.places._wait(place, seconds)
