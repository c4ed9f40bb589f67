"""What stands on disk: the migrations make the tables the code sees, and a group of writes is one commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, event, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from services.datasets.intake import Intake
from services.errors import StorageFull
from services.jobs.log import EventLog
from services.store.datasets import DatasetStore
from services.store.engine import migrate, open_engine, translated
from services.store.jobs import JobStore
from services.store.tables import datasets, events, items, jobs, metadata
from services.store.writer import Book, Writer
from tests.support.databases import Kind, on_each_database

pytestmark = on_each_database


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A new database, migrated."""
    made = open_engine(database_url)
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
async def writer(engine: Engine) -> AsyncIterator[Writer]:
    """A writer at work, with a job that events can belong to."""
    with engine.begin() as connection:
        row = {"id": "j", "kind": "enhance", "spec": "{}", "state": "queued", "created": 0.0, "progress": "{}"}
        connection.execute(insert(jobs), row | {"runs": 0})
    made = Writer(engine)
    made.start()
    yield made
    await made.close()


def told(seq: int) -> dict[str, Any]:
    return {"job_id": "j", "seq": seq, "time": 0.0, "type": "state", "body": "{}"}


def seqs(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(select(events.c.seq).order_by(events.c.seq)).scalars())


def test_the_migrations_make_the_tables_the_code_sees(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1


def test_the_database_is_told_to_be_careful(engine: Engine, database: Kind) -> None:
    word, careful = ("PRAGMA", CAREFUL) if database == "sqlite" else ("SHOW", CAREFUL_TOO)
    with engine.connect() as connection:
        asked = {name: connection.execute(text(f"{word} {name}")).scalar_one() for name in careful}
    assert asked == careful


CAREFUL = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
CAREFUL_TOO = {"synchronous_commit": "on", "client_encoding": "UTF8", "fsync": "on"}


# ---------------------------------------------------------------- the writer
async def test_many_writes_share_one_commit(engine: Engine, writer: Writer) -> None:
    commits: list[Connection] = []
    event.listen(engine, "commit", commits.append)
    await asyncio.gather(*(writer.write((events, told(n))) for n in range(1, 201)))
    assert seqs(engine) == list(range(1, 201))
    assert len(commits) <= 5


async def test_a_write_is_on_disk_when_it_returns(engine: Engine, writer: Writer) -> None:
    for n in range(1, 6):
        await writer.write((events, told(n)))
        assert seqs(engine) == list(range(1, n + 1))


async def test_one_bad_write_does_not_take_its_neighbours_down(engine: Engine, writer: Writer) -> None:
    await writer.write((events, told(5)))
    writes = [writer.write((events, told(n))) for n in range(1, 11)]
    done = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(d) for d in done] == [type(None)] * 4 + [IntegrityError] + [type(None)] * 5
    assert seqs(engine) == list(range(1, 11))


async def test_what_belongs_together_is_stored_together_or_not_at_all(engine: Engine, writer: Writer) -> None:
    def fail(_: Connection) -> None:
        raise LookupError("not like this")

    with pytest.raises(LookupError):
        await writer.write((events, told(1)), (events, told(2)), also=fail)
    with pytest.raises(IntegrityError):
        await writer.write((events, told(3)), (events, told(3)))
    assert seqs(engine) == []

    def rename(connection: Connection) -> None:
        connection.execute(jobs.update().values(kind="renamed"))

    await writer.write((events, told(4)), also=rename)
    with engine.connect() as connection:
        assert connection.execute(select(jobs.c.kind)).scalar_one() == "renamed"


async def test_sums_are_booked_once_for_all_writes_of_a_commit(engine: Engine, writer: Writer) -> None:
    booked: list[float] = []

    def book(connection: Connection, amount: float) -> None:
        assert connection.in_transaction()
        booked.append(amount)

    await asyncio.gather(*(writer.write((events, told(n)), sums={Book("a", book): 0.5}) for n in range(1, 101)))
    assert sum(booked) == 50.0
    assert len(booked) < 20
    booked.clear()

    def fill(connection: Connection, amount: float) -> None:
        connection.execute(events.update().where(events.c.seq == 1).values(time=events.c.time + amount))

    # Of a write that is refused nothing is booked, and its neighbours are booked all the same.
    writes = [writer.write((events, told(n)), sums={Book("a", fill): 0.25}) for n in (1, 101, 102)]
    refused, *_ = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(refused, IntegrityError)
    with engine.connect() as connection:
        assert connection.execute(select(events.c.time).where(events.c.seq == 1)).scalar_one() == 0.5


