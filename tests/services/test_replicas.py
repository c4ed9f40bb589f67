"""Two services on one PostgreSQL: every call reaches whichever is asked, and a job changes hands without a trace."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from teachback.client import JobHandle
from teachback.errors import Conflict, NotFound
from teachback.v1 import job_pb2

from tests.support.farmodel import FarModel
from tests.support.replicas import lease, other, owner, replicas, taken_over
from tests.support.rows import mixed, row, write
from tests.support.service import STAND_IN, Service

QUEUED, RUNNING, PAUSED = job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_RUNNING, job_pb2.JOB_STATE_PAUSED
CANCELLED, SUCCEEDED = job_pb2.JOB_STATE_CANCELLED, job_pb2.JOB_STATE_SUCCEEDED
SOON = 3.0
"""Seconds in which an owner does what it is asked."""


@pytest.fixture(scope="module")
def far() -> Iterator[FarModel]:
    """A far model that takes long enough for something to happen meanwhile."""
    with FarModel(delay=0.05) as model:
        yield model


@pytest.fixture(scope="module")
def pair(far: FarModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    """Two services."""
    with replicas(tmp_path_factory.mktemp("pair"), far, TEACHBACK_MAX_RUNNING_JOBS="2") as both:
        yield both


def ended(job: JobHandle) -> int:
    """The job's state once it has come to rest."""
    until = time.monotonic() + 60
    while job.refresh().state not in (PAUSED, CANCELLED, SUCCEEDED, job_pb2.JOB_STATE_FAILED):
        assert time.monotonic() < until, job.job
        time.sleep(0.05)
    return job.job.state


def elsewhere(pair: list[Service], job: JobHandle) -> JobHandle:
    """The job as the service sees it that does not own it."""
    return other(pair, owner(pair, job.name)).client.job(job.name)


def test_any_call_about_a_job_can_be_made_anywhere(pair: list[Service], tmp_path: Path) -> None:
    job = pair[0].submit(write(tmp_path / "rows.jsonl", mixed(60)), batch_size=4)
    away = elsewhere(pair, job)
    assert any(one.name == job.name for one in away._client.jobs())
    seen: list[int] = []
    watching = threading.Thread(target=lambda: seen.extend(event.seq for event in away.watch()))
    watching.start()
    time.sleep(1)
    began = time.monotonic()
    assert away.pause().state == PAUSED
    assert time.monotonic() - began < SOON
    until = time.monotonic() + 10
    while (held := lease(pair[0], job.name)) and held.left > 0:  # what is in flight comes to its end first
        assert time.monotonic() < until, held
        time.sleep(0.05)
    done = job.refresh().progress.done_examples
    assert 0 < done == away.refresh().progress.done_examples < 60
    assert sum(1 for example in away.examples() if example.outcome) == done
    assert away.resume().state in (QUEUED, RUNNING)
    away = elsewhere(pair, job)
    with pytest.raises(Conflict, match="only a paused or failed job can be resumed"):
        away.resume()
    with pytest.raises(Conflict, match="wait for its end"):
        away.retry()
    assert away.pause().state == PAUSED
    assert away.resume(50.0).state in (QUEUED, RUNNING)
    assert away.wait().state == SUCCEEDED
    watching.join(30)
    assert seen == list(range(1, len(seen) + 1))
    outputs = [io.BytesIO(), io.BytesIO()]
    for service, out in zip(pair, outputs, strict=True):
        service.client.job(job.name).export(out)
        assert service.client.job(job.name).refresh().progress.done_examples == 60
        assert [event.seq for event in service.client.job(job.name).watch()] == seen
    assert outputs[0].getvalue() == outputs[1].getvalue()
    assert outputs[0].getvalue().count(b"\n") == 60


def test_a_cancel_reaches_the_owner_at_once(pair: list[Service], tmp_path: Path) -> None:
    job = pair[1].submit(write(tmp_path / "rows.jsonl", [row(n) for n in range(100, 160)]), batch_size=2)
    away = elsewhere(pair, job)
    began = time.monotonic()
    away.cancel()
    assert ended(away) == CANCELLED
    assert time.monotonic() - began < SOON
    assert away.cancel().state == CANCELLED  # whose it is no longer matters
    away.retry()
    assert away.wait().state == SUCCEEDED
    assert away.job.progress.done_examples == 60


