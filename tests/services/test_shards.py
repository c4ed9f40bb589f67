"""Several processes write of one job: their events, their money, and what the owner takes back from one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, func, insert, select

from agents.errors import BudgetExceeded
from agents.line import Place
from agents.wire import Reply
from services.access.projects import ProjectStore
from services.access.spending import Purse
from services.jobs.allowance import Allowance
from services.jobs.log import EventLog
from services.settings import Settings
from services.store.engine import migrate, open_engine
from services.store.fence import Held, LeaseLost, carrying
from services.store.jobs import JobStore
from services.store.leases import Leases
from services.store.ledger import JobLedger
from services.store.tables import calls, events, jobs, shards, spend_holds
from services.store.writer import Writer
from tests.support import databases

WORKERS = 4


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database of PostgreSQL with a job of which four shards are given out."""
    made = databases.url("postgres", tmp_path)
    engine = open_engine(made)
    migrate(engine)
    with engine.begin() as connection:
        row = {"kind": "enhance", "spec": "{}", "state": "running", "created": 0.0, "progress": "{}", "runs": 1}
        connection.execute(insert(jobs), {"id": "j", **row})
        connection.execute(insert(shards), [{"id": f"s{n}", "job_id": "j", "held": 0.0} for n in range(WORKERS)])
    engine.dispose()
    return made


@pytest.fixture
def engines(url: str) -> Iterator[list[Engine]]:
    """One for each worker, as if each were a process."""
    made = [open_engine(url) for _ in range(WORKERS)]
    yield made
    for engine in made:
        engine.dispose()


@pytest.fixture
async def writers(engines: list[Engine]) -> AsyncIterator[list[Writer]]:
    """One for each, at work."""
    made = [Writer(engine) for engine in engines]
    for writer in made:
        writer.start()
    yield made
    for writer in made:
        await writer.close()


async def test_events_of_several_processes_have_neither_gaps_nor_doubles(
    engines: list[Engine], writers: list[Writer]
) -> None:
    logs = [EventLog(JobStore(engine, None), writer) for engine, writer in zip(engines, writers, strict=True)]
    for log in logs:
        log.share("j")
    told = [log.append("j", "example", {"example_id": f"{w}-{n}"}) for n in range(50) for w, log in enumerate(logs)]
    await asyncio.gather(*told)
    with engines[0].connect() as connection:
        seqs = connection.execute(select(events.c.seq).order_by(events.c.seq)).scalars().all()
    assert seqs == list(range(1, 201))
    logs[0].unshare("j")
    await logs[0].append("j", "state", {"state": "succeeded"})
    assert JobStore(engines[0], None).last_seq("jobs/j") == 201


async def test_what_was_taken_back_writes_no_more(engines: list[Engine], writers: list[Writer]) -> None:
    owner = Leases(engines[0], lambda _: None)
    lease = owner.claim("j")
    assert lease is not None
    log = EventLog(JobStore(engines[1], None), writers[1])
    log.share("j")
    with carrying(Held("j", lease.fence, shard="s1")):
        await log.append("j", "example", {"example_id": "kept"})
    with engines[0].begin() as connection:
        connection.execute(delete(shards).where(shards.c.id == "s1"))
    with carrying(Held("j", lease.fence, shard="s1")), pytest.raises(LeaseLost, match="s1 was taken back"):
        await log.append("j", "example", {"example_id": "late"})
    with carrying(Held("j", lease.fence + 1, shard="s2")), pytest.raises(LeaseLost, match="no longer the current"):
        await log.append("j", "example", {"example_id": "of another owner"})
    with carrying(Held("j", lease.fence, shard="s2")):
        await log.append("j", "example", {"example_id": "kept too"})
    with engines[0].connect() as connection:
        assert connection.execute(select(func.count()).select_from(events)).scalar_one() == 2


async def test_a_budget_holds_over_four_processes(engines: list[Engine], writers: list[Writer]) -> None:
    """Each spends as fast as it can; a call may cost more than it does in the end."""
    limit, most, cost, made = 1.0, 0.012, 0.007, [0] * WORKERS
    settings = Settings()

    async def work(number: int) -> None:
        engine, shard = engines[number], f"s{number}"
        purse = Purse(engine, ProjectStore(engine, settings), "default", "j", shard, alone=False)
        allowance = Allowance(engine, "j", shard, limit)
        ledger = JobLedger(engine, writers[number], "j", resumed=True, purse=purse, allowance=allowance)
        budget = ledger.budget(limit)

        async def row(item: int) -> None:
            page = await ledger.open(f"{number}-{item}")
            for call in range(1000):
                await budget.reserve(most)
                budget.settle(most, cost)
                made[number] += 1
                await page.record(Place("student", "attempt", call), "f", "m", Reply("x", "stop", 1, 1, cost))

        ended = await asyncio.gather(*(row(item) for item in range(5)), return_exceptions=True)
        assert all(isinstance(one, BudgetExceeded) for one in ended), ended

    await asyncio.gather(*(work(number) for number in range(WORKERS)))
    with engines[0].connect() as connection:
        spent = float(connection.execute(select(func.sum(calls.c.cost))).scalar_one())
    print(f"{made} calls, ${spent:.3f} of ${limit}")
    assert spent == pytest.approx(sum(made) * cost)
    assert limit - (WORKERS + 1) * most <= spent <= limit


async def test_what_may_have_been_billed_without_a_reply_is_gone_from_the_budget(engines: list[Engine]) -> None:
    first = Allowance(engines[0], "j", "s0", 1.0, billed=0.7)
    await first.reserve(0.25)
    with pytest.raises(BudgetExceeded, match=r"the budget of \$0\.3000 is used up"):
        await Allowance(engines[1], "j", "s1", 1.0, billed=0.7).reserve(0.25)


async def test_nothing_of_a_projects_money_is_held_for_a_part_that_was_taken_back(engines: list[Engine]) -> None:
    lease = Leases(engines[0], lambda _: None).claim("j")
    assert lease is not None
    store = ProjectStore(engines[1], Settings(project_max_spend=1.0))
    purse = Purse(engines[1], store, "default", "j", "s1", alone=False)
    with engines[0].begin() as connection:
        connection.execute(delete(shards).where(shards.c.id == "s1"))
    with carrying(Held("j", lease.fence, shard="s1")), pytest.raises(LeaseLost, match="s1 was taken back"):
        await purse.reserve(0.1)
    with engines[0].connect() as connection:
        assert connection.execute(select(func.count()).select_from(spend_holds)).scalar_one() == 0
