"""Results in the database, and the source rows they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, Select, and_, delete, func, insert, literal, select, update

from services.store.fence import writing
from services.store.tables import datasets, examples, items, jobs

BATCH = 200


class Pending(NamedTuple):
    """A row without an outcome."""

    seq: int
    item_id: str
    raw: str


class Counted(NamedTuple):
    """What the finished examples of a job add up to."""

    outcomes: dict[str, int]
    enhanced: int
    iterations: int
    """Rounds over those that neither failed nor were reused."""


class ExampleStore:
    """Reads results; a runner writes them through services/store/writer.py."""

    def __init__(self, engine: Engine, project: str) -> None:
        self._engine, self._project = engine, project

    def pending(self, job_id: str, dataset_id: str, after: int, below: int) -> list[Pending]:
        """The next rows with `after` < seq < `below` that have no outcome in this job yet."""
        wanted = (items.c.seq, items.c.item_id, items.c.raw)
        query = _unfinished(wanted, job_id, dataset_id, after + 1, below).order_by(items.c.seq).limit(BATCH)
        with self._engine.connect() as connection:
            return [Pending(*row) for row in connection.execute(query)]

    def unfinished(self, job_id: str, dataset_id: str, after: int, below: int, limit: int) -> list[int]:
        """The seqs of the next rows as `pending` has them, `limit` at most."""
        query = _unfinished((items.c.seq,), job_id, dataset_id, after + 1, below).order_by(items.c.seq).limit(limit)
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def left(self, job_id: str, dataset_id: str, first: int, below: int) -> int:
        """How many rows with `first` <= seq < `below` have no outcome in this job yet."""
        query = _unfinished((func.count(),), job_id, dataset_id, first, below)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def counted(self, job_id: str) -> Counted:
        """Adds up a job's examples."""
        c = examples.c
        query = (
            select(c.outcome, c.enhanced, func.count(), func.sum(c.iterations))
            .where(c.job_id == job_id)
            .group_by(c.outcome, c.enhanced)
        )
        outcomes: dict[str, int] = {}
        enhanced = iterations = 0
        with self._engine.connect() as connection:
            for outcome, new, count, rounds in connection.execute(query):
                outcomes[outcome] = outcomes.get(outcome, 0) + count
                enhanced += count if new else 0
                iterations += rounds if outcome not in ("failed", "reused") else 0
        return Counted(outcomes, enhanced, iterations)

    def take_over(self, job_id: str, dataset_id: str, earlier_id: str, below: int) -> int:
        """Gives rows that an earlier output holds annotated its result; returns how many."""
        earlier = items.alias("earlier")
        same = and_(earlier.c.dataset_id == earlier_id, earlier.c.item_id == items.c.item_id, earlier.c.annotated)
        done = and_(examples.c.job_id == job_id, examples.c.seq == items.c.seq)
        rows = (
            select(
                literal(job_id),
                items.c.seq,
                items.c.item_id,
                literal("reused"),
                literal(False),
                literal(0),
                literal(b'{"outcome":"reused"}'),
                literal(""),
                earlier.c.raw,
            )
            .select_from(items.join(earlier, same).outerjoin(examples, done))
            .where(items.c.dataset_id == dataset_id, items.c.seq < below, examples.c.seq.is_(None))
        )
        names = ("job_id", "seq", "item_id", "outcome", "enhanced", "iterations", "result", "input_hash", "taken_from")
        with writing(self._engine) as connection:
            return connection.execute(insert(examples).from_select(names, rows)).rowcount

    def known_results(self, hashes: list[str]) -> dict[str, Any]:
        """Results of any job of the project by the hash of all that went into them; failed ones are no results.

        Of its own jobs alone: a row that comes back at once would tell one project what another one has.
        """
        c = examples.c
        query = (
            select(c.input_hash, c.outcome, c.enhanced, c.iterations, c.result)
            .join(jobs, jobs.c.id == c.job_id)
            .where(jobs.c.project == self._project, c.input_hash.in_(hashes), c.outcome.not_in(("failed", "reused")))
        )
        with self._engine.connect() as connection:
            return {row.input_hash: row for row in connection.execute(query)}

    def forget_failed(self, job_id: str) -> int:
        """Takes the outcome from examples that failed, so that they are run again."""
        with writing(self._engine) as connection:
            gone = delete(examples).where(examples.c.job_id == job_id, examples.c.outcome == "failed")
            return connection.execute(gone).rowcount

    def rows(self, job_id: str, dataset_id: str, after: int, limit: int, outcome: str = "") -> list[Any]:
        """The next finished examples with their source rows, in source order."""
        query = _joined(job_id, dataset_id).where(examples.c.outcome.is_not(None), items.c.seq > after)
        if outcome:
            query = query.where(examples.c.outcome == outcome)
        return self._fetch(query.limit(limit))

    def one(self, job_id: str, dataset_id: str, item_id: str) -> Any | None:
        """One row by its id, finished or not."""
        found = self._fetch(_joined(job_id, dataset_id).where(items.c.item_id == item_id))
        return found[0] if found else None

    def review(self, job_id: str, item_id: str, review: str | None) -> bool:
        """Writes a person's verdict on a finished example, or takes it back; returns whether there is such a one."""
        here = and_(examples.c.job_id == job_id, examples.c.item_id == item_id)
        with self._engine.begin() as connection:
            return connection.execute(update(examples).where(here).values(review=review)).rowcount > 0

    def all_rows(self, job_id: str, dataset_id: str, below: int) -> Iterator[Any]:
        """Every row in source order, those without an outcome too; a batch in memory at a time."""
        after = -1
        query = _joined(job_id, dataset_id).where(items.c.seq < below)
        while batch := self._fetch(query.where(items.c.seq > after).limit(BATCH)):
            yield from batch
            after = batch[-1].seq

    def foreign(self, earlier_id: str, dataset_id: str, below: int) -> Iterator[str]:
        """Rows of an earlier output that this job does not make (seq < `below`), as they stood, in their order."""
        earlier, after = items.alias("earlier"), -1
        known = select(items.c.item_id).where(items.c.dataset_id == dataset_id, items.c.seq < below)
        query = (
            select(earlier.c.seq, earlier.c.raw)
            .where(earlier.c.dataset_id == earlier_id, earlier.c.item_id.not_in(known))
            .order_by(earlier.c.seq)
            .limit(BATCH)
        )
        while True:
            with self._engine.connect() as connection:
                batch = connection.execute(query.where(earlier.c.seq > after)).all()
            if not batch:
                return
            yield from (row.raw for row in batch)
            after = batch[-1].seq

    def _fetch(self, query: Select[Any]) -> list[Any]:
        with self._engine.connect() as connection:
            return list(connection.execute(query))


def _joined(job_id: str, dataset_id: str) -> Select[Any]:
    done = and_(examples.c.job_id == job_id, examples.c.seq == items.c.seq)
    return (
        select(
            items.c.seq,
            items.c.item_id,
            items.c.file,
            items.c.line,
            items.c.raw,
            examples.c.outcome,
            examples.c.result,
            examples.c.taken_from,
            examples.c.review,
            datasets.c.files,
        )
        .select_from(items.outerjoin(examples, done).join(datasets, datasets.c.id == items.c.dataset_id))
        .where(items.c.dataset_id == dataset_id)
        .order_by(items.c.seq)
    )


def _unfinished(
    wanted: tuple[ColumnElement[Any], ...], job_id: str, dataset_id: str, first: int, below: int
) -> Select[Any]:
    """Of the rows with `first` <= seq < `below`, those that have no outcome in the job."""
    done = and_(examples.c.job_id == job_id, examples.c.seq == items.c.seq)
    return (
        select(*wanted)
        .select_from(items.outerjoin(examples, done))
        .where(items.c.dataset_id == dataset_id, items.c.seq >= first, items.c.seq < below, examples.c.seq.is_(None))
    )
