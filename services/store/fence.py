"""Who may write of a job: its owner, as long as the fencing number it carries is the current one.

On PostgreSQL several services share the jobs. The number is handed out with a job's lease (services/store/leases.py)
and only grows. Whatever is written at work on a job carries it: the task that works is begun `carrying` it, and all
that it starts inherits it, threads included. Another process that does a part of the job's rows, a shard, opens the
same database and carries the number that it was given, and the shard's id beside it: its writes are refused too once
the owner has given the shard to another. On SQLite nobody carries anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, Float, cast, func, select, tuple_

from services.store.tables import leases, shards


@dataclass(frozen=True, slots=True, order=True)
class Held:
    """A job's lease as its owner has it."""

    job_id: str
    fence: int
    surely: Callable[[], float] = field(default=lambda: math.inf, compare=False, repr=False)
    """Seconds for which it is ours without fail; below 0 another may have it."""
    shard: str = ""
    """Of whoever does a part of the job's rows for its owner."""


class LeaseLost(Exception):
    """The job is another service's by now, or nobody's: nothing was written."""


_held: ContextVar[Held | None] = ContextVar("held", default=None)

now = cast(func.extract("epoch", func.clock_timestamp()), Float)
"""The database's clock, the only one that leases go by: seconds since 1970."""


@contextmanager
def carrying(held: Held | None) -> Iterator[None]:
    """Whatever is written inside is written as this owner."""
    token = _held.set(held)
    try:
        yield
    finally:
        _held.reset(token)


def carried() -> Held | None:
    """The lease of the work that this is called from; None outside of any, and on SQLite."""
    return _held.get()


def still_ours() -> None:
    """For what can't be taken back, such as a call that costs money: raises LeaseLost unless the lease surely runs.

    By this process's clock alone, which goes on while the process is frozen: who wakes up late asks nobody.
    """
    if (held := carried()) and held.surely() < 0:
        raise LeaseLost(f"jobs/{held.job_id}: the lease with number {held.fence} ran out")


def check(connection: Connection, owners: Iterable[Held]) -> None:
    """Makes sure of leases until the end of the transaction: a takeover waits for it. Raises LeaseLost."""
    wanted = sorted(set(owners))
    if not wanted:
        return
    _check_leases(connection, wanted)
    if parts := [h for h in wanted if h.shard]:
        _check_shards(connection, parts)


def _check_leases(connection: Connection, wanted: list[Held]) -> None:
    current = (
        select(leases.c.job_id)
        .where(
            tuple_(leases.c.job_id, leases.c.fence).in_([(h.job_id, h.fence) for h in wanted]), leases.c.expires > now
        )
        .order_by(leases.c.job_id)  # locks are taken in one order everywhere, so that nobody waits in a circle
        .with_for_update(read=True, key_share=True)  # in the way of a new number, and not of a renewal
    )
    found = set(connection.execute(current).scalars())
    if lost := [h for h in wanted if h.job_id not in found]:
        raise LeaseLost(f"jobs/{lost[0].job_id}: the lease with number {lost[0].fence} is no longer the current one")


def _check_shards(connection: Connection, parts: list[Held]) -> None:
    here = select(shards.c.id).where(shards.c.id.in_([h.shard for h in parts])).order_by(shards.c.id)
    found = set(connection.execute(here.with_for_update(read=True, key_share=True)).scalars())
    if lost := [h for h in parts if h.shard not in found]:
        raise LeaseLost(f"jobs/{lost[0].job_id}: shard {lost[0].shard} was taken back by the job's owner")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction of whoever is at work. Raises LeaseLost, with nothing written."""
    with engine.begin() as connection:
        if held := carried():
            check(connection, [held])
        yield connection