def test_what_is_news_to_the_owner_is_news_to_all(pair: list[Service], tmp_path: Path) -> None:
    """A watcher elsewhere hears of a row within a second of it."""
    job = pair[0].submit(write(tmp_path / "rows.jsonl", [row(n) for n in range(200, 220)]), batch_size=1)
    late = [
        time.time() - event.time.ToNanoseconds() / 1e9
        for event in elsewhere(pair, job).watch(2)
        if event.type == "example"
    ]
    assert len(late) == 20
    assert sorted(late)[18] < 1.5, late


def test_jobs_are_spread_over_places_and_none_is_done_twice(pair: list[Service], far: FarModel, tmp_path: Path) -> None:
    """Two places each; whoever has one free takes the oldest job that waits."""
    jobs = [
        pair[n % 2].submit(write(tmp_path / f"{n}.jsonl", [row(1000 * n + i) for i in range(12)]), batch_size=2)
        for n in range(3, 11)
    ]
    time.sleep(1.5)
    states = [job.refresh().state for job in jobs]
    assert states.count(RUNNING) == 4, states
    for job in jobs:
        assert job.wait().state == SUCCEEDED
        outcomes = [event for event in job.watch() if event.type == "example"]
        assert len(outcomes) == len({event.example_id for event in outcomes}) == 12
        states = [event.state for event in job.watch() if event.type == "state"]
        assert states == [QUEUED, RUNNING, SUCCEEDED]
    assert far.repeats == 0


def test_a_job_that_waits_can_be_stopped_from_anywhere(pair: list[Service], tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(n) for n in range(300, 330)])
    jobs = [pair[0].submit(path, batch_size=1, max_samples=30 - n) for n in range(6)]
    time.sleep(1)
    waiting = [job for job in jobs if job.refresh().state == QUEUED]
    assert len(waiting) == 2
    away = [pair[1].client.job(job.name) for job in waiting]
    assert away[0].pause().state == PAUSED
    away[1].cancel()
    assert ended(away[1]) == CANCELLED
    for job in jobs:
        if job.name not in {one.name for one in waiting}:
            job.cancel()
    assert pair[0].client.job(away[0].name).resume().state in (QUEUED, RUNNING)
    assert away[0].wait().state == SUCCEEDED


def test_a_job_that_is_not_there(pair: list[Service]) -> None:
    for verb in ("pause", "resume", "cancel", "retry"):
        with pytest.raises(NotFound):
            getattr(pair[0].client.job("jobs/ffffffff"), verb)()


# ---------------------------------------------------------------- owners that go
@pytest.fixture(scope="module")
def mortal(far: FarModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    """Two services whose programs are the stand-ins."""
    with replicas(tmp_path_factory.mktemp("mortal"), far, PYTHONPATH=str(STAND_IN)) as both:
        yield both


def test_who_stops_hands_over_at_once(mortal: list[Service], tmp_path: Path) -> None:
    job = mortal[0].submit(write(tmp_path / "rows.jsonl", mixed(60)), batch_size=4)
    first = owner(mortal, job.name)
    held = lease(first, job.name)
    assert held is not None
    time.sleep(1)
    assert first.process is not None
    first.process.terminate()
    assert taken_over(first, job.name, held.fence) < SOON
    job = other(mortal, first).client.job(job.name)
    assert job.wait().state == SUCCEEDED
    assert job.job.progress.done_examples == 60
    assert first.gone() == 0
    first.start()


def test_a_training_goes_on_elsewhere_from_its_checkpoint(mortal: list[Service], tmp_path: Path) -> None:
    rows = [{"prompt": f"What is {n} and {n}?", "completion": str(2 * n)} for n in range(40)]
    dataset = mortal[0].client.upload(write(tmp_path / "rows.jsonl", rows), kind="training")
    job = mortal[0].client.sft(dataset.name, model="stand-in/steps-150")
    first = owner(mortal, job.name)
    job = other(mortal, first).client.job(job.name)
    for event in job.watch():
        if event.progress.training.step >= 40:
            break
    held = lease(first, job.name)
    assert held is not None
    first.kill()
    assert taken_over(other(mortal, first), job.name, held.fence) < 15
    assert job.wait().state == SUCCEEDED, job.job.error.message
    assert 0 < job.report["steps_of_this_life"] <= 115, "it began anew"
    assert {artifact.name.rpartition("/")[2] for artifact in job.artifacts()} >= {"metrics.json"}
