"""Sessions that stand still in the middle of a write are ended, however they stand; nobody else's is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, Engine, insert, select, text

from services.store import frozen
from services.store.engine import gone, migrate, open_engine
from services.store.fence import check
from services.store.frozen import end_frozen
from services.store.leases import Leases
from services.store.tables import events, jobs, leases
from tests.support import databases

STILL = 600
"""Milliseconds, here."""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(frozen, "FROZEN", STILL)
    made = open_engine(databases.url("postgres", tmp_path))
    migrate(made)
    with made.begin() as connection:
        row = {"kind": "enhance", "spec": "{}", "state": "running", "created": 0.0, "progress": "{}", "runs": 1}
        connection.execute(insert(jobs).values(id="j", **row))
    yield made
    made.dispose()


def writes(connection: Connection, engine: Engine) -> int:
    """The middle of a write as a job's owner writes; returns the session's process id."""
    leases_of_it = Leases(engine, lambda _: None)
    held = leases_of_it.claim("j")
    assert held is not None
    pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    check(connection, [held])
    return int(pid)


def session(connection: Connection) -> psycopg.Connection:
    made = connection.connection.driver_connection
    assert isinstance(made, psycopg.Connection)
    return made


def test_after_many_rows_at_once_the_servers_own_timeout_is_off_and_the_session_is_ended(engine: Engine) -> None:
    with engine.connect() as connection:
        pid = writes(connection, engine)
        connection.execute(text("SET idle_in_transaction_session_timeout TO 400"))
        told = {"job_id": "j", "time": 0.0, "type": "state", "body": "{}"}
        connection.execute(insert(events), [{"seq": n, **told} for n in range(1, 9)])
        assert end_frozen(engine) == []
        time.sleep(STILL / 1000 + 0.2)
        assert end_frozen(engine) == [pid]
        with pytest.raises(Exception, match="terminating connection due to administrator command") as raised:
            connection.execute(select(1))
    assert gone(raised.value)
    with engine.connect() as connection:
        assert connection.execute(select(events)).all() == []


def test_a_session_in_the_middle_of_a_pipeline_is_ended(engine: Engine) -> None:
    with engine.connect() as connection:
        pid = writes(connection, engine)
        raw = session(connection)
        raw.pgconn.enter_pipeline_mode()
        raw.pgconn.send_query_params(b"SELECT 1", None)
        raw.pgconn.send_flush_request()
        raw.pgconn.flush()
        time.sleep(STILL / 1000 + 0.2)
        with engine.connect() as other:
            query = text("SELECT state FROM pg_stat_activity WHERE pid = :pid")
            assert other.execute(query, {"pid": pid}).scalar_one() == "active"
        assert end_frozen(engine) == [pid]
        connection.invalidate()


def test_a_takeover_waits_no_longer_than_that(engine: Engine) -> None:
    with engine.connect() as connection:
        writes(connection, engine)
        told = {"job_id": "j", "time": 0.0, "type": "state", "body": "{}"}
        connection.execute(insert(events), [{"seq": n, **told} for n in range(1, 9)])
        with engine.begin() as lapsing:
            lapsing.execute(text("UPDATE leases SET expires = 0"))
        second = Leases(engine, lambda _: None)
        second.start()
        began = time.monotonic()
        held = second.claim("j")
        assert held is not None
        assert held.fence == 2
        assert time.monotonic() - began < 8
        second.close()
        connection.invalidate()


def test_readers_and_those_who_are_at_work_stay(engine: Engine) -> None:
    with engine.connect() as reading, engine.connect() as writing:
        reading.execute(select(leases)).all()
        writes(writing, engine)
        time.sleep(STILL / 1000 + 0.2)
        writing.execute(select(1))
        assert end_frozen(engine) == []
        assert writing.execute(select(1)).scalar_one() == 1
        assert reading.execute(select(1)).scalar_one() == 1
