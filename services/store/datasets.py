"""Datasets in the database: written once, row by row, then only read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, insert, select, update

from services.errors import NotFound
from services.store.engine import shared
from services.store.fence import writing
from services.store.ids import moment, page_size, page_token, read_token, tail
from services.store.paging import newest
from services.store.tables import bad_rows, datasets, items
from services.views import BadRow, BadRowPage, Dataset, DatasetPage

BATCH = 500
"""Rows a transaction or a read."""
UPLOAD = 86400.0
"""Seconds after which nobody is at an upload any more."""


_shown = datasets.c.ready & (datasets.c.kind != "slots")
"""What a job is to make is kept as items too, and is nobody's dataset."""


class StoredItem(NamedTuple):
    """One source row."""

    seq: int
    item_id: str
    file: int
    line: int
    annotated: bool
    raw: str


class DatasetStore:
    """Reads and writes the datasets of one project; whose another one is, is not found."""

    def __init__(self, engine: Engine, project: str) -> None:
        self._engine, self.project = engine, project
        self._mine = datasets.c.project == project

    def begin(self, id_: str, display_name: str, created: float, kind: str = "rows") -> None:
        """Makes room for an upload; unseen until `finish`."""
        row = {"id": id_, "display_name": display_name, "files": "[]", "item_count": 0, "bad_row_count": 0}
        row |= {"kind": kind, "project": self.project}
        with writing(self._engine) as connection:
            connection.execute(insert(datasets), row | {"sha256": "", "created": created, "ready": False})

    def add(
        self,
        rows: Sequence[dict[str, Any]],
        bad: Sequence[dict[str, Any]],
        room: Callable[[Connection], None] | None = None,
    ) -> None:
        """Stores a batch of an upload. `room` raises where that was too much, and none of it is stored."""
        with writing(self._engine) as connection:
            if rows:
                size = sum(len(r["raw"]) if r["raw"].isascii() else len(r["raw"].encode()) for r in rows)
                here = datasets.c.id == rows[0]["dataset_id"]
                connection.execute(update(datasets).where(here).values(bytes=datasets.c.bytes + size))
                if room:
                    room(connection)
                connection.execute(insert(items), list(rows))
            if bad:
                connection.execute(insert(bad_rows), list(bad))

    def finish(self, id_: str, **fields: Any) -> None:
        """Makes an upload visible."""
        with writing(self._engine) as connection:
            connection.execute(update(datasets).where(datasets.c.id == id_).values(ready=True, **fields))

    def drop(self, id_: str) -> None:
        """Forgets a dataset and its rows."""
        with writing(self._engine) as connection:
            for table in (items, bad_rows):
                connection.execute(delete(table).where(table.c.dataset_id == id_))
            connection.execute(delete(datasets).where(datasets.c.id == id_))

    def by_key(self, key: str) -> Dataset | None:
        """The dataset uploaded under an idempotency key."""
        with self._engine.connect() as connection:
            row = connection.execute(select(datasets).where(self._mine, datasets.c.idempotency_key == key)).first()
        return _dataset(row) if row else None

    def get(self, name: str) -> Dataset:
        """Raises NotFound."""
        id_ = tail(name, "datasets")
        with self._engine.connect() as connection:
            row = connection.execute(select(datasets).where(self._mine, _shown, datasets.c.id == id_)).first()
        if row is None:
            raise NotFound(f"there is no {name}")
        return _dataset(row)

    def page(self, size: int, token: str) -> DatasetPage:
        """A page of datasets, newest first."""
        rows, more = newest(self._engine, select(datasets).where(self._mine, _shown), datasets, size, token)
        return DatasetPage(datasets=[_dataset(r) for r in rows], next_page_token=more)

    def bad_rows(self, name: str, size: int, token: str) -> BadRowPage:
        """A page of refused rows."""
        id_, limit = tail(self.get(name).name, "datasets"), page_size(size)
        after = read_token(token, int)
        query = select(bad_rows).where(bad_rows.c.dataset_id == id_, bad_rows.c.seq > (after[0] if after else -1))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(bad_rows.c.seq).limit(limit + 1)).all()
        more = page_token(rows[limit - 1].seq) if len(rows) > limit else ""
        found = [BadRow(file=r.file, line=r.line, reason=r.reason) for r in rows[:limit]]
        return BadRowPage(bad_rows=found, next_page_token=more)

    def items(self, id_: str) -> Iterator[StoredItem]:
        """Every row in order, a batch in memory at a time."""
        after = -1
        while batch := self._items_after(id_, after):
            yield from batch
            after = batch[-1].seq

    def _items_after(self, id_: str, after: int) -> list[StoredItem]:
        columns = [items.c[name] for name in StoredItem._fields]
        mine = select(datasets.c.id).where(self._mine, datasets.c.id == id_).scalar_subquery()
        query = select(*columns).where(items.c.dataset_id == mine, items.c.seq > after).order_by(items.c.seq)
        with self._engine.connect() as connection:
            return [StoredItem(*row) for row in connection.execute(query.limit(BATCH))]


def sweep(engine: Engine) -> None:
    """Drops uploads of every project that a crash cut off. Run at start, before anything is uploaded here; another
    service that shares the database may be in the middle of one."""
    query = select(datasets.c.id, datasets.c.project).where(~datasets.c.ready)
    if shared(engine):
        query = query.where(datasets.c.created < time.time() - UPLOAD)
    with engine.connect() as connection:
        broken = connection.execute(query).all()
    for id_, project in broken:
        DatasetStore(engine, project).drop(id_)


def _dataset(row: Any) -> Dataset:
    return Dataset(
        name=f"datasets/{row.id}",
        display_name=row.display_name,
        files=json.loads(row.files),
        item_count=row.item_count,
        bad_row_count=row.bad_row_count,
        sha256=row.sha256,
        create_time=moment(row.created),
        kind=row.kind,
    )
