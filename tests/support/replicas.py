"""Several services on one PostgreSQL, each in a process of its own, their artifacts in one folder or apart."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support import databases
from tests.support.farmodel import FarModel
from tests.support.ledger import query
from tests.support.service import Service


class Lease(NamedTuple):
    """Who has a job, in the database's own words. `left`: seconds until it ends, below 0 where it has."""

    owner: str
    fence: int
    left: float


def replicas(
    folder: Path, far: FarModel | None = None, count: int = 2, **env: str
) -> AbstractContextManager[list[Service]]:
    """So many services, started, whose artifacts stand in one folder."""
    return _replicas(folder, far, count, env, shared=True)


def apart(folder: Path, env: Mapping[str, str]) -> AbstractContextManager[list[Service]]:
    """Two with a disk each."""
    return _replicas(folder, None, 2, env, shared=False)


@contextmanager
def _replicas(
    folder: Path, far: FarModel | None, count: int, env: Mapping[str, str], *, shared: bool
) -> Iterator[list[Service]]:
    url = databases.url("postgres", folder)
    (folder / "artifacts").mkdir(parents=True)
    with ExitStack() as stack:
        made = []
        for number in range(count):
            own = folder / f"replica-{number}"
            own.mkdir()
            if shared:
                (own / "artifacts").symlink_to(folder / "artifacts")
            service = Service(own, far, database="sqlite")
            service.env |= {"TEACHBACK_DATABASE_URL": url, **env}
            made.append(service)
            stack.callback(service.stop)
            service.spawn()
        for service in made:
            service.wait()
        yield made


def lease(service: Service, job_name: str) -> Lease | None:
    """The lease of a job, None where nobody ever had one."""
    found = query(
        service.database,
        "SELECT owner, fence, expires - extract(epoch from clock_timestamp()) FROM leases "  # noqa: S608
        f"WHERE job_id = '{job_name.partition('/')[2]}'",
    )
    return Lease(found[0][0], found[0][1], float(found[0][2])) if found else None


def owner(services: list[Service], job_name: str) -> Service:
    """Whose the job is, once it is somebody's."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        held = lease(services[0], job_name)
        if held and held.left > 0:
            for service in services:
                if re.findall(r'"owner": "(\w+)"', service.log())[-1:] == [held.owner]:
                    return service
        time.sleep(0.02)
    raise AssertionError(f"nobody has {job_name}: {lease(services[0], job_name)}")


def other(services: list[Service], than: Service) -> Service:
    """The first one that is not this."""
    return next(service for service in services if service is not than)


def taken_over(service: Service, job_name: str, fence: int) -> float:
    """Waits until somebody has the job under a higher number; returns the seconds."""
    began = time.monotonic()
    while time.monotonic() < began + 60:
        held = lease(service, job_name)
        if held and held.fence > fence and held.left > 0:
            return time.monotonic() - began
        time.sleep(0.02)
    raise AssertionError(f"nobody took {job_name} over: {lease(service, job_name)}\n{service.log()[-3000:]}")
