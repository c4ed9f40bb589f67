"""The service on PostgreSQL: what it refuses and how it says so, and that it outlives a restart of the server."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import func, select, text
from teachback import Client
from teachback.errors import BadInput
from teachback.v1 import job_pb2

from agents.line import Place
from agents.wire import Reply
from services.doctor.database import database as look
from services.settings import Settings
from services.store.engine import migrate, open_engine
from services.store.jobs import JobStore
from services.store.ledger import JobLedger
from services.store.tables import calls
from services.store.writer import Writer
from services.views import JobSpec
from tests.support import postgres
from tests.support.crash import total_calls
from tests.support.farmodel import FarModel
from tests.support.postgres import PASSWORD, Server
from tests.support.rows import mixed, write
from tests.support.service import ROOT, Service, environment

SECRET = "canary-of-a-password"


@pytest.fixture
def server() -> Server:
    """The server."""
    return postgres.server()


def at(server: Server, name: str, password: str = PASSWORD) -> str:
    """The address of a database over the network."""
    return f"postgresql://tests:{password}@127.0.0.1:{server.port}/{name}"


def migrated(url: str) -> None:
    """Brings a database up to date, as a service that starts."""
    engine = open_engine(url)
    try:
        migrate(engine)
    finally:
        engine.dispose()


# ---------------------------------------------------------------- what can't be used
def test_what_can_not_be_used_is_refused_in_plain_words(server: Server) -> None:
    good = server.database()
    for url, *says in (
        (at(server, good, SECRET), f"the database {good} at 127.0.0.1:{server.port}", "refuses the user"),
        (at(server, "nowhere"), "CREATE DATABASE nowhere ENCODING 'UTF8'"),
        (f"postgresql://me:{SECRET}@127.0.0.1:9/t", "the database t at 127.0.0.1:9", "start the server, or correct"),
        (server.url(server.database("SQL_ASCII")), "is encoded in SQL_ASCII", "ENCODING 'UTF8' TEMPLATE template0"),
        (server.url(server.database("LATIN1")), "is encoded in LATIN1", "ENCODING 'UTF8' TEMPLATE template0"),
        (f"postgresql://me:{SECRET}@x@127.0.0.1/t", "write it as %40"),
        (f"mysql://me:{SECRET}@127.0.0.1/t", "write postgresql:// or sqlite:///"),
        (f"postgres://me:{SECRET}@127.0.0.1/t", "write postgresql:// or sqlite:///"),
        (f"nonsense {SECRET}", "no address of a database"),
    ):
        with pytest.raises((RuntimeError, ValueError)) as refused:
            migrated(url)
        assert all(one in str(refused.value) for one in says), refused.value
        assert SECRET not in str(refused.value)


def test_a_service_says_it_and_ends(server: Server, tmp_path: Path) -> None:
    url = at(server, server.database(), SECRET)
    ended = subprocess.run(
        [sys.executable, "-m", "services.main", "--data-dir", str(tmp_path), "--grpc-port=0", "--rest-port=0"],
        cwd=ROOT, env=environment(tmp_path, TEACHBACK_DATABASE_URL=url), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "the service can't start: the database" in ended.stderr
    assert "look at user and password in database_url" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert SECRET not in ended.stdout + ended.stderr


def test_the_doctor_says_it_too(server: Server, tmp_path: Path) -> None:
    name = server.database()

    def told(url: str) -> dict[str, tuple[str, str]]:
        found = look(Settings(data_dir=tmp_path, database_url=url))
        return {one.check: (one.status, f"{one.found} -> {one.advice}") for one in found}

    assert told(at(server, name))["database"][1].startswith(f"postgresql://tests:***@127.0.0.1:{server.port}/{name} is")
    migrated(at(server, name))
    well = told(at(server, name))
    assert {check: status for check, (status, _) in well.items()} == dict.fromkeys(
        ("database", "access", "limits", "database server", "clock of the database"), "ok"
    )
    assert "is at migration 0" in well["database"][1]
    assert "PostgreSQL 1" in well["database server"][1]
    assert "encoded in UTF8" in well["database server"][1]
    for url, says in (
        (at(server, name, SECRET), "refuses the user"),
        (server.url(server.database("SQL_ASCII")), "ENCODING 'UTF8' TEMPLATE template0"),
        (server.url(server.database("LATIN1")), "ENCODING 'UTF8' TEMPLATE template0"),
    ):
        problems = [said for status, said in told(url).values() if status == "problem"]
        assert len(problems) == 1
        assert says in problems[0]
        assert SECRET not in problems[0]


def test_a_server_that_is_careless_by_default_is_not_so_with_us(server: Server) -> None:
    name = server.database()
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit TO off".encode())
    engine = open_engine(server.url(name))
    with engine.connect() as connected:
        assert connected.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
        assert connected.execute(text("SHOW client_encoding")).scalar_one() == "UTF8"
    engine.dispose()


def test_many_services_may_start_on_an_empty_database_at_once(server: Server) -> None:
    url = server.url(server.database())
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: migrated(url), range(6)))


# ---------------------------------------------------------------- what SQLite takes, and PostgreSQL does not
@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service on PostgreSQL."""
    with Service(tmp_path_factory.mktemp("postgres") / "data", database="postgres") as service:
        yield service


