"""Rates, quotas and money, on a real database: what two replicas may do together is what one may."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select

from agents.budget import Budget
from agents.errors import BudgetExceeded
from agents.models import Endpoint, ModelSettings, Price
from services.access.projects import ProjectStore, defaults
from services.access.quotas import Quotas
from services.access.rates import Rates
from services.access.spending import Purse, SharedBudget, release
from services.access.views import CreateProjectRequest, Limits, UpdateProjectRequest
from services.errors import InvalidRequest, QuotaExceeded, RateLimited
from services.settings import Settings
from services.store.datasets import DatasetStore
from services.store.jobs import JobStore
from services.store.ledger import JobLedger
from services.store.tables import jobs, spend, spend_holds
from services.store.writer import Writer
from services.views import EnhanceSpec, JobSpec

SPEC = JobSpec(enhance=EnhanceSpec(dataset="datasets/d"))


@pytest.fixture
def store(engine: Engine, tmp_path: Path) -> ProjectStore:
    """With a project "p"."""
    made = ProjectStore(engine, Settings(data_dir=tmp_path))
    made.create(CreateProjectRequest(project_id="p"))
    return made


def limit(store: ProjectStore, **limits: Any) -> None:
    store.update("p", UpdateProjectRequest(limits=Limits(**limits)))


# ---------------------------------------------------------------- requests
@pytest.mark.parametrize("rate", [5.0, 40.0])
async def test_two_replicas_share_one_rate(engine: Engine, rate: float) -> None:
    replicas = [Rates(engine), Rates(engine)]
    began, let_in, waits = time.monotonic(), 0, []
    while (past := time.monotonic() - began) < 1.5:
        for replica in replicas:
            try:
                await replica.take("p", rate)
                let_in += 1
            except RateLimited as refused:
                waits.append(refused.wait)
        await asyncio.sleep(0.002)
    assert rate * past * 0.6 < let_in <= rate + rate * past + 1
    assert waits
    assert all(0 < wait <= 1 / rate + 0.2 for wait in waits)
    await Rates(engine).take("q", rate)  # another project has a bucket of its own


async def test_who_waits_as_told_is_let_in(engine: Engine) -> None:
    rates = Rates(engine)
    await rates.take("p", 2)
    await rates.take("p", 2)
    with pytest.raises(RateLimited, match="projects/p may make 2 requests a second") as refused:
        await rates.take("p", 2)
    await asyncio.sleep(refused.value.wait + 0.01)
    await rates.take("p", 2)


async def test_without_a_limit_nothing_is_asked(engine: Engine) -> None:
    engine.dispose()
    rates = Rates(engine)
    for _ in range(1000):
        await rates.take("p", None)


def test_beyond_loopback_there_are_limits(tmp_path: Path) -> None:
    at_home = defaults(Settings(data_dir=tmp_path))
    assert at_home == Limits(spend_period="month")
    outside = defaults(Settings(data_dir=tmp_path, host="0.0.0.0"))  # noqa: S104 - nothing listens
    assert None not in (outside.requests_per_second, outside.max_jobs, outside.max_stored_bytes)
    assert outside.max_spend is None
    told = defaults(
        Settings(data_dir=tmp_path, project_max_jobs=7, project_max_spend=1.5, project_spend_period="total")
    )
    assert told == Limits(max_jobs=7, max_spend=1.5, spend_period="total")


# ---------------------------------------------------------------- jobs and bytes
def test_as_many_jobs_as_may_be_and_no_more(engine: Engine, store: ProjectStore) -> None:
    """Created by eight callers at once."""
    limit(store, max_jobs=3)
    mine, quotas = JobStore(engine, "p"), Quotas(engine, store, "p")
    refusals: list[str] = []

    def create(n: int) -> None:
        try:
            mine.create(SPEC, 1, f"key-{n}", quotas.one_more_job)
        except QuotaExceeded as error:
            refusals.append(str(error))

    threads = [threading.Thread(target=create, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(mine.page(10, "", None).jobs) == 3
    assert len(refusals) == 5
    assert "may have 3 jobs queued or running, and has 3: wait for one to end, cancel one" in refusals[0]
    JobStore(engine, "default").create(SPEC, 1, "", Quotas(engine, store, "default").one_more_job)
    with engine.begin() as connection:
        connection.execute(jobs.update().where(jobs.c.project == "p").values(state="paused"))
    mine.create(SPEC, 1, "", quotas.one_more_job)


def test_bytes_are_counted_as_they_come(engine: Engine, store: ProjectStore) -> None:
    limit(store, max_stored_bytes=1000)
    mine, quotas = DatasetStore(engine, "p"), Quotas(engine, store, "p")

    def add(id_: str, seq: int, text: str) -> None:
        row = {
            "dataset_id": id_,
            "seq": seq,
            "item_id": f"{seq}",
            "file": 0,
            "line": 1,
            "annotated": False,
            "raw": text,
        }
        mine.add([row], [], quotas.more_bytes)

    mine.begin("a", "", 0.0)
    add("a", 0, "x" * 500)
    mine.begin("b", "", 0.0)
    add("b", 0, "é" * 200)
    quotas.room()
    with pytest.raises(QuotaExceeded, match="may store 1000 bytes, and this makes it 1101: send less"):
        add("b", 1, "x" * 201)
    assert store.get("p").usage.stored_bytes == 900  # type: ignore[union-attr]
    add("b", 1, "x" * 100)
    with pytest.raises(QuotaExceeded):
        quotas.room()
    mine.drop("a")
    quotas.room()


# ---------------------------------------------------------------- money
def endpoint(price: Price | None) -> Endpoint:
    return Endpoint("far", "openai", "far", "openai", ModelSettings(), price)


def test_what_has_no_price_does_not_begin_under_a_limit(engine: Engine, store: ProjectStore) -> None:
    quotas = Quotas(engine, store, "p")
    quotas.money([endpoint(None)])
    limit(store, max_spend=1)
    quotas.money([endpoint(Price(0.001, 0.001)), endpoint(Price(0, 0))])
    with pytest.raises(InvalidRequest, match="has a spend limit, which needs prices, and none is known for far"):
        quotas.money([endpoint(None)])
    with engine.begin() as connection:
        connection.execute(insert(spend), {"project": "p", "month": "2020-01", "booked": 5.0})
    quotas.money([endpoint(Price(1, 1))])
    limit(store, max_spend=1, spend_period="total")
    with pytest.raises(QuotaExceeded, match=r"may spend \$1.0000 in all: \$5.0000 is spent. Ask the operator"):
        quotas.money([endpoint(Price(1, 1))])
    quotas.money([endpoint(Price(0, 0))])


def budget(engine: Engine, store: ProjectStore, job: str, most: float | None = None) -> tuple[Budget, Purse]:
    purse = Purse(engine, store, "p", job, "run")
    return SharedBudget(most, 0.0, purse), purse


async def spend_all(engine: Engine, money: Budget, purse: Purse, price: float, cost: float) -> tuple[int, str]:
    """Calls until it is refused: how many, and what was said."""
    for count in range(10_000):
        try:
            await money.reserve(price)
        except BudgetExceeded as error:
            return count, str(error)
        await asyncio.sleep(0)
        money.settle(price, cost)

        def book() -> None:
            with engine.begin() as connection:
                purse.book(connection, purse.due())

        await asyncio.to_thread(book)
    raise AssertionError("never refused")


def booked(engine: Engine) -> float:
    with engine.connect() as connection:
        return float(connection.execute(select(func.sum(spend.c.booked))).scalar_one() or 0)


async def test_jobs_and_replicas_spend_one_limit(engine: Engine, store: ProjectStore, tmp_path: Path) -> None:
    """Three jobs on two replicas, each with its own view of the project."""
    limit(store, max_spend=1)
    other = ProjectStore(engine, Settings(data_dir=tmp_path))
    purses = [budget(engine, where, job) for where, job in ((store, "a"), (other, "b"), (other, "c"))]
    done = await asyncio.gather(*(spend_all(engine, money, purse, 0.02, 0.01) for money, purse in purses))
    total = booked(engine)
    assert total == pytest.approx(0.01 * sum(count for count, _ in done))
    assert 0.9 < total <= 1
    assert all("may spend $1.0000 a month (UTC)" in said and "then resume the job" in said for _, said in done)


async def test_many_calls_at_once_never_pass_it(engine: Engine, store: ProjectStore) -> None:
    limit(store, max_spend=1)
    money, purse = budget(engine, store, "a")
    done = await asyncio.gather(*(spend_all(engine, money, purse, 0.05, 0.03) for _ in range(10)))
    assert booked(engine) <= 1
    assert sum(count for count, _ in done) >= 30


async def test_a_call_that_gave_no_reply_is_booked_at_the_end(engine: Engine, store: ProjectStore) -> None:
    limit(store, max_spend=1)
    money, purse = budget(engine, store, "a")
    writer = Writer(engine)
    writer.start()
    ledger = JobLedger(engine, writer, "a", resumed=False, purse=purse)
    try:
        await money.reserve(0.5)
        money.settle(0.5, 0.3)  # it may be billed, and there is no record of a call that would book it
        assert booked(engine) == 0
        await ledger.settle()
        await ledger.settle()
    finally:
        await writer.close()
    assert booked(engine) == pytest.approx(0.3)


async def test_a_jobs_own_budget_holds_beside_it(engine: Engine, store: ProjectStore) -> None:
    limit(store, max_spend=10)
    money, purse = budget(engine, store, "a", 0.1)
    count, said = await spend_all(engine, money, purse, 0.02, 0.02)
    assert (count, said.startswith("the budget of $0.1000 is used up")) == (5, True)


async def test_a_dead_run_gives_back_what_it_held(engine: Engine, store: ProjectStore) -> None:
    limit(store, max_spend=1)
    money, _ = budget(engine, store, "a")
    await money.reserve(0.9)
    with pytest.raises(BudgetExceeded, match=r"\$0.9000 held by jobs at work"):
        await budget(engine, store, "b")[0].reserve(0.2)
    again = SharedBudget(None, 0.0, Purse(engine, store, "p", "a", "later"))
    await again.reserve(0.9)
    again.settle(0.9, 0.0)
    release(engine, "a", "run")  # the dead one wakes up late, and takes nothing from the other
    with engine.connect() as connection:
        assert connection.execute(select(spend_holds.c.run)).scalars().all() == ["later"]
    release(engine, "a", "later")
    await budget(engine, store, "b")[0].reserve(1.0)


async def test_a_limit_that_is_set_meanwhile_holds(engine: Engine, store: ProjectStore) -> None:
    money, purse = budget(engine, store, "a")
    await money.reserve(5.0)
    money.settle(5.0, 5.0)
    with engine.begin() as connection:
        purse.book(connection, purse.due())
    limit(store, max_spend=6)
    await money.reserve(0.9)
    with pytest.raises(BudgetExceeded, match=r"\$5.0000 is spent"):
        await budget(engine, store, "b")[0].reserve(0.2)
    money.settle(0.9, 0.5)


async def test_without_a_limit_the_database_is_not_asked_for_each_call(engine: Engine, store: ProjectStore) -> None:
    money, _ = budget(engine, store, "a")
    store.limits("p")
    began = time.monotonic()
    for _ in range(2000):
        await money.reserve(0.01)
        money.settle(0.01, 0.0)
    assert time.monotonic() - began < 1
