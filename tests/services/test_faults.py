"""A far model on a bad day: every row comes out all the same, and in good time."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from teachback.v1 import job_pb2

from tests.support.crash import total_calls
from tests.support.farmodel import FarModel, Faults, Plan
from tests.support.rows import mixed, write
from tests.support.service import Service

BAD_DAY = Faults(seed=4, limited=0.10, broken=0.05, cut=0.02, nonsense=0.02, hang=0.01)
CLEAN = Faults()


def run(folder: Path, path: Path, faults: Plan, delay: float, batch: int) -> tuple[float, FarModel, Counter[str]]:
    """Seconds, the far model, and how the rows ended."""
    settings = {"timeout": 2.0, "max_concurrency": 500}
    with FarModel(delay=delay, faults=faults, retry_after="1") as far, Service(folder, far, settings) as service:
        service.submit(path, max_samples=1).wait()  # what is imported once is not part of it
        began = time.monotonic()
        job = service.submit(path, batch_size=batch, max_iterations=5)
        ended = job.wait()
        seconds = time.monotonic() - began
        assert ended.state == job_pb2.JOB_STATE_SUCCEEDED, ended.error.message
        rows = path.read_bytes().splitlines()
        examples = list(job.examples())
        assert [e.index for e in examples] == list(range(len(rows)))
        assert sum(ended.progress.outcomes.values()) == len(rows)
        job.export(folder / "out.jsonl")
        assert len((folder / "out.jsonl").read_bytes().splitlines()) == len(rows)
        return seconds, far, Counter(e.outcome for e in examples)


def compare(tmp_path: Path, count: int, delay: float, batch: int) -> None:
    """A clean run and one with faults."""
    path = write(tmp_path / "rows.jsonl", mixed(count))
    clean, far, usual = run(tmp_path / "clean", path, CLEAN, delay, batch)
    assert usual == {"converged_first_try": -(-count // 3), "converged": count - -(-count // 3)}
    assert len(far.asked) == total_calls(count) + 3
    faulty, far, outcomes = run(tmp_path / "faulty", path, BAD_DAY, delay, batch)
    faults = Counter(one.fault for one in far.asked)
    print(
        f"\n{count} rows, {batch} at once, {delay * 1000:.0f} ms: clean {clean:.1f} s, on a bad day {faulty:.1f} s"
        f" ({faulty / clean:.2f}x); {sum(faults.values())} requests, of them"
        f" {', '.join(f'{n} {kind}' for kind, n in faults.most_common() if kind)}; rows: {dict(outcomes)}"
    )
    assert {"limited", "broken", "cut", "nonsense", "hang"} <= set(faults) or count < 100
    assert sum(outcomes.values()) == count
    assert outcomes["failed"] == 0
    assert outcomes["converged"] + outcomes["converged_first_try"] >= 0.95 * count
    assert faulty <= 3 * clean


@pytest.mark.timeout(300)
def test_every_row_comes_out_on_a_bad_day(tmp_path: Path) -> None:
    compare(tmp_path, count=60, delay=0.2, batch=10)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_five_hundred_rows_on_a_bad_day(tmp_path: Path) -> None:
    compare(tmp_path, count=500, delay=0.1, batch=100)
