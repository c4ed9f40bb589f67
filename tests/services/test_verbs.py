"""Pause, resume, cancel and retry in any order and at any moment: the job ends well, and nothing is lost or doubled."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from teachback.client import JobHandle
from teachback.errors import Conflict
from teachback.v1 import job_pb2

from tests.support.databases import on_each_database
from tests.support.farmodel import FarModel
from tests.support.rows import row, write
from tests.support.service import Service

QUEUED, RUNNING, PAUSED = job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_RUNNING, job_pb2.JOB_STATE_PAUSED
CANCELLED, SUCCEEDED = job_pb2.JOB_STATE_CANCELLED, job_pb2.JOB_STATE_SUCCEEDED


@pytest.fixture
def slow(shared_far: FarModel) -> Iterator[FarModel]:
    """The shared far model, slow enough that something can happen meanwhile."""
    shared_far.delay = 0.02
    yield shared_far
    shared_far.delay = 0.0


def settled(job: JobHandle) -> job_pb2.Job:
    """The job once it rests."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if job.refresh().state in (PAUSED, CANCELLED, SUCCEEDED, job_pb2.JOB_STATE_FAILED):
            return job.job
        time.sleep(0.01)
    raise AssertionError(f"the job is still {job.job.state}")


def awaited(jobs: list[JobHandle], states: Sequence[int]) -> None:
    """Waits until the jobs are in these states."""
    until = time.monotonic() + 30
    while (found := [job.refresh().state for job in jobs]) != states:
        assert time.monotonic() < until, found
        time.sleep(0.02)


def brought_home(job: JobHandle) -> None:
    """Makes whatever rests go on until the job has succeeded."""
    for _ in range(5):
        state = settled(job).state
        if state == SUCCEEDED:
            return
        if state == CANCELLED:
            job.retry()
        else:
            job.resume()
    raise AssertionError("the job does not end")


@on_each_database
@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_verbs(shared: Service, slow: FarModel, tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    count = 40
    rows = [row(1000 * (seed + 1) + n, n % 2) for n in range(count)]
    asked = len(slow.asked)
    job = shared.submit(write(tmp_path / "rows.jsonl", rows), batch_size=4)
    done = 0
    verbs: list[Callable[[], object]] = [
        job.pause,
        job.resume,
        job.resume,
        job.cancel,
        job.retry,
        job.refresh,
        partial(job.resume, 50.0),
    ]
    for _ in range(14):
        verb = draw.choice(verbs)
        try:
            verb()
        except Conflict:
            job.refresh()
        assert job.job.progress.done_examples >= done, "what was finished is not kept"
        done = job.job.progress.done_examples
        time.sleep(draw.choice([0.0, 0.0, 0.01, 0.05, 0.15]))
    brought_home(job)
    examples = list(job.examples())
    assert [e.index for e in examples] == list(range(count))
    assert dict(job.job.progress.outcomes) == {"converged_first_try": 20, "converged": 20}
    events = list(job.watch())
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    told = [e.example_id for e in events if e.type == "example"]
    assert len(told) == len(set(told)) == count
    calls = sum(u.calls for u in job.job.progress.usage)
    # Each cancel and each new budget may cost what was under way: four rows, a call each.
    assert calls == 20 * 3 + 20 * 5
    assert len(slow.asked) - asked - calls <= 14 * 4


def test_jobs_wait_their_turn_and_can_be_stopped_while_they_wait(
    shared: Service, slow: FarModel, tmp_path: Path
) -> None:
    """Four at once; the others in the order in which they were made."""
    path = write(tmp_path / "rows.jsonl", [row(n) for n in range(9000, 9040)])
    slow.delay = 0.3
    jobs = [shared.submit(path, batch_size=2, max_samples=40 - n) for n in range(7)]
    awaited(jobs, [RUNNING] * 4 + [QUEUED] * 3)
    assert jobs[5].pause().state == PAUSED
    assert jobs[6].cancel().state in (job_pb2.JOB_STATE_CANCELLING, CANCELLED)
    assert settled(jobs[6]).state == CANCELLED
    slow.delay = 0.0
    for job in jobs[:5]:
        assert job.wait().state == SUCCEEDED
    assert jobs[5].refresh().state == PAUSED
    assert jobs[5].job.progress.done_examples == 0
    jobs[5].resume()
    assert jobs[5].wait().state == SUCCEEDED
    jobs[6].retry()
    assert jobs[6].wait().state == SUCCEEDED
    assert jobs[6].job.progress.done_examples == 34


def test_a_paused_job_keeps_nobody_waiting(shared: Service, slow: FarModel, tmp_path: Path) -> None:
    """As many paused as may run at once: once their rows in flight are done, another one has a place."""
    path = write(tmp_path / "rows.jsonl", [row(n) for n in range(9100, 9140)])
    paused = [shared.submit(path, batch_size=2, max_samples=40 - n) for n in range(4)]
    awaited(paused, [RUNNING] * 4)
    for job in paused:
        assert job.pause().state == PAUSED
    other = shared.submit(write(tmp_path / "others.jsonl", [row(n) for n in range(9200, 9204)]))
    assert other.wait().state == SUCCEEDED
    awaited(paused, [PAUSED] * 4)
    before = [job.job.progress.done_examples for job in paused]
    for n, job in enumerate(paused):
        assert sum(1 for e in job.examples() if e.outcome) == before[n], "its figures are those of its examples"
        job.resume()
    for n, job in enumerate(paused):
        assert job.wait().state == SUCCEEDED
        assert job.job.progress.done_examples == 40 - n
