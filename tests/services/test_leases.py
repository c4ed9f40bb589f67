"""Leases and fencing numbers: one owner at a time, and what a late one writes is refused, all of it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Connection, Engine, func, insert, select, update

from graphs.recipes.base import Generated, Made, Slot
from services.jobs.log import EventLog
from services.store import fence
from services.store.engine import migrate, open_engine
from services.store.examples import ExampleStore
from services.store.fence import Held, LeaseLost, carrying
from services.store.jobs import JobStore, set_state
from services.store.leases import LEASE, RENEW, Leases
from services.store.slots import SlotStore
from services.store.tables import calls, datasets, events, examples, items, jobs, leases
from services.store.writer import Writer
from services.training import beat, launcher
from services.views import JobState
from tests.support import databases
from tests.support.service import STAND_IN


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database of PostgreSQL with two jobs."""
    made = open_engine(databases.url("postgres", tmp_path))
    migrate(made)
    with made.begin() as connection:
        row = {"kind": "enhance", "spec": "{}", "state": "running", "created": 0.0, "progress": "{}", "runs": 1}
        connection.execute(insert(jobs), [{"id": id_, **row} for id_ in ("j", "k")])
    yield made
    made.dispose()


@pytest.fixture
def replicas(engine: Engine) -> tuple[Leases, Leases]:
    """The leases of two services, neither of which renews by itself."""
    return Leases(engine, lambda _: None), Leases(engine, lambda _: None)


def lapse(engine: Engine, *ids: str) -> None:
    """Lets leases end, as if their owner had been frozen for so long."""
    with engine.begin() as connection:
        connection.execute(update(leases).where(leases.c.job_id.in_(ids)).values(expires=fence.now - 0.001))


def claimed(service: Leases, job_id: str = "j") -> Held:
    """A lease that is to be had."""
    held = service.claim(job_id)
    assert held is not None
    return held


def told(seq: int, job_id: str = "j") -> dict[str, Any]:
    return {"job_id": job_id, "seq": seq, "time": 0.0, "type": "state", "body": "{}"}


# ---------------------------------------------------------------- who has it
def test_one_owner_at_a_time_and_numbers_that_grow(engine: Engine, replicas: tuple[Leases, Leases]) -> None:
    one, two = replicas
    first = claimed(one)
    assert two.claim("j") is None
    assert one.claim("j") is None, "not even the owner has it twice"
    assert two.claim("k") == Held("k", 1)
    one.release(first)
    second = claimed(two)
    assert second.fence == first.fence + 1
    one.release(first)  # too late: it is another's
    assert one.claim("j") is None
    lapse(engine, "j")
    assert claimed(one).fence == second.fence + 1


