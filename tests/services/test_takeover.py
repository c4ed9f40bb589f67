"""The owner of a job dies, or freezes: another goes on within seconds, and no row is lost, doubled or paid again.

Two services share a PostgreSQL. The far model lives in this process, so it counts what is paid for. `-s` prints where
the kills fell, and how long it took until the other one had the job.
"""

from __future__ import annotations

import random
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.support.crash import Fall, check, total_calls
from tests.support.farmodel import FarModel
from tests.support.ledger import calls
from tests.support.replicas import lease, other, owner, replicas, taken_over
from tests.support.rows import mixed, write

TAKEOVER = 15.0
"""Seconds within which another must have the job."""


def survive(tmp_path: Path, rows: int, kills: int, seed: int) -> None:
    """Runs one job through so many deaths of its owner."""
    draw = random.Random(seed)
    path = write(tmp_path / "rows.jsonl", mixed(rows))
    total = total_calls(rows)
    points = [1 + int((number + draw.random()) * (total - 1) / kills) for number in range(kills)]
    reached, wanted = threading.Event(), [0]

    def watch(asked: int) -> None:
        if asked >= wanted[0]:
            reached.set()

    falls: list[Fall] = []
    seconds: list[float] = []
    with FarModel(delay=0.03) as far, replicas(tmp_path / "two", far) as both:
        far.on_request = watch
        job = both[0].submit(path)
        for point in points:
            wanted[0] = max(point, len(far.asked) + draw.randint(1, 8))  # at work again, if only just
            reached.clear()
            watch(len(far.asked))
            assert reached.wait(120), f"request {wanted[0]} never came"
            for service in both:
                service.wait()
            time.sleep(draw.uniform(0, 0.06))
            victim = owner(both, job.name)
            held, in_flight = lease(victim, job.name), far.at_work
            victim.kill()
            at, asked, seen = time.monotonic(), len(far.asked), set(far.times)
            finished = frozenset(call.fingerprint for call in calls(victim.database))
            falls.append(Fall(at, asked, in_flight, finished, len(seen - finished), 0.0))
            assert held is not None
            seconds.append(taken_over(victim, job.name, held.fence))
            victim.spawn()  # and is up again before the next one falls
        check(far, other(both, victim), other(both, victim).client.job(job.name), path, falls)
        print(f"\n{kills} kills of the owner over {total} calls of {rows} rows:")
        for fall, taken in zip(falls, seconds, strict=True):
            print(
                f"  at request {fall.asked:4d}: {fall.in_flight:2d} in flight, {len(fall.finished):4d} finished,"
                f" another had it after {taken:.1f} s"
            )
        print(f"  {far.repeats} answers repeated of at most {sum(f.unrecorded for f in falls)} that were under way")
    assert max(seconds) < TAKEOVER


@pytest.mark.timeout(400)
def test_five_kills_of_the_owner(tmp_path: Path) -> None:
    survive(tmp_path, rows=60, kills=5, seed=5)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_fifty_kills_of_the_owner(tmp_path: Path) -> None:
    survive(tmp_path, rows=300, kills=50, seed=50)


@pytest.mark.timeout(200)
def test_a_frozen_owner_finds_its_job_gone_and_leaves_it_alone(tmp_path: Path) -> None:
    """SIGSTOP past the lease, with calls in flight: they are answered, and none of the answers gets in."""
    path = write(tmp_path / "rows.jsonl", mixed(60))
    with FarModel(delay=0.3) as far, replicas(tmp_path / "two", far) as both:
        job = both[0].submit(path, batch_size=16)
        frozen = owner(both, job.name)
        until = time.monotonic() + 60
        while len(far.answered) < 40 or far.at_work < 8:
            assert time.monotonic() < until
            time.sleep(0.01)
        held = lease(frozen, job.name)
        assert held is not None
        assert frozen.process is not None
        frozen.process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)  # what was on its way to the far model is there; what was being committed is, or never will be
        at, asked, in_flight, seen = time.monotonic(), len(far.asked), far.at_work, set(far.times)
        finished = frozenset(call.fingerprint for call in calls(frozen.database))
        assert taken_over(frozen, job.name, held.fence) < TAKEOVER
        kept = calls(frozen.database)
        frozen.process.send_signal(signal.SIGCONT)
        away = other(both, frozen)
        fall = Fall(at, asked, in_flight, finished, len(seen - finished), 0.0)
        check(far, away, away.client.job(job.name), path, [fall])
        assert set(kept) <= set(calls(away.database))
        until = time.monotonic() + 10
        while not re.search("lease is lost|no longer ours", frozen.log()):
            assert time.monotonic() < until, frozen.log()[-3000:]
            time.sleep(0.1)
        now = lease(away, job.name)
        assert now is not None
        assert now.fence == held.fence + 1, "the frozen one took it back"
        assert frozen.client.job(job.name).refresh().progress.done_examples == 60, "it serves on"
