"""Workers, nodes and services die: nothing is lost, nothing doubled, nothing finished paid again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from teachback.client import JobHandle

from tests.ray.conftest import Team
from tests.support.crash import Fall, check
from tests.support.ledger import calls
from tests.support.raycluster import until
from tests.support.rows import mixed, write

AT_ONCE = 8


def fallen(team: Team, kill: Callable[[], object], *, later: int = 0) -> Fall:
    """Kills, and says how things stood. What was paid for is read afterwards: nobody is stopped but the victim.

    `later`: so many calls may be lost when Ray ends the workers, who go on for a moment without the victim.
    """
    in_flight = team.far.at_work
    kill()
    at, asked, seen = time.monotonic(), len(team.far.asked), set(team.far.times)
    finished = frozenset(call.fingerprint for call in calls(team.service.database))
    return Fall(at, asked, in_flight, finished, max(len(seen - finished), later), 0.0)


def begun(team: Team, path: Path, rows: int, asked: int) -> JobHandle:
    """A job, once it has asked so often."""
    job = team.service.submit(write(path, mixed(rows)), batch_size=AT_ONCE)
    until(lambda: len(team.far.asked) >= asked, f"{asked} calls")
    return job


def test_a_worker_dies(team: Team, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    job = begun(team, path, 40, 30)
    check(team.far, team.service, job, path, [fallen(team, team.cluster.kill_worker)])


def test_a_node_dies(team: Team, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    job = begun(team, path, 40, 30)
    falls = [fallen(team, team.cluster.nodes[-1].kill_raylet, later=AT_ONCE)]
    team.cluster.nodes.pop().stop()
    try:
        check(team.far, team.service, job, path, falls)
    finally:
        team.cluster.grow()


def test_the_service_dies(team: Team, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    job = begun(team, path, 40, 30)
    fall = fallen(team, team.service.kill, later=AT_ONCE)
    team.service.start()
    check(team.far, team.service, team.service.client.job(job.name), path, [fall])


@pytest.mark.soak
def test_the_way_to_the_cluster_breaks_off(team: Team, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    job = begun(team, path, 40, 30)

    def kill() -> None:
        assert team.service.process is not None
        children = psutil.Process(team.service.process.pid).children()
        next(one for one in children if "services.ray.bridge" in " ".join(one.cmdline())).kill()

    check(team.far, team.service, job, path, [fallen(team, kill, later=AT_ONCE)])


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_worker_dies_every_fifteen_seconds(team: Team, tmp_path: Path) -> None:
    """Ten times, through one job."""
    draw, path = random.Random(15), tmp_path / "rows.jsonl"
    job = begun(team, path, 2600, 20)
    falls: list[Fall] = []
    for number in range(10):
        time.sleep(15)
        falls.append(fallen(team, lambda: team.cluster.kill_worker(draw.randrange(2))))
        print(f"kill {number + 1} at request {falls[-1].asked}: {falls[-1].in_flight} in flight")
    check(team.far, team.service, job, path, falls)
    print(f"{team.far.repeats} answers repeated of at most {sum(f.unrecorded for f in falls)} that were under way")
