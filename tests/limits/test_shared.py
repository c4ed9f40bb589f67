"""Four processes on one limited model: what reaches its server, all of them together."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from agents.models import ModelSettings
from services.limits.rate import BURST, LATE, Rate
from services.limits.shared import SharedLimiter, SharedLimits
from services.limits.slots import LEASE, Slots
from services.store.engine import migrate, open_engine
from services.store.fence import Held, LeaseLost, carrying
from services.store.tables import model_slots
from tests.support import databases
from tests.support.farmodel import FarModel
from tests.support.service import ROOT, environment

PROCESSES = 4


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with its tables."""
    made = databases.url("postgres", tmp_path)
    engine = open_engine(made)
    migrate(engine)
    engine.dispose()
    return made


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """The same, opened."""
    made = open_engine(url)
    yield made
    made.dispose()


@contextmanager
def callers(
    url: str, far: FarModel, folder: Path, at_once: int, seconds: float, **limits: int
) -> Iterator[list[subprocess.Popen[str]]]:
    """Four processes that call without a pause, all begun at once."""
    settings = json.dumps(limits)
    command = [sys.executable, "-m", "tests.limits.caller", url, far.base, str(at_once), str(seconds), settings]
    env = environment(folder)
    pipe = subprocess.PIPE
    made = [subprocess.Popen(command, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, text=True) for _ in range(PROCESSES)]
    try:
        for process in made:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in made:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        yield made
    finally:
        for process in made:
            process.kill()
            process.communicate()


def ended(processes: list[subprocess.Popen[str]], seconds: float = 0) -> list[int]:
    """How many calls each has made, once it is done with what takes it so many seconds."""
    return [int(process.communicate(timeout=seconds + 60)[0].split()[-1]) for process in processes]


