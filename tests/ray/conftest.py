"""One Ray cluster, one database and one service on them for all tests of this folder: a start takes seconds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from tests.support import databases
from tests.support.farmodel import FarModel
from tests.support.raycluster import RayCluster
from tests.support.service import Service, far_settings

HERE = databases.HERE and bool(find_spec("ray") or os.environ.get("CI"))
collect_ignore = (
    [] if HERE else ["test_cluster.py", "test_deaths.py", "test_jobs.py", "test_page.py", "test_training.py"]
)
"""Without PostgreSQL and Ray these tests do not exist: a skip would be taken for a failure, and rightly."""

PRICE = (1.0, 4.0)
"""US dollars a million tokens, in and out."""


@dataclass
class Team:
    """All that works together."""

    far: FarModel
    cluster: RayCluster
    service: Service
    hub: Path
    """Where the trainer's programs find models: none, but what a test puts there."""

    @property
    def seen(self) -> dict[str, str]:
        """What a service, or a doctor, sees that is to work with them."""
        return {"TEACHBACK_DATABASE_URL": str(self.service.database), **self.cluster.caller}

    def wake(self) -> None:
        """Starts the service anew where it has gone: a private one goes when nobody has called it for a while."""
        assert self.service.process is not None
        if self.service.process.poll() is not None:
            self.service.stop()
            self.service.start()


@pytest.fixture(scope="package")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Started."""
    folder = tmp_path_factory.mktemp("ray")
    prices = {"input_price": PRICE[0], "output_price": PRICE[1]}
    with FarModel(delay=0.05, price=PRICE) as far:
        told = {
            "TEACHBACK_DATABASE_URL": databases.url("postgres", folder),
            "TEACHBACK_MODELS": far_settings(far, **prices),
            "TEACHBACK_DATA_DIR": str(folder / "data"),
            "TEACHBACK_TRAINING_EXECUTOR": "ray",
            "TEACHBACK_METRICS": "True",
            "HF_HOME": str(folder / "hub"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "GLOO_SOCKET_IFNAME": "lo",
        }
        with RayCluster(told) as cluster:
            service = Service(folder / "data", database="sqlite")
            service.env |= {**told, **cluster.caller}
            with service:
                yield Team(far, cluster, service, folder / "hub")


@pytest.fixture(autouse=True)
def fresh(team: Team) -> None:
    """What one test has asked and paid for is nothing to the next one; the database has no job but the test's own."""
    team.wake()
    with psycopg.connect(str(team.service.database)) as connection:
        connection.execute("TRUNCATE jobs, spend CASCADE")
    for counter in (team.far.asked, team.far.times, team.far.answered, team.far.peak):
        counter.clear()
    team.far.spent = 0.0
    team.far.on_request = None
