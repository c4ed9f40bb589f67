"""Runs of the benchmark in this process: quick to lose patience, everything said kept."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from services.benchmark.plan import KEYS, Patience, Plan, address
from services.benchmark.results import Result, Results
from services.benchmark.run import run
from tests.benchmark.server import Server

QUICK = Patience(load=1.0, first=0.6, stall=0.4, reply=5.0, rate=1.0, ask=3.0)


@dataclass
class Ran:
    """What a run left: its results (None where it never began) and what it said."""

    results: Results | None = None
    said: list[str] = field(default_factory=list)

    def model(self, name: str) -> Result:
        """One model's line."""
        assert self.results is not None
        return next(result for result in self.results.models if result.model == name)


def bench(server: Server, **plan: Any) -> Ran:
    """A run against the server; more of the plan as keywords."""
    ran = Ran()

    def keep(results: Results) -> None:
        ran.results = results

    asyncio.run(run(Plan(**{"base_url": address(server.root), "patience": QUICK, **plan}), ran.said.append, keep))
    return ran


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address, key or command of whoever runs the tests."""
    for name in (*KEYS, "TEACHBACK_LOCAL_API_BASE", "LMSTUDIO_HOST", "LMSTUDIO_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("services.benchmark.load._find_lms", lambda: None)