def most_within(arrivals: list[float], seconds: float) -> int:
    """The most of them in any stretch of so many seconds."""
    first = most = 0
    for last, at in enumerate(arrivals):
        while arrivals[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_never_more_at_once_than_allowed_and_hardly_fewer(url: str, tmp_path: Path) -> None:
    limit, took, seconds = 6, 0.2, 8.0
    with FarModel(delay=took) as far, callers(url, far, tmp_path, 8, seconds, max_concurrency=limit) as four:
        made = ended(four)
        print(f"{made} calls in {seconds} s, {far.peak['far']} at once, of {limit / took * seconds:.0f} that could be")
        assert far.peak["far"] == limit
        assert sum(made) >= 0.9 * limit / took * seconds
        assert min(made) >= 0.5 * sum(made) / PROCESSES, "all have their share"


@pytest.mark.soak
def test_fewer_slots_than_processes_go_round(url: str, tmp_path: Path) -> None:
    with FarModel(delay=0.1) as far, callers(url, far, tmp_path, 4, 21.0, max_concurrency=2) as four:
        made = ended(four)
        print(f"{made} calls, {far.peak['far']} at once")
        assert far.peak["far"] == 2
        assert min(made) > 0


@pytest.mark.parametrize("seconds", [12.0, pytest.param(90.0, marks=pytest.mark.soak)])
def test_requests_by_the_minute(url: str, tmp_path: Path, seconds: float) -> None:
    """In any stretch of a minute no more than the limit, in a shorter one no more than a burst and what flows in."""
    rpm = 1200
    with FarModel(delay=0.05) as far, callers(url, far, tmp_path, 8, seconds, rpm=rpm) as four:
        made = ended(four, seconds)
        arrivals = sorted(one.at for one in far.asked)
    flows = (rpm - rpm // BURST + 1) / (60 + LATE)
    for stretch in (1.0, 5.0, min(60.0, seconds)):
        assert most_within(arrivals, stretch) <= rpm // BURST + flows * (stretch + LATE)
    assert most_within(arrivals, 60.0) <= rpm
    print(f"{sum(made)} calls in {seconds} s, of {rpm / 60 * seconds:.0f} that could be")
    assert sum(made) >= 0.9 * rpm / 60 * seconds


def test_what_a_dead_process_had_is_free_when_its_lease_ends(url: str, tmp_path: Path) -> None:
    with FarModel(delay=0.05) as far, callers(url, far, tmp_path, 4, 12.0, max_concurrency=4) as four:
        time.sleep(1.5)
        for process in four[:3]:
            process.kill()
        time.sleep(LEASE + 1.5)
        far.peak.clear()
        time.sleep(2)
        assert far.peak["far"] == 4, "one has them all"
        assert ended(four[3:])[0] > 0


async def test_a_process_that_waits_gets_slots_of_one_that_has_them_all(engine: Engine) -> None:
    one, two = (Slots(engine, "m", holder, 4) for holder in ("a", "b"))
    peak = at_once = 0

    async def call(slots: Slots, times: int) -> None:
        nonlocal peak, at_once
        for _ in range(times):
            async with slots.hold():
                at_once += 1
                peak = max(peak, at_once)
                await asyncio.sleep(0.05)
                at_once -= 1

    first = [asyncio.create_task(call(one, 60)) for _ in range(4)]
    await asyncio.sleep(0.5)
    began = time.monotonic()
    await asyncio.gather(*(call(two, 1) for _ in range(2)))
    assert time.monotonic() - began < 2.5
    await asyncio.gather(*first)
    assert peak <= 4
    await asyncio.gather(one.close(), two.close())
    with engine.connect() as connection:
        assert connection.execute(select(model_slots)).all() == []


async def test_who_gives_up_waiting_takes_nothing(engine: Engine) -> None:
    slots = Slots(engine, "m", "a", 1)
    async with slots.hold():
        waiting = asyncio.create_task(slots.hold().__aenter__())
        await asyncio.sleep(0.1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(3), slots.hold():
        pass
    await slots.close()


async def test_nobody_calls_for_a_job_that_may_be_anothers_by_now(engine: Engine) -> None:
    """Who was frozen while it waited for its turn: its lease ran out, and the other one asks the same."""
    limiter = SharedLimiter(engine, "m", "a", ModelSettings(max_concurrency=1))
    left = 5.0
    with carrying(Held("j", 1, lambda: left)):
        async with limiter.slot(1):
            waiting = asyncio.create_task(limiter.slot(1).__aenter__())
            await asyncio.sleep(0.1)
            left = -0.1
        with pytest.raises(LeaseLost, match="jobs/j"):
            await waiting
    async with asyncio.timeout(3), limiter.slot(1):  # and it has given its place away
        pass
    await limiter.close()


async def test_a_bucket_is_one_for_all_and_lets_the_waiting_go_in_order(engine: Engine) -> None:
    per_minute = 600
    size, flows = per_minute // BURST, (per_minute - per_minute // BURST + 1) / (60 + LATE)
    buckets = [Rate(engine, "m", "requests", per_minute) for _ in range(2)]
    went: list[int] = []

    async def take(number: int) -> None:
        await buckets[0].take(1)
        went.append(number)

    began = time.monotonic()
    await asyncio.gather(*(buckets[1].take(1) for _ in range(size)))
    assert time.monotonic() - began < 1
    await asyncio.gather(*(take(number) for number in range(15)))
    assert went == sorted(went)
    assert time.monotonic() - began >= 15 / flows - 0.05


async def test_a_call_larger_than_the_bucket_goes_and_the_next_ones_wait_for_it(engine: Engine) -> None:
    bucket = Rate(engine, "m", "tokens", 60_000)
    began = time.monotonic()
    await bucket.take(4000)  # 2000 at once; then about 967 a second
    taken = time.monotonic() - began
    assert 1.5 < taken < 3.5
    await bucket.take(1000)
    assert time.monotonic() - began >= taken + 0.9


async def test_models_and_kinds_of_units_are_apart(engine: Engine) -> None:
    limits = SharedLimits(engine)
    settings = ModelSettings(max_concurrency=1, rpm=60, tpm=60)
    async with asyncio.timeout(3), limits("a", settings).slot(1), limits("b", settings).slot(1):
        pass
    await limits.close()
