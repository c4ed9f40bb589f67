"""For every test: no connection off loopback, no skipping where a machine checks the work, and a service to talk to."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import databases
from tests.support.farmodel import FarModel
from tests.support.service import Service

# Children start LiteLLM: without written bytecode that takes seconds longer each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


class OffLoopback(RuntimeError):
    """A test tried to reach another machine."""


def _stay_home(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: sees every connection that Python's sockets make, in every thread, whoever opens it."""
    if event not in ("socket.connect", "socket.getaddrinfo"):
        return
    host = arguments[0] if event == "socket.getaddrinfo" else _host(arguments[1])
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost"):
        return
    try:
        local = ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        local = False
    if not local and not (event == "socket.getaddrinfo" and host == "0.0.0.0"):  # noqa: S104 - an address to bind
        raise OffLoopback(f"a test tried to reach {host!r}; only loopback is allowed")


def _host(address: object) -> object:
    return address[0] if isinstance(address, tuple) else None  # a path names a socket of this machine


sys.addaudithook(_stay_home)


EXTRA_DATA = "extra data"
"""What the reason of such a skip begins with."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Under CI a skipped test is a failed one: nobody would see that it did not run.

    But for tests on other people's data, which stands beside the project and is no part of it.
    """
    report: pytest.TestReport = yield  # type: ignore[assignment]
    elsewhere = EXTRA_DATA in str(report.longrepr)
    if report.skipped and os.environ.get("CI") and not elsewhere and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure under CI: {report.longrepr}"
    return report  # type: ignore[return-value]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs what is marked `each_database` on each of them, as far as it uses one."""
    if "database" in metafunc.fixturenames and metafunc.definition.get_closest_marker("each_database"):
        metafunc.parametrize("database", databases.KINDS, indirect=True)


@pytest.fixture
def far() -> Iterator[FarModel]:
    """A far model without faults."""
    with FarModel() as model:
        yield model


@pytest.fixture
def database(request: pytest.FixtureRequest) -> databases.Kind:
    """The kind of database that a test's services and stores work on (tests/support/databases.py)."""
    return getattr(request, "param", databases.KINDS[0])


@pytest.fixture
def database_url(database: databases.Kind, tmp_path: Path) -> str:
    """A new database."""
    return databases.url(database, tmp_path)


@pytest.fixture
def service(tmp_path: Path, far: FarModel, database: databases.Kind) -> Iterator[Service]:
    """A service of the test's own whose `openai/` models are the far model."""
    with Service(tmp_path / "data", far, database=database) as running:
        yield running
