"""Jobs and their events in the database."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, insert, literal, select, true, update
from sqlalchemy.exc import IntegrityError

from graphs.records import CONVERGED, Outcome
from services.errors import Conflict, NotFound
from services.store.fence import writing
from services.store.ids import moment, new_id, tail
from services.store.paging import newest
from services.store.tables import events, jobs
from services.store.text import storable
from services.telemetry import context
from services.views import ENDED, Job, JobEvent, JobPage, JobSpec, JobState, Progress, Status

Unwritten = dict[str, tuple[JobState, Status]]
"""By job id, ends that a full disk did not let be written: known as long as the process lives. After a restart such a
job goes on by itself."""
UNFINISHED = (JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING)


class JobStore:
    """Reads jobs; writes them where no runner is at work on them (a runner writes through services/store/writer.py).

    It knows the jobs of one project; whose another one is, is not found, by no method. None is for the service itself,
    which works on everybody's: nothing that a caller has named may be looked up there.
    """

    def __init__(self, engine: Engine, project: str | None, unwritten: Unwritten | None = None) -> None:
        self._engine, self.project = engine, project
        self._mine = true() if project is None else jobs.c.project == project
        self.unwritten = {} if unwritten is None else unwritten

    def of(self, project: str) -> JobStore:
        """The same, for one project alone."""
        return JobStore(self._engine, project, self.unwritten)

    def create(
        self, spec: JobSpec, total: int, key: str, room: Callable[[Connection], None] | None = None
    ) -> tuple[Job, bool]:
        """The job, and whether it is new. `room` raises where there is none for it, in the transaction that stores it.

        Raises Conflict where the key was used for another spec.
        """
        if before := self.by_key(key, spec):
            return before, False
        assert self.project is not None, "a job is somebody's"
        id_, now = new_id(), time.time()
        progress = Progress(total_examples=total)
        row = {
            "id": id_,
            "kind": spec.kind_name,
            "spec": spec.model_dump_json(exclude_defaults=True),
            "state": JobState.QUEUED,
            "idempotency_key": key or None,
            "created": now,
            "progress": progress.model_dump_json(),
            "runs": 0,
            "project": self.project,
        }
        told = {"state": "queued", **({"mark": mark} if (mark := context.mark()) else {})}
        queued = {"job_id": id_, "seq": 1, "time": now, "type": "state", "body": json.dumps(told)}
        try:
            with writing(self._engine) as connection:
                if room:
                    room(connection)
                connection.execute(insert(jobs), row)
                connection.execute(insert(events), queued)
        except IntegrityError:  # somebody else was faster with the same key
            if before := self.by_key(key, spec):
                return before, False
            raise
        return self.get(f"jobs/{id_}"), True

    def by_key(self, key: str, spec: JobSpec) -> Job | None:
        """The job made under a key, None where there is none or no key. Raises Conflict as `create`."""
        if not key:
            return None
        with self._engine.connect() as connection:
            row = connection.execute(select(jobs).where(self._mine, jobs.c.idempotency_key == key)).first()
        if row is None:
            return None
        before = _job(row)
        if before.spec != spec:
            raise Conflict(f"the idempotency key {key!r} was used for {before.name}, whose spec differs")
        return before

    def by_key_prefix(self, prefix: str) -> list[Job]:
        """Jobs whose idempotency key begins so, newest first."""
        query = select(jobs).where(self._mine, jobs.c.idempotency_key.startswith(prefix, autoescape=True))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(jobs.c.created.desc(), jobs.c.id.desc())).all()
        return [self._shown(row) for row in rows]

    def get(self, name: str) -> Job:
        """Raises NotFound."""
        return self._shown(self._row(name))

    def _shown(self, row: Any) -> Job:
        job = _job(row)
        if found := self.unwritten.get(row.id):
            job.state, job.error = found
        return _at_its_end(job)

    def runs(self, name: str) -> int:
        """How often the job was taken up."""
        return int(self._row(name).runs)

    def owner(self, name: str) -> str:
        """The project whose the job is. Raises NotFound."""
        return str(self._row(name).project)

    def _row(self, name: str) -> Any:
        id_ = tail(name, "jobs")
        with self._engine.connect() as connection:
            row = connection.execute(select(jobs).where(self._mine, jobs.c.id == id_)).first()
        if row is None:
            raise NotFound(f"there is no {name}")
        return row

    def page(self, size: int, token: str, state: JobState | None) -> JobPage:
        """A page of jobs, newest first."""
        query = select(jobs).where(self._mine)
        if state:
            query = query.where(jobs.c.state == state)
        rows, more = newest(self._engine, query, jobs, size, token)
        return JobPage(jobs=[self._shown(r) for r in rows], next_page_token=more)

    def unfinished(self) -> list[Job]:
        """Jobs that a runner should be at work on, oldest first."""
        query = select(jobs).where(self._mine, jobs.c.state.in_(UNFINISHED)).order_by(jobs.c.created)
        with self._engine.connect() as connection:
            return [_job(r) for r in connection.execute(query)]

    def _id(self, name: str) -> ColumnElement[str]:
        """The job's id for a query of its events; nothing equals it where the job is another project's."""
        id_ = tail(name, "jobs")
        return (
            literal(id_)
            if self.project is None
            else select(jobs.c.id).where(self._mine, jobs.c.id == id_).scalar_subquery()
        )

    def mark(self, name: str) -> str:
        """The span that stood for the job last (services/telemetry/context.py); empty where none did."""
        query = select(events.c.body).where(events.c.job_id == self._id(name), events.c.type == "state")
        with self._engine.connect() as connection:
            told = [json.loads(row.body) for row in connection.execute(query.order_by(events.c.seq.desc()))]
        return next((str(body["mark"]) for body in told if "mark" in body), "")

    def last_seq(self, name: str) -> int:
        """The seq of the job's last event."""
        with self._engine.connect() as connection:
            query = select(func.max(events.c.seq)).where(events.c.job_id == self._id(name))
            return int(connection.execute(query).scalar_one() or 0)

    def events_after(self, name: str, seq: int, limit: int = 500) -> list[JobEvent]:
        """The next events of a job."""
        query = select(events).where(events.c.job_id == self._id(name), events.c.seq > seq)
        with self._engine.connect() as connection:
            return [_event(r) for r in connection.execute(query.order_by(events.c.seq).limit(limit))]