async def test_sums_are_booked_in_the_order_of_their_rows(writer: Writer) -> None:
    booked: list[str] = []
    books = [Book(row, lambda _, __, row=row: booked.append(row)) for row in ("c", "a", "b")]  # type: ignore[misc]
    await asyncio.gather(*(writer.write(sums={book: 1.0}) for book in books))
    assert booked == ["a", "b", "c"]


async def test_two_processes_in_each_others_way_both_get_through(engine: Engine, writer: Writer) -> None:
    """Forced here by names that lie about the rows: PostgreSQL ends one of the two, whose writes go singly then."""
    await asyncio.gather(*(writer.write((events, told(n))) for n in (1, 2)))

    def book(order: int, seq: int) -> Book:
        def add(connection: Connection, amount: float) -> None:
            mine = events.update().where(events.c.seq == seq)
            connection.execute(mine.values(time=events.c.time + amount))
            sleep(0.3)

        return Book(str(order), add)

    other = Writer(engine)
    other.start()
    try:
        there = [writer.write(sums={book(order, seq): 1.0}) for order, seq in ((1, 1), (2, 2))]
        here = [other.write(sums={book(order, seq): 1.0}) for order, seq in ((1, 2), (2, 1))]
        await asyncio.gather(*there, *here)
    finally:
        await other.close()
    with engine.connect() as connection:
        assert connection.execute(select(events.c.time).order_by(events.c.seq)).scalars().all() == [2.0, 2.0]


async def test_closing_writes_what_is_waiting(engine: Engine, writer: Writer) -> None:
    waiting = [asyncio.create_task(writer.write((events, told(n)))) for n in range(1, 51)]
    await asyncio.sleep(0)
    await writer.close()
    await asyncio.gather(*waiting)
    assert seqs(engine) == list(range(1, 51))


async def test_a_caller_that_goes_away_takes_nobody_along(engine: Engine, writer: Writer) -> None:
    gone = asyncio.create_task(writer.write((events, told(1))))
    stays = asyncio.create_task(writer.write((events, told(2))))
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    assert 2 in seqs(engine)


def test_a_full_disk_is_told_as_that() -> None:
    full = OperationalError("INSERT", {}, Exception("database or disk is full"))
    assert isinstance(translated(full), StorageFull)
    assert "nothing that was stored is lost" in str(translated(full))
    other = OperationalError("INSERT", {}, Exception("no such table: calls"))
    assert translated(other) is other
    assert isinstance(other, DBAPIError)


def test_rows_go_with_their_dataset(engine: Engine) -> None:
    row = {"id": "d", "display_name": "", "files": "[]", "item_count": 1, "bad_row_count": 0, "sha256": ""}
    item = {"dataset_id": "d", "seq": 0, "item_id": "x-1", "file": 0, "line": 1, "annotated": False, "raw": "{}"}
    with engine.begin() as connection:
        connection.execute(insert(datasets), row | {"created": 0.0, "ready": True})
        connection.execute(insert(items), item)
        connection.execute(datasets.delete())
        assert connection.execute(select(items)).all() == []


def test_uploads_under_one_key_at_once_make_one_dataset(engine: Engine) -> None:
    store, ready = DatasetStore(engine, "default"), Barrier(6)

    def upload(_: int) -> str:
        intake = Intake(store, display_name="", strict=True, key="k", limits=(1 << 20, 1 << 20), kind="training")
        intake.begin_file("rows.jsonl")
        intake.feed(b'{"prompt": "a", "completion": "b"}\n')
        ready.wait(30)
        return intake.finish().name

    with ThreadPoolExecutor(6) as pool:
        names = set(pool.map(upload, range(6)))
    assert len(names) == 1
    assert [one.name for one in store.page(0, "").datasets] == list(names)


async def test_a_cancel_that_comes_together_with_the_news_is_not_lost(engine: Engine, writer: Writer) -> None:
    log = EventLog(JobStore(engine, None), writer)

    async def follow() -> None:
        async for _ in log.watch("jobs/j", 0):
            pass

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.5)  # it has looked, and waits
    assert log.watched()
    log.wake("j")
    await asyncio.sleep(0)
    following.cancel()
    await asyncio.wait([following], timeout=5)
    assert following.cancelled()
