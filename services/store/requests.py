"""What a service asks of another that owns a job: a verb, done by the owner, answered in the database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Engine, delete, func, insert, select, update

from services.store.fence import now
from services.store.ids import new_id
from services.store.jobs import UNFINISHED
from services.store.tables import events, jobs, leases, requests

KEPT = 600.0
"""Seconds after which nobody waits for an answer any more."""
MANY = 1000
"""Jobs that a look sees at most, the oldest."""
Answer = dict[str, str]
"""What was wrong: `reason` and `message`; empty where nothing was."""


class Asked(NamedTuple):
    """A verb that somebody wants done."""

    id: str
    job_id: str
    verb: str
    max_cost: float | None


class Standing(NamedTuple):
    """How a request stands. `done` is None until there is an answer."""

    done: Answer | None
    taken: bool
    owner: Literal["taker", "other", "nobody"]


class Seen(NamedTuple):
    """What one look at the database tells a replica."""

    free: list[str]
    """Ids of jobs that want work and are nobody's, oldest first."""
    foreign: set[str]
    """Ids of those that others work on."""
    asked: list[Asked]
    """What is asked of us."""
    last: dict[str, int]
    """By id of the jobs watched here, the seq of their last event."""


class RequestStore:
    """Writes and reads requests, and what else replicas want to know of each other. Its methods block."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ask(self, job_id: str, verb: str, max_cost: float | None) -> str:
        """Writes a request; returns its id."""
        id_ = new_id()
        row = {"id": id_, "job_id": job_id, "verb": verb, "max_cost": max_cost, "created": now}
        with self._engine.begin() as connection:
            connection.execute(delete(requests).where(requests.c.created < now - KEPT))
            connection.execute(insert(requests).values(row))
        return id_

    def standing(self, id_: str) -> Standing | None:
        """How a request stands; None where it is gone."""
        live = leases.c.expires > now
        query = select(requests.c.answer, requests.c.taken_by, leases.c.owner, live.label("live")).select_from(
            requests.outerjoin(leases, leases.c.job_id == requests.c.job_id)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query.where(requests.c.id == id_)).first()
        if row is None:
            return None
        owner: Literal["taker", "other", "nobody"] = "nobody"
        if row.live:
            owner = "taker" if row.owner == row.taken_by else "other"
        return Standing(None if row.answer is None else json.loads(row.answer), row.taken_by is not None, owner)

    def withdraw(self, id_: str, *, taken: bool) -> bool:
        """Takes a request back, one that an owner has taken up only where `taken`; returns whether it was there."""
        mine = (requests.c.id == id_,) if taken else (requests.c.id == id_, requests.c.taken_by.is_(None))
        with self._engine.begin() as connection:
            return connection.execute(delete(requests).where(*mine)).rowcount > 0

    def take(self, id_: str, owner: str) -> bool:
        """Takes a request up, so that nobody else does it; returns whether it is ours to do."""
        free = requests.c.id == id_, requests.c.taken_by.is_(None)
        with self._engine.begin() as connection:
            return connection.execute(update(requests).where(*free).values(taken_by=owner)).rowcount > 0

    def answer(self, id_: str, answer: Answer) -> None:
        """Says that it is done, or what was wrong."""
        with self._engine.begin() as connection:
            connection.execute(update(requests).where(requests.c.id == id_).values(answer=json.dumps(answer)))

    def look(self, owner: str, watched: Sequence[str]) -> Seen:
        """What there is to do for a replica."""
        joined = jobs.outerjoin(leases, leases.c.job_id == jobs.c.id)
        live = func.coalesce(leases.c.expires > now, False)
        wanting = (
            select(jobs.c.id, live.label("live"), leases.c.owner)
            .select_from(joined)
            .where(jobs.c.state.in_(UNFINISHED))
            .order_by(jobs.c.created)
            .limit(MANY)
        )
        asked = select(*(requests.c[name] for name in Asked._fields)).select_from(
            requests.join(leases, leases.c.job_id == requests.c.job_id)
        )
        asked = asked.where(requests.c.taken_by.is_(None), leases.c.owner == owner, leases.c.expires > now)
        with self._engine.connect() as connection:
            rows = connection.execute(wanting).all()
            mine = [Asked(*row) for row in connection.execute(asked.order_by(requests.c.created))]
            last: dict[str, Any] = {}
            if watched:
                newest = select(events.c.job_id, func.max(events.c.seq)).where(events.c.job_id.in_(watched))
                last = {row[0]: row[1] for row in connection.execute(newest.group_by(events.c.job_id))}
        free = [row.id for row in rows if not row.live]
        return Seen(free, {row.id for row in rows if row.live and row.owner != owner}, mine, last)
