"""Money as the far side counts it: what is left of a budget is never overdrawn, at no moment and by no failure."""

from __future__ import annotations

import asyncio

import pytest

from agents.budget import Budget
from agents.errors import BudgetExceeded
from tests.agents.conftest import MakeGateway, ask
from tests.support.farmodel import FarModel, Faults

IN, OUT = 1000.0, 4000.0
"""US dollars a million tokens."""


async def spend(make: MakeGateway, far: FarModel, limit: float, calls: int, **settings: object) -> Budget:
    """Many calls at once under one budget; returns it when all have ended."""
    gateway, budget = make(far, input_price=IN, output_price=OUT, **settings), Budget(limit)
    done = await asyncio.gather(
        *(gateway.complete(ask(f"Question {n}"), budget) for n in range(calls)), return_exceptions=True
    )
    assert any(isinstance(d, BudgetExceeded) for d in done)
    assert {type(d) for d in done if isinstance(d, Exception)} == {BudgetExceeded}
    return budget


async def test_the_far_side_is_never_owed_more_than_the_budget(make: MakeGateway) -> None:
    with FarModel(delay=0.01, price=(IN, OUT)) as far:
        most = 0.4
        budget = await spend(make, far, most, 60)
        assert 0 < far.spent <= most
        assert budget.spent == pytest.approx(far.spent)
        # A call reserves 0.186 and costs 0.033: only where each waits for the others to settle does it come so far.
        assert len(far.answered) > most / 0.186
        assert far.peak["far"] == 2


async def test_failures_that_may_be_billed_are_booked_as_if_they_were(make: MakeGateway) -> None:
    faults = Faults(seed=3, limited=0.1, broken=0.2, cut=0.2, hang=0.1)
    with FarModel(faults=faults, retry_after="0.05", price=(IN, OUT)) as far:
        budget = await spend(make, far, 2.0, 60, timeout=0.3)
        assert far.spent <= budget.spent <= 2.0
        assert {"limited", "broken", "cut", "hang"} <= {a.fault for a in far.asked}


async def test_where_no_price_is_known_the_cost_is_unknown_and_not_nothing(
    far: FarModel, make: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_API_BASE", far.base)
    reply = await make(far, "other/*").complete(ask(model="openai/not-listed-anywhere"), Budget(None))
    assert reply.cost is None
    reply = await make(far).complete(ask(), Budget(None))
    assert reply.cost == 0.0
