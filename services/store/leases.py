"""The leases of one service process: which jobs are its own, kept by renewing them in time.

Only PostgreSQL has them. A lease ends by itself when it is not renewed: so the jobs of a process that died, or froze,
are free for others within seconds. All times are the database's.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from services.store.fence import Held, now
from services.store.frozen import end_frozen
from services.store.ids import new_id
from services.store.tables import leases

log = structlog.get_logger()

LEASE: Final = 8.0
"""Seconds from which on a job whose owner is not heard of is another's."""
RENEW: Final = 2.0
"""Seconds between two renewals: three may fail."""


class Leases:
    """`start` it, `claim` and `release`, `close` it. Its methods block, so they are called in a thread."""

    def __init__(self, engine: Engine, on_lost: Callable[[Held], None]) -> None:
        """`on_lost` is called on a thread of this object's own, once for each lease that is lost."""
        self._engine, self._on_lost = engine, on_lost
        self.owner = new_id()
        self._lock = threading.Lock()
        self._held: dict[Held, float] = {}
        """By lease, until when it is surely ours, on the monotonic clock."""
        self._closing = threading.Event()
        # A thread, and not a task: neither a busy event loop nor slow reads keep a renewal waiting.
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)

    def start(self) -> None:
        """Begins to renew."""
        self._thread.start()

    def close(self) -> None:
        """Stops renewing and gives every lease back, so that others need not wait."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        for held in self.held():
            self.release(held)

    def held(self) -> list[Held]:
        """What is ours, as far as we know."""
        with self._lock:
            return sorted(self._held)

    def claim(self, job_id: str) -> Held | None:
        """The job's lease with a number of its own; None where another has it."""
        began = time.monotonic()
        row = {"job_id": job_id, "owner": self.owner, "fence": 1, "expires": now + LEASE}
        statement = insert(leases).values(row)
        taken = {"owner": self.owner, "fence": leases.c.fence + 1, "expires": now + LEASE}
        claimed = statement.on_conflict_do_update(
            index_elements=[leases.c.job_id], set_=taken, where=leases.c.expires <= now
        ).returning(leases.c.fence)
        with self._engine.begin() as connection:
            fence = connection.execute(claimed).scalar_one_or_none()
        if fence is None:
            return None
        held = Held(job_id, fence, lambda: self._left(job_id, fence))
        with self._lock:
            self._held[held] = began + LEASE
        return held

    def _left(self, job_id: str, fence: int) -> float:
        with self._lock:
            return self._held.get(Held(job_id, fence), -math.inf) - time.monotonic()

    def release(self, held: Held) -> None:
        """Gives a lease back, where it is still ours."""
        with self._lock:
            self._held.pop(held, None)
        mine = (leases.c.job_id == held.job_id, leases.c.fence == held.fence, leases.c.owner == self.owner)
        try:
            with self._engine.begin() as connection:
                connection.execute(update(leases).where(*mine).values(expires=0.0))
        except SQLAlchemyError as error:  # it ends by itself, in seconds
            log.warning("a lease could not be given back", job=held.job_id, error=_said(error))

    def renew(self) -> list[Held]:
        """Renews what is ours; returns what no longer is."""
        began, held = time.monotonic(), self.held()
        if not held:
            return []
        try:
            with self._engine.begin() as connection:
                kept = _renewed(connection, self.owner, held)
        except SQLAlchemyError as error:
            log.warning("the leases could not be renewed", error=_said(error))
            kept = set()
            with self._lock:
                lost = [one for one in held if self._held.get(one, began + LEASE) < time.monotonic()]
        else:
            lost = [one for one in held if one not in kept]
        with self._lock:
            for one in kept & self._held.keys():
                self._held[one] = began + LEASE
            return [one for one in lost if self._held.pop(one, None) is not None]

    def _keep(self) -> None:
        while not self._closing.wait(RENEW):
            for held in self.renew():
                self._on_lost(held)
            try:
                end_frozen(self._engine)
            except SQLAlchemyError as error:  # the next round tries again
                log.warning("sessions that stand still could not be looked for", error=_said(error))


def _renewed(connection: Connection, owner: str, held: Iterable[Held]) -> set[Held]:
    ids = [one.job_id for one in held]
    mine = select(leases.c.job_id, leases.c.fence).where(
        leases.c.job_id.in_(ids), leases.c.owner == owner, leases.c.expires > now
    )
    # In one order, as everywhere; and so that no write that is under way is waited for.
    rows = connection.execute(mine.order_by(leases.c.job_id).with_for_update(key_share=True)).all()
    kept = {Held(*row) for row in rows} & set(held)
    if kept:
        renewed = [one.job_id for one in kept]
        connection.execute(update(leases).where(leases.c.job_id.in_(renewed)).values(expires=now + LEASE))
    return kept


def _said(error: SQLAlchemyError) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())