def set_state(connection: Connection, id_: str, state: JobState, error: Status | None, **fields: Any) -> None:
    """Writes a state and what goes with it."""
    values: dict[str, Any] = {"state": state, "error_code": None, "error_message": None, **fields}
    if error:
        values |= {"error_code": error.code, "error_message": storable(error.message)}
    values["ended"] = time.time() if state in ENDED else None
    connection.execute(update(jobs).where(jobs.c.id == id_).values(**values))


def _job(row: Any) -> Job:
    error = Status(code=row.error_code, message=row.error_message or "") if row.error_code is not None else None
    job = Job(
        name=f"jobs/{row.id}",
        spec=JobSpec.model_validate_json(row.spec),
        state=JobState(row.state),
        create_time=moment(row.created),
        start_time=moment(row.started),
        end_time=moment(row.ended),
        error=error,
        progress=Progress.model_validate_json(row.progress),
        idempotency_key=row.idempotency_key or "",
        report_json=row.report or "",
    )
    return _at_its_end(job)


def _at_its_end(job: Job) -> Job:
    """What is stored are the figures of the work as it stood. Of an ended job nothing is left to wait for, and where it
    did not finish, the rows that it never reached count: they have not converged."""
    if job.state not in ENDED:
        return job
    progress, outcomes = job.progress, job.progress.outcomes
    progress.eta_seconds = None
    fresh = progress.total_examples - outcomes.get(Outcome.REUSED, 0)
    if job.state is not JobState.SUCCEEDED and fresh > 0:
        progress.convergence_rate = round(sum(outcomes.get(outcome, 0) for outcome in CONVERGED) / fresh, 4)
    return job


def _event(row: Any) -> JobEvent:
    told = json.loads(row.body)
    told.pop("mark", None)  # of a trace, for the next life of the job
    return JobEvent(seq=row.seq, time=moment(row.time), type=row.type, **told)
