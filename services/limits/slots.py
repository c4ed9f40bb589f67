"""How many calls of one model may be under way at once, whoever makes them: slots, leased from the database.

Each process that calls the model leases some for a few seconds, and renews them while it has use for them, telling how
many it wants. The slots are shared out evenly among those who want any; who has more than its share takes no new call
until it has come down to it. The slots of a process that died end by the database's clock.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from services.store.fence import now
from services.store.tables import model_slots

log = structlog.get_logger()

LEASE: Final = 6.0
"""Seconds after which the slots of a process that is not heard of are free."""
RENEW: Final = 1.0
"""Seconds between two renewals."""
SOON: Final = 0.25
"""Seconds between two renewals where callers wait for slots, or slots for other processes."""
MARGIN: Final = 2.0
"""Seconds before the end of the lease from which on no call is begun."""
TURN: Final = 10
"""Seconds after which, of slots too few to go round, others have theirs."""


class Slots:
    """One a process and model."""

    def __init__(self, engine: Engine, model: str, holder: str, most: int) -> None:
        """`holder` tells this process from all others, `most` is the limit for all of them together."""
        self._engine, self._model, self._holder, self._most = engine, model, holder, most
        self._used = self._leased = self._share = 0
        self._until = 0.0
        self._highest = 0
        self._lately: deque[int] = deque(maxlen=4)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._called = asyncio.Event()
        self._renewing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """A slot. Raises SQLAlchemy's error where the database can't be asked for one."""
        await self._enter()
        try:
            yield
        finally:
            self._used -= 1
            self._hand_on()

    async def close(self) -> None:
        """Gives everything back."""
        if self._renewing:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)

    async def _enter(self) -> None:
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._keep())
        if not self._waiting and self._free():
            self._used += 1
            self._highest = max(self._highest, self._used)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._highest = max(self._highest, self._used + len(self._waiting))
        self._called.set()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and not turn.exception():  # it came at the same moment
                self._used -= 1
                self._hand_on()
            raise

    def _free(self) -> bool:
        return self._used < min(self._leased, self._share) and time.monotonic() < self._until

    def _hand_on(self) -> None:
        while self._waiting and (self._waiting[0].done() or self._free()):
            turn = self._waiting.popleft()
            if not turn.done():
                self._used += 1
                turn.set_result(None)

    async def _keep(self) -> None:
        """Renews until nothing has been wanted for a while."""
        while True:
            try:
                await self._keep_some()
            finally:
                self._leased = 0
                await asyncio.shield(asyncio.to_thread(self._give_back))
            if not self._waiting:  # nobody has come meanwhile
                return

    async def _keep_some(self) -> None:
        while True:
            self._waiting = deque(turn for turn in self._waiting if not turn.done())
            self._lately.append(max(self._highest, self._used + len(self._waiting)))
            self._highest = 0
            if not (wanted := max(self._lately)):
                return
            # Down to our share first, and then told: what is told to be free is in nobody's use.
            self._leased = max(self._used, min(self._leased, self._share))
            await self._renew(wanted)
            self._called.clear()
            await self._pause()

    async def _renew(self, wanted: int) -> None:
        began = time.monotonic()
        try:
            self._leased, self._share = await asyncio.to_thread(self._ask, self._leased, wanted)
        except SQLAlchemyError as error:
            log.warning("slots of a model could not be renewed", model=self._model, error=type(error).__name__)
            waiting, self._waiting = self._waiting, deque()
            for turn in waiting:
                if not turn.done():
                    turn.set_exception(error)
            return
        self._until = began + LEASE - MARGIN
        self._hand_on()

    async def _pause(self) -> None:
        if self._waiting or self._leased > self._share:
            await asyncio.sleep(SOON)
            return
        try:
            async with asyncio.timeout(RENEW):
                await self._called.wait()
        except TimeoutError:
            return

    def _ask(self, kept: int, wanted: int) -> tuple[int, int]:
        """Keeps `kept` slots, and takes more where more are our share and free. Returns the slots and the share."""
        with self._engine.begin() as connection:
            # After a crash of the database's machine a lease may be forgotten; nobody need wait for the disk.
            connection.execute(text("SET LOCAL synchronous_commit TO off"))
            _alone(connection, self._model)
            at = float(connection.execute(select(now)).scalar_one())
            c = model_slots.c
            here = select(c.holder, c.slots, c.wanted).where(c.model == self._model, c.expires > at)
            others = {r.holder: (r.slots, r.wanted) for r in connection.execute(here) if r.holder != self._holder}
            asking = {holder: others_want for holder, (_, others_want) in others.items()} | {self._holder: wanted}
            share = shares(self._most, asking, int(at // TURN))[self._holder]
            free = self._most - sum(slots for slots, _ in others.values())
            slots = max(kept, min(share, free))
            row = {"slots": slots, "wanted": wanted, "expires": at + LEASE}
            mine = insert(model_slots).values(model=self._model, holder=self._holder, **row)
            connection.execute(mine.on_conflict_do_update(index_elements=["model", "holder"], set_=row))
            connection.execute(delete(model_slots).where(c.model == self._model, c.expires <= at))
        return slots, share

    def _give_back(self) -> None:
        c = model_slots.c
        try:
            with self._engine.begin() as connection:
                connection.execute(delete(model_slots).where(c.model == self._model, c.holder == self._holder))
        except SQLAlchemyError as error:  # they end by themselves, in seconds
            log.warning("slots of a model could not be given back", model=self._model, error=type(error).__name__)


def _alone(connection: Connection, model: str) -> None:
    """Nobody else counts this model's slots until the end of the transaction."""
    key = func.hashtextextended(f"slots/{model}", 0)
    connection.execute(select(func.pg_advisory_xact_lock(key)))


def shares(most: int, wanted: Mapping[str, int], turn: int) -> dict[str, int]:
    """Divides `most` slots evenly among those who want any, to nobody more than is wanted.

    Of a rest too small to go round one each is given in the order of the names, from another one on each `turn`.
    """
    given = dict.fromkeys(sorted(wanted), 0)
    while most and (hungry := [name for name in given if given[name] < wanted[name]]):
        each = most // len(hungry)
        if not each:
            first = turn % len(hungry)
            hungry = (hungry[first:] + hungry[:first])[:most]
        for name in hungry:
            more = min(max(each, 1), wanted[name] - given[name])
            given[name] += more
            most -= more
    return given
