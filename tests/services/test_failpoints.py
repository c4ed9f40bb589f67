"""Every named place where the service can be made to die, once each, one after the other on one data folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from teachback.client import JobHandle
from teachback.errors import TeachbackError
from teachback.v1 import job_pb2

from services import failpoints
from tests.support.crash import Fall, check
from tests.support.databases import HERE, Kind
from tests.support.farmodel import FarModel
from tests.support.ledger import calls, query
from tests.support.rows import mixed, write
from tests.support.service import Service

PAD = "The ledger of the shelves is long and tells of every repair that was ever made to them. " * 90
"""Long rows, so that an export is several pieces."""
FAR: Any = {"student": "openai/far", "teacher": "openai/far", "evaluator": "openai/far"}


class Victim:
    """A service that dies where it is told to."""

    def __init__(self, folder: Path, far: FarModel, database: Kind) -> None:
        self.far, self.service = far, Service(folder, far, database=database)
        self.died: list[str] = []
        self.falls: list[Fall] = []

    def dies(self, name: str, count: int, act: Callable[[], Any] | None = None) -> None:
        """Starts it so that it dies at the `count`-th passing of a place; what a caller tries meanwhile fails."""
        self.service.start(TEACHBACK_FAILPOINT=f"{name}:{count}")
        if act:
            with pytest.raises(TeachbackError):
                act()
        assert self.service.gone(90) == -9
        self.died.append(name)
        finished = frozenset(call.fingerprint for call in calls(self.service.database))
        unrecorded = len(set(self.far.times) - finished)
        self.falls.append(Fall(time.monotonic(), len(self.far.asked), 0, finished, unrecorded, 0.0))

    def job(self) -> JobHandle:
        """The only job there is."""
        (found,) = self.service.client.jobs()
        return found


@pytest.fixture
def victim(tmp_path: Path, database: Kind) -> Iterator[Victim]:
    """One with an empty data folder."""
    with FarModel(delay=0.01) as far:
        made = Victim(tmp_path / "data", far, database)
        yield made
        made.service.stop()


@pytest.mark.timeout(400)
def test_every_failpoint_once(tmp_path: Path, victim: Victim) -> None:
    """Each start dies at the next place, and the start after it goes on from there."""
    rows = mixed(40)
    for row in rows:
        row["messages"][0]["content"] += f"\n{PAD}"
    path, out = write(tmp_path / "rows.jsonl", rows), tmp_path / "out.jsonl"
    service = victim.service

    def upload() -> str:
        assert not list(service.client.datasets()), "half of an upload can be seen"
        return service.client.upload(path, idempotency_key="rows").name

    victim.dies("upload_row", 17, upload)
    victim.dies("upload_ready", 1, upload)
    victim.dies("job_created", 1, lambda: service.client.enhance(upload(), idempotency_key="job", **FAR))
    # The caller never heard of that job, and it goes on all the same.
    for name, count in (("before_call", 9), ("after_call", 14), ("before_commit", 6), ("after_commit", 5)):
        victim.dies(name, count)
    victim.dies("example_done", 4)
    victim.dies("job_ended", 1)
    victim.dies("export_row", 30, lambda: victim.job().export(out))
    assert not list(tmp_path.glob("*out.jsonl*")), "half of an export can be seen"
    assert sorted(victim.died) == sorted(failpoints.NAMES)

    service.start()
    job = victim.job()
    assert job.job.state == job_pb2.JOB_STATE_SUCCEEDED
    assert service.client.enhance(next(service.client.datasets()).name, idempotency_key="job", **FAR).name == job.name
    assert job.export(out) == out.stat().st_size
    first = out.read_bytes()
    job.export(out)
    assert out.read_bytes() == first
    check(victim.far, service, job, path, victim.falls)
    # What was cut off is gone at the next start; where others may be uploading, after a day.
    kept = "" if isinstance(service.database, Path) else " JOIN datasets ON datasets.id = dataset_id WHERE ready"
    assert query(service.database, f"SELECT count(*) FROM items{kept}") == [(40,)]  # noqa: S608


if HERE:

    @pytest.mark.soak  # each death costs the seconds in which the dead one's lease ends
    @pytest.mark.parametrize("database", ["postgres"], indirect=True)
    @pytest.mark.timeout(600)
    def test_every_failpoint_once_on_postgres(tmp_path: Path, victim: Victim) -> None:
        test_every_failpoint_once(tmp_path, victim)
