"""Projects in the database, their limits, and what they take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.access.views import CreateProjectRequest, Limits, Project, ProjectPage, UpdateProjectRequest, Usage
from services.errors import AlreadyExists, NotFound
from services.settings import LOOPBACK, Settings
from services.store.ids import moment, page_size, page_token, read_token
from services.store.tables import datasets, jobs, projects, spend, spend_holds
from services.views import JobState

AT_WORK: Final = (JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING)
FRESH: Final = 2.0
"""Seconds for which limits that were looked up hold: a replica hears that late of a change."""
_BEYOND_LOOPBACK: Final = Limits(requests_per_second=100, max_jobs=100, max_stored_bytes=100 << 30)
"""Where others may call, what a project may take until its operator says something else. Money has no such limit: what
is much, the operator knows alone."""


def defaults(settings: Settings) -> Limits:
    """The limits of a project that has none of its own."""
    base = Limits() if settings.host in LOOPBACK else _BEYOND_LOOPBACK
    fields = ("requests_per_second", "max_jobs", "max_stored_bytes", "max_spend")
    told = {name: value for name in fields if (value := getattr(settings, f"project_{name}")) is not None}
    return base.model_copy(update={**told, "spend_period": settings.project_spend_period})


class ProjectStore:
    """Reads and writes projects. Methods block, but for the one that is awaited."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._defaults = engine, defaults(settings)
        self._held: dict[str, tuple[float, Limits]] = {}
        """By id, until when (monotonic) limits are believed."""

    def create(self, request: CreateProjectRequest) -> Project:
        """A new project. Raises AlreadyExists."""
        shown = request.display_name or request.project_id
        row = {"id": request.project_id, "display_name": shown, "created": time.time(), **_stored(request.limits)}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(projects), row)
        except IntegrityError:
            raise AlreadyExists(f"there is a project {request.project_id} already") from None
        return self.get(request.project_id)

    def get(self, id_: str) -> Project:
        """One project with what it takes now. Raises NotFound."""
        project = self._project(self._row(id_))
        project.usage = self._usage(id_, project.effective_limits.spend_period)
        return project

    def page(self, size: int, token: str) -> ProjectPage:
        """A page of projects by id, without what they take."""
        limit, at = page_size(size), read_token(token, str)
        query = (
            select(projects).where(projects.c.id > str(at[0]) if at else projects.c.id != "").order_by(projects.c.id)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
        more = page_token(rows[limit - 1].id) if len(rows) > limit else ""
        return ProjectPage(projects=[self._project(r) for r in rows[:limit]], next_page_token=more)

    def update(self, id_: str, request: UpdateProjectRequest) -> Project:
        """Changes what was given. Raises NotFound."""
        values = _stored(request.limits) if request.limits else {}
        if request.display_name:
            values["display_name"] = request.display_name
        self._row(id_)
        if values:
            with self._engine.begin() as connection:
                connection.execute(update(projects).where(projects.c.id == id_).values(**values))
        self._held.pop(id_, None)
        return self.get(id_)

    def limits(self, id_: str) -> Limits:
        """What holds for a project. Raises NotFound."""
        if known := self._known(id_):
            return known
        found = self._effective(_limits(self._row(id_)))
        self._held[id_] = time.monotonic() + FRESH, found
        return found

    async def asked(self, id_: str) -> Limits:
        """The same, and does not block."""
        known = self._known(id_)
        return known if known is not None else await asyncio.to_thread(self.limits, id_)

    def _known(self, id_: str) -> Limits | None:
        """What was looked up this moment."""
        held = self._held.get(id_)
        return held[1] if held and held[0] > time.monotonic() else None

    def _row(self, id_: str) -> Any:
        with self._engine.connect() as connection:
            row = connection.execute(select(projects).where(projects.c.id == id_)).first()
        if row is None:
            raise NotFound(f"there is no projects/{id_}")
        return row

    def _project(self, row: Any) -> Project:
        own = _limits(row)
        return Project(
            name=f"projects/{row.id}",
            display_name=row.display_name,
            create_time=moment(row.created),
            limits=own,
            effective_limits=self._effective(own),
        )

    def _effective(self, own: Limits) -> Limits:
        given = {name: value for name, value in own.model_dump().items() if value not in (None, "")}
        return self._defaults.model_copy(update=given)

    def _usage(self, id_: str, period: str) -> Usage:
        with self._engine.connect() as connection:
            booked, held = spent(connection, id_, period)
            return Usage(
                jobs=at_work(connection, id_), stored_bytes=stored(connection, id_), spend=booked, spend_held=held
            )


@contextmanager
def locked(engine: Engine, project: str) -> Iterator[Connection]:
    """A transaction that no other one of this project's comes between, on whatever replica."""
    with engine.begin() as connection:
        lock(connection, project)
        yield connection


def lock(connection: Connection, project: str) -> None:
    """Makes this transaction wait for others that count what the project has. (SQLite has one writer at a time, and
    this makes it this one; PostgreSQL locks the row.)"""
    connection.execute(update(projects).where(projects.c.id == project).values(id=projects.c.id))


def at_work(connection: Connection, project: str) -> int:
    """Jobs that are queued or running."""
    here = (jobs.c.project == project) & jobs.c.state.in_(AT_WORK)
    return int(connection.execute(select(func.count()).select_from(jobs).where(here)).scalar_one())


def stored(connection: Connection, project: str) -> int:
    """Bytes of a project's datasets, and of results, replies and files of its jobs that have ended."""
    sums = [select(func.coalesce(func.sum(t.c.bytes), 0)).where(t.c.project == project) for t in (datasets, jobs)]
    return sum(int(connection.execute(one).scalar_one()) for one in sums)


def month() -> str:
    """The month of now, UTC: what money is booked under."""
    return time.strftime("%Y-%m", time.gmtime())


def spent(connection: Connection, project: str, period: str) -> tuple[float, float]:
    """US dollars booked in the period, and held by jobs at work beside that."""
    booked = select(func.coalesce(func.sum(spend.c.booked), 0.0)).where(spend.c.project == project)
    if period != "total":
        booked = booked.where(spend.c.month == month())
    held = select(func.coalesce(func.sum(spend_holds.c.amount), 0.0)).where(spend_holds.c.project == project)
    # In one statement: a call that is booked between two would be in neither.
    sums = connection.execute(select(booked.scalar_subquery(), held.scalar_subquery())).one()
    return float(sums[0]), float(sums[1])


def _limits(row: Any) -> Limits:
    fields = {name: getattr(row, name) for name in Limits.model_fields}
    return Limits.model_validate(fields | {"spend_period": row.spend_period or ""})


def _stored(limits: Limits) -> dict[str, Any]:
    fields = limits.model_dump()
    return fields | {"spend_period": limits.spend_period or None}