def test_of_many_who_want_it_one_gets_it(engine: Engine) -> None:
    many = [Leases(engine, lambda _: None) for _ in range(12)]
    got: list[Held | None] = []
    threads = [threading.Thread(target=lambda one=one: got.append(one.claim("j"))) for one in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(held is not None for held in got) == 1


def test_renewing_keeps_it_and_tells_of_a_loss_once(engine: Engine, replicas: tuple[Leases, Leases]) -> None:
    one, two = replicas
    mine, other = claimed(one), claimed(one, "k")
    assert one.renew() == []
    with engine.connect() as connection:
        left = connection.execute(select(leases.c.expires - fence.now).order_by(leases.c.job_id)).scalars().all()
    assert all(LEASE - 1 < seconds <= LEASE for seconds in left)
    lapse(engine, "j")
    assert two.claim("j") == Held("j", mine.fence + 1)
    assert one.renew() == [mine]
    assert one.renew() == []
    assert one.held() == [other]
    assert mine.surely() < 0 < other.surely()


def test_what_is_held_is_renewed_and_a_loss_is_told(engine: Engine) -> None:
    lost: list[Held] = []
    service = Leases(engine, lost.append)
    service.start()
    held = claimed(service)
    time.sleep(RENEW + 1)
    assert held.surely() > LEASE - RENEW - 0.5
    lapse(engine, "j")
    until = time.monotonic() + RENEW + 5
    while not lost and time.monotonic() < until:
        time.sleep(0.05)
    assert lost == [held]
    service.close()


def test_closing_gives_all_back(engine: Engine, replicas: tuple[Leases, Leases]) -> None:
    one, two = replicas
    claimed(one), claimed(one, "k")
    one.close()
    assert claimed(two).fence == claimed(two, "k").fence == 2


# ---------------------------------------------------------------- what a late one writes
Late = Callable[[Engine, Writer, int], Any]


async def _event(_: Engine, writer: Writer, n: int) -> None:
    await writer.write((events, told(n + 1)))


async def _appended(engine: Engine, writer: Writer, _: int) -> None:
    await EventLog(JobStore(engine, None), writer).append("j", "state", {"state": "running"})


async def _call(_: Engine, writer: Writer, n: int) -> None:
    place = {"job_id": "j", "item_id": f"i-{n}", "step": "attempt", "round": 1, "attempt": 1, "fingerprint": "f"}
    said = {"role": "student", "model": "m", "text": "t", "reasoning": "", "finish_reason": "stop"}
    await writer.write((calls, place | said | {"prompt_tokens": 1, "completion_tokens": 1, "created": 0.0}))


async def _example(_: Engine, writer: Writer, n: int) -> None:
    row = {"job_id": "j", "seq": n, "item_id": f"i-{n}", "outcome": "converged", "enhanced": True, "iterations": 1}
    await writer.write((examples, row | {"result": b"{}", "input_hash": ""}), (events, told(n + 1)))


async def _state(_: Engine, writer: Writer, n: int) -> None:
    state = JobState.SUCCEEDED if n % 2 else JobState.FAILED
    await writer.write((events, told(n + 1)), also=lambda c: set_state(c, "j", state, None))


async def _progress(_: Engine, writer: Writer, __: int) -> None:
    def write(connection: Connection) -> None:
        connection.execute(update(jobs).values(progress='{"late": true}'))

    await writer.write(also=write)


async def _plan(engine: Engine, _: Writer, __: int) -> None:
    await asyncio.to_thread(SlotStore(engine, "default").plan, "j", [Slot(plan={"n": 1})])


async def _wave(engine: Engine, _: Writer, n: int) -> None:
    await asyncio.to_thread(SlotStore(engine, "default").add_wave, "j", n + 1, [Slot(plan={"n": 1})])


async def _refusal(engine: Engine, _: Writer, n: int) -> None:
    await asyncio.to_thread(SlotStore(engine, "default").refuse, "j", [(n, Generated(outcome=Made.DUPLICATE))])


async def _retried(engine: Engine, _: Writer, __: int) -> None:
    await asyncio.to_thread(ExampleStore(engine, "default").forget_failed, "j")


LATE = (_event, _appended, _call, _example, _state, _progress, _plan, _wave, _refusal, _retried)
TABLES = (jobs, events, calls, examples, datasets, items)


@pytest.mark.parametrize("taken", [True, False], ids=["another has it", "nobody has it"])
async def test_a_hundred_late_writes_of_a_hundred_are_refused(
    engine: Engine, writer: Writer, replicas: tuple[Leases, Leases], *, taken: bool
) -> None:
    """An owner that froze past its lease, and goes on where it was: every kind of write, ten times, all at once."""
    one, two = replicas
    stale = claimed(one)
    with carrying(stale):
        await writer.write((events, told(1000)))  # while it is good
    lapse(engine, "j")
    if taken:
        claimed(two)
    before = _all(engine)
    with carrying(stale):
        late = [asyncio.create_task(kind(engine, writer, n)) for n in range(10) for kind in LATE]
    ended = await asyncio.gather(*late, return_exceptions=True)
    assert [type(end) for end in ended] == [LeaseLost] * 100
    assert _all(engine) == before


async def test_a_late_write_takes_nobody_down_with_it(
    engine: Engine, writer: Writer, replicas: tuple[Leases, Leases]
) -> None:
    one, _ = replicas
    stale, good = claimed(one), claimed(one, "k")
    lapse(engine, "j")
    writes = []
    for n in range(1, 11):
        with carrying(stale if n % 2 else good):
            writes.append(asyncio.create_task(writer.write((events, told(n, "j" if n % 2 else "k")))))
    ended = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(end) for end in ended] == [LeaseLost, type(None)] * 5
    with engine.connect() as connection:
        assert connection.execute(select(events.c.job_id, func.count()).group_by(events.c.job_id)).all() == [("k", 5)]


def test_a_takeover_waits_for_a_write_that_is_under_way(engine: Engine, replicas: tuple[Leases, Leases]) -> None:
    """Or its owner could read the job before what was written, and the write would still be good."""
    one, two = replicas
    mine, order = claimed(one), list[str]()
    with engine.connect() as connection:
        transaction = connection.begin()
        fence.check(connection, [mine])
        connection.execute(insert(events), told(1))
        assert one.renew() == [], "a long write keeps its own lease from being renewed"
        lapse(engine, "j")
        taking = threading.Thread(target=lambda: order.append("taken" if two.claim("j") else "refused"))
        taking.start()
        time.sleep(0.5)
        order.append("written")
        transaction.commit()
        taking.join()
    assert order == ["written", "taken"]


def _all(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return [connection.execute(select(table).order_by(*table.primary_key)).all() for table in TABLES]


# ---------------------------------------------------------------- children
async def test_a_child_ends_with_the_lease_of_its_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service lives on, and so would the child; it would write beside the next owner's."""
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    config = {"model": {"name": "stand-in/steps-400"}, "training": {"output_dir": "output"}, "data": {}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    steps: list[float] = []
    ends = time.monotonic() + 5

    async def note(event: dict[str, Any]) -> None:
        if event["event"] == "step":
            steps.append(time.monotonic())

    with carrying(Held("j", 1, lambda: ends - time.monotonic())), pytest.raises(LeaseLost, match="jobs/j"):
        await launcher.run("training.sft", ["--config", "config.yaml"], tmp_path, note)
    assert len(steps) > 20, "it had no time to begin"
    assert steps[-1] < ends + 0.5, "it went on without a lease"
    assert time.monotonic() < ends + 5


async def test_a_child_hears_beats_as_long_as_the_lease_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    config = {"model": {"name": "stand-in/steps-80"}, "training": {"output_dir": "output"}, "data": {}}
    (tmp_path / "config.yaml").write_text(json.dumps(config))

    async def note(_: dict[str, Any]) -> None:
        await asyncio.sleep(0)

    with carrying(Held("j", 1)):
        began = time.monotonic()
        done = await launcher.run("training.sft", ["--config", "config.yaml"], tmp_path, note)
    assert done["metrics"]["steps_of_this_life"] == 80
    assert time.monotonic() - began > beat.PATIENCE + 1
