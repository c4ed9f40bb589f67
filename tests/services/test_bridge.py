"""The child through which a service talks to Ray: one start for all who wait. A script stands for it here."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from services.ray import cluster
from services.ray.cluster import Cluster, Died
from services.settings import Settings

SLOW = """
import sys, time
open({log!r}, "a").write("x")
time.sleep(0.4)
print('{{"cluster": {{"cpus": 2, "gpus": 0, "nodes": 1}}}}', flush=True)
sys.stdin.read()
"""
GONE = """
import time
open({log!r}, "a").write("x")
time.sleep(0.2)
print('{{"unreachable": "nobody is there"}}', flush=True)
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A letter for each start."""
    return tmp_path / "log"


def starts(log: Path) -> int:
    return len(log.read_text())


def standing_for_it(monkeypatch: pytest.MonkeyPatch, script: str, log: Path) -> Cluster:
    command = [sys.executable, "-c", script.format(log=str(log))]
    monkeypatch.setattr(cluster, "command", lambda _address: command)
    return Cluster(Settings(ray_address="127.0.0.1:1"))


async def test_who_is_cancelled_while_it_starts_leaves_it_to_the_others(
    monkeypatch: pytest.MonkeyPatch, log: Path
) -> None:
    bridge = standing_for_it(monkeypatch, SLOW, log)
    try:
        first = asyncio.create_task(bridge.resources())
        await asyncio.sleep(0.1)
        first.cancel()
        assert (await bridge.resources())["cpus"] == 2
        assert starts(log) == 1
    finally:
        await bridge.close()


async def test_all_who_wait_hear_of_one_start_in_vain(monkeypatch: pytest.MonkeyPatch, log: Path) -> None:
    bridge = standing_for_it(monkeypatch, GONE, log)
    try:
        heard = await asyncio.gather(*(bridge.resources() for _ in range(5)), return_exceptions=True)
        assert all(isinstance(one, Died) and "nobody is there" in str(one) for one in heard)
        assert starts(log) == 1
        with pytest.raises(Died):
            await bridge.resources()
        assert starts(log) == 2, "whoever comes later tries anew"
    finally:
        await bridge.close()
