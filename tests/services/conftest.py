"""One service and one far model that the tests of this folder share, since a start takes seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest
from sqlalchemy import Engine
from teachback import Client
from teachback.client import JobHandle

from services.store.writer import Writer
from tests.support.databases import HERE, Kind
from tests.support.farmodel import FarModel
from tests.support.rows import mixed, write
from tests.support.service import STAND_IN, Service

collect_ignore = (
    []
    if HERE
    else [
        "test_frozen.py",
        "test_leases.py",
        "test_objects_shared.py",
        "test_postgres.py",
        "test_replicas.py",
        "test_shards.py",
        "test_takeover.py",
    ]
)
"""Without PostgreSQL these tests do not exist: a skip would be taken for a failure, and rightly."""


@pytest.fixture(scope="package")
def shared_far() -> Iterator[FarModel]:
    """A far model without faults."""
    with FarModel() as model:
        yield model


@contextmanager
def needed(running: Service) -> Iterator[Service]:
    """Keeps a private service, which goes when nobody needs it for half a minute: other tests take longer."""
    ended = Event()

    def need_it() -> None:
        with running.http as http:
            while not ended.wait(5):
                http.get("/v1/jobs")

    needing = Thread(target=need_it)
    needing.start()
    try:
        yield running
    finally:
        ended.set()
        needing.join()


@pytest.fixture(scope="package")
def _shared(shared_far: FarModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Kind], Service]]:
    with ExitStack() as stack:

        @cache
        def on(database: Kind) -> Service:
            made = Service(tmp_path_factory.mktemp("shared") / "data", shared_far, database=database)
            made.env["PYTHONPATH"] = str(STAND_IN)  # the trainer's own programs take half a minute each
            return stack.enter_context(needed(stack.enter_context(made)))

        yield on


@pytest.fixture
async def writer(engine: Engine) -> AsyncIterator[Writer]:
    """A writer at work on the test's own database."""
    made = Writer(engine)
    made.start()
    yield made
    await made.close()


@pytest.fixture
def shared(_shared: Callable[[Kind], Service], database: Kind) -> Service:
    """The shared service; there is one for each kind of database that is asked for."""
    return _shared(database)


@pytest.fixture
def client(shared: Service) -> Client:
    """A gRPC client of the shared service."""
    return shared.client


@pytest.fixture
def http(shared: Service) -> Iterator[httpx.Client]:
    """An HTTP client of the shared service."""
    with shared.http as connected:
        yield connected


@pytest.fixture(scope="package")
def finished_names() -> dict[str, str]:
    """By service, the name of its finished job, once there is one."""
    return {}


@pytest.fixture
def finished(shared: Service, finished_names: dict[str, str], tmp_path: Path) -> JobHandle:
    """A job of twelve rows that has succeeded."""
    if shared.rest not in finished_names:
        job = shared.submit(write(tmp_path / "rows.jsonl", mixed(12)))
        job.wait()
        finished_names[shared.rest] = job.name
    return shared.client.job(finished_names[shared.rest])
