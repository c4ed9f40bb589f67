"""What flows through a bucket in a minute, whenever the minute begins; what a budget lets through."""

from __future__ import annotations

import asyncio
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.budget import Budget
from agents.errors import BudgetExceeded
from agents.limits import Bucket


class Clock:
    """Time that passes only while somebody sleeps, or as told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@settings(deadline=None, max_examples=200)
@given(
    per_minute=st.integers(1, 600),
    calls=st.lists(st.tuples(st.floats(0, 40), st.integers(1, 5)), min_size=1, max_size=120),
)
def test_no_minute_sees_more_than_the_limit(per_minute: int, calls: list[tuple[float, int]]) -> None:
    """One caller after the other, with pauses in between; amounts up to what the bucket holds."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agents.limits.time", clock)
        patch.setattr("agents.limits.asyncio.sleep", clock.sleep)
        bucket = Bucket(per_minute)
        most = max(1, per_minute // 10)

        async def all_of_them() -> list[tuple[float, int]]:
            passed = []
            for pause, amount in calls:
                clock.now += pause
                await bucket.take(min(amount, most))
                passed.append((clock.now, min(amount, most)))
            return passed

        passed = asyncio.run(all_of_them())
    for start, _ in passed:
        inside = sum(amount for at, amount in passed if start <= at < start + 60 - 1e-6)
        assert inside <= per_minute + 1e-6


async def test_more_than_the_bucket_holds_goes_into_debt_and_still_goes_through() -> None:
    bucket = Bucket(6000)  # 600 at once, then 90 a second
    began = asyncio.get_running_loop().time()
    await bucket.take(645)
    assert asyncio.get_running_loop().time() - began >= 0.45


# ---------------------------------------------------------------- money
async def test_money_is_set_aside_before_it_is_spent() -> None:
    budget = Budget(1.0)
    await budget.reserve(0.6)
    second = asyncio.create_task(budget.reserve(0.6))
    await asyncio.sleep(0.01)
    assert not second.done()  # it may still fit once the first has settled
    budget.settle(0.6, 0.1)
    async with asyncio.timeout(1):
        await second
    budget.settle(0.6, 0.3)
    assert budget.spent == pytest.approx(0.4)


async def test_what_can_never_fit_is_refused_once_nobody_holds_anything() -> None:
    budget = Budget(1.0, spent=0.5)
    await budget.reserve(0.3)
    waiting = asyncio.create_task(budget.reserve(0.6))
    budget.settle(0.3, 0.0)
    with pytest.raises(BudgetExceeded, match=r"budget of \$1.0000 is used up: \$0.5000 spent"):
        async with asyncio.timeout(1):
            await waiting


async def test_without_a_limit_nothing_is_held_back_and_everything_is_counted() -> None:
    budget = Budget(None)
    await budget.reserve(1e9)
    budget.settle(1e9, 2.5)
    assert budget.spent == 2.5


@settings(deadline=None, max_examples=100)
@given(
    limit=st.floats(0.01, 5),
    prices=st.lists(st.tuples(st.floats(0.001, 1), st.floats(0, 1)), min_size=1, max_size=30),
)
def test_spending_never_passes_the_limit(limit: float, prices: list[tuple[float, float]]) -> None:
    """Many callers at once; each may cost at most what it reserved, and costs some share of that."""
    budget = Budget(limit)
    paid: list[float] = []

    async def one(most: float, share: float) -> None:
        try:
            await budget.reserve(most)
        except BudgetExceeded:
            return
        await asyncio.sleep(0)
        paid.append(most * share)
        budget.settle(most, most * share)

    async def everybody() -> None:
        async with asyncio.timeout(5):
            await asyncio.gather(*(one(*p) for p in prices))

    asyncio.run(everybody())
    assert all(total <= limit + 1e-9 for total in accumulate(paid))
    assert budget.spent == pytest.approx(sum(paid))
