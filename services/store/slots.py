"""What a generate job is to make, kept as items of a dataset that nobody sees: its id is the job's own.

The first plan is written before any work; what is planned later in place of what was lost (a wave) is added whole or
not at all. An item's `file` is the number of its wave.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Engine, and_, func, insert, select, update

from graphs.recipes.base import Generated, Slot
from services.store.datasets import BATCH, DatasetStore
from services.store.fence import writing
from services.store.ids import tail
from services.store.tables import datasets, examples, items
from services.views import Job


def rows_of(job: Job) -> str:
    """The id of the dataset whose items are the job's rows: an enhance job's source, a generate job's plan."""
    return tail(job.spec.enhance.dataset, "datasets") if job.spec.enhance else tail(job.name, "jobs")


class Finished(NamedTuple):
    """A slot with its outcome."""

    seq: int
    slot: Slot
    result: Generated


class SlotStore:
    """Reads and writes plans."""

    def __init__(self, engine: Engine, project: str) -> None:
        self._engine, self._datasets = engine, DatasetStore(engine, project)

    def planned(self, job_id: str) -> int:
        """Slots planned so far; 0 where there is no plan yet."""
        query = select(datasets.c.item_count).where(datasets.c.id == job_id, datasets.c.ready)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one_or_none() or 0)

    def waves(self, job_id: str) -> int:
        """The number of the last wave: 0 where nothing was planned in place of what was lost."""
        with self._engine.connect() as connection:
            query = select(func.max(items.c.file)).where(items.c.dataset_id == job_id)
            return int(connection.execute(query).scalar_one_or_none() or 0)

    def first(self, job_id: str) -> int:
        """Slots of the first plan."""
        here = items.c.dataset_id == job_id, items.c.file == 0
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(items).where(*here)).scalar_one())

    def plan(self, job_id: str, slots: Iterable[Slot]) -> int:
        """Writes the first plan, a batch in memory at a time; returns how many slots it has."""
        self._datasets.drop(job_id)  # what a crash left of an earlier try
        self._datasets.begin(job_id, "", time.time(), "slots")
        count, source = 0, iter(slots)
        while batch := [_row(job_id, count + n, slot, 0) for n, slot in enumerate(islice(source, BATCH))]:
            self._datasets.add(batch, [])
            count += len(batch)
        self._datasets.finish(job_id, files=json.dumps(["plan"]), item_count=count)
        return count

    def add_wave(self, job_id: str, wave: int, slots: Iterable[Slot]) -> int:
        """Adds a wave in one transaction; returns how many slots there are now."""
        count = self.planned(job_id)
        rows = [_row(job_id, count + n, slot, wave) for n, slot in enumerate(slots)]
        files = ["plan", *(f"wave {n}" for n in range(1, wave + 1))]
        values = {"item_count": count + len(rows), "files": json.dumps(files)}
        with writing(self._engine) as connection:
            if rows:
                connection.execute(insert(items), rows)
            connection.execute(update(datasets).where(datasets.c.id == job_id).values(**values))
        return count + len(rows)

    def finished(self, job_id: str) -> Iterator[Finished]:
        """Every slot with an outcome, in order, a batch in memory at a time."""
        after = -1
        both = and_(examples.c.job_id == job_id, examples.c.seq == items.c.seq)
        query = (
            select(items.c.seq, items.c.raw, examples.c.result)
            .select_from(items.join(examples, both))
            .where(items.c.dataset_id == job_id)
            .order_by(items.c.seq)
            .limit(BATCH)
        )
        while True:
            with self._engine.connect() as connection:
                batch = connection.execute(query.where(items.c.seq > after)).all()
            if not batch:
                return
            for row in batch:
                yield Finished(row.seq, Slot.model_validate_json(row.raw), Generated.model_validate_json(row.result))
            after = batch[-1].seq

    def refuse(self, job_id: str, refused: list[tuple[int, Generated]]) -> None:
        """Takes back what was accepted: a duplicate of an earlier example, or what the whole has no room for."""
        with writing(self._engine) as connection:
            for seq, result in refused:
                values: dict[str, Any] = {"outcome": result.outcome, "result": _body(result)}
                here = and_(examples.c.job_id == job_id, examples.c.seq == seq)
                connection.execute(update(examples).where(here).values(**values))


def _row(job_id: str, seq: int, slot: Slot, wave: int) -> dict[str, Any]:
    raw = slot.model_dump_json()
    id_ = f"{hashlib.sha256(raw.encode()).hexdigest()[:32]}-{seq + 1}"
    return {"dataset_id": job_id, "seq": seq, "item_id": id_, "file": wave, "line": 0, "annotated": False, "raw": raw}


def _body(result: Generated) -> bytes:
    return result.model_dump_json(exclude_defaults=True).encode()