def test_a_nul_is_a_bad_request(running: Service, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", mixed(3))
    client: Client = running.client
    with pytest.raises(BadInput, match="NUL"):
        client.upload(path, display_name="a\0b")
    with pytest.raises(BadInput, match="NUL"):
        client.upload(path, idempotency_key="a\0b")
    with running.http as http:
        for query in ({"display_name": "a\0b"}, {"idempotency_key": "a\0b"}):
            told: httpx.Response = http.post("/v1/datasets", params=query, content=path.read_bytes())
            assert (told.status_code, told.json()["type"]) == (400, "urn:teachback:invalid-request"), told.text


async def test_whatever_a_model_says_is_kept(server: Server) -> None:
    """NUL, half of a surrogate pair, and more tokens than there can be."""
    engine = open_engine(server.url(server.database()))
    migrate(engine)
    job, _ = JobStore(engine, "default").create(JobSpec.model_validate({"enhance": {"dataset": "datasets/0d"}}), 1, "")
    writer = Writer(engine)
    writer.start()
    ledger = JobLedger(engine, writer, job.name.partition("/")[2], resumed=False)
    page = await ledger.open("i")
    said = Reply("a\0b\ud83d\U0001f600", "stop", 10**12, 10**12)
    await page.record(Place("student", "attempt", 1, 1), "f" * 32, "openai/x", said)
    await writer.close()
    with engine.connect() as connection:
        row = connection.execute(select(calls.c.text, calls.c.prompt_tokens)).one()
        assert connection.execute(select(func.sum(calls.c.completion_tokens))).scalar_one() == 2**31 - 1
    assert tuple(row) == ("ab?\U0001f600", 2**31 - 1)
    engine.dispose()


# ---------------------------------------------------------------- a server that goes away
@pytest.mark.timeout(200)
def test_a_restart_of_the_server_costs_a_job_seconds_and_nothing_else(tmp_path: Path) -> None:
    server = Server()
    path = write(tmp_path / "rows.jsonl", mixed(60))
    with FarModel(delay=0.05) as far, Service(tmp_path / "data", far, database="sqlite") as service:
        service.stop()
        service.env["TEACHBACK_DATABASE_URL"] = server.url(server.database())
        service.start()
        job = service.submit(path, batch_size=8)
        until = time.monotonic() + 60
        while len(far.answered) < 60:
            assert time.monotonic() < until
            time.sleep(0.01)
        server.stop()
        with service.http as http:
            told = http.get(f"/v1/{job.name}")
            assert (told.status_code, told.json()["type"]) == (503, "urn:teachback:database-unavailable"), told.text
        server.start()
        ended = job.wait()
        assert ended.state == job_pb2.JOB_STATE_SUCCEEDED, ended.error.message
        assert len(far.answered) == total_calls(60)
        assert far.repeats <= 8
        events = list(job.watch())
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        told_of = [event.example_id for event in events if event.type == "example"]
        assert len(told_of) == len(set(told_of)) == 60
    server.remove()
