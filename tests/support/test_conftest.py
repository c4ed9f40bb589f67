"""The rules that hold for every test do hold."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import httpx
import pytest

from tests.conftest import OffLoopback
from tests.support.farmodel import FarModel, Faults
from tests.support.service import ROOT

FAR_AWAY = "192.0.2.1"
"""An address for documentation: nobody has it (RFC 5737)."""


def test_no_socket_leaves_the_machine() -> None:
    with socket.socket() as one, pytest.raises(OffLoopback, match=FAR_AWAY):
        one.connect((FAR_AWAY, 80))
    with socket.socket(socket.AF_INET6) as one, pytest.raises(OffLoopback):
        one.connect(("2001:db8::1", 80))
    with pytest.raises(OffLoopback, match=r"example\.org"):
        socket.getaddrinfo("example.org", 80)


async def test_no_client_does_either() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(OffLoopback):
            await session.get(f"http://{FAR_AWAY}/")
    with pytest.raises(OffLoopback):
        await asyncio.open_connection(FAR_AWAY, 80)


def test_no_blocking_client_does_either() -> None:
    with pytest.raises(OffLoopback):
        httpx.get("http://example.org/")


def test_loopback_is_open(far: FarModel) -> None:
    assert httpx.post(f"{far.base}/nowhere").status_code == 404
    with socket.create_connection(("localhost", int(far.root.rpartition(":")[2]))):
        pass


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("1", 1)])
def test_a_skip_is_a_failure_under_ci(tmp_path: Path, ci: str, status: int) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\nfrom tests.conftest import pytest_runtest_makereport\n"
        "@pytest.mark.skip(reason='not today')\ndef test_it(): pass\n"
        "@pytest.mark.xfail(strict=True)\ndef test_other(): assert False\n"
    )
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_runtest_makereport\n")
    env = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(tmp_path)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == status, ended.stdout
    assert ("skipped, which is a failure under CI" in ended.stdout) == bool(ci)
    assert ("not today" in ended.stdout) == bool(ci)


def test_faults_repeat_and_come_as_often_as_they_are_asked_for() -> None:
    faults = Faults(seed=1, limited=0.1, broken=0.05, cut=0.02, nonsense=0.02, hang=0.01)
    drawn = [faults(f"request {n}", 1) for n in range(20_000)]
    assert drawn == [faults(f"request {n}", 1) for n in range(20_000)]
    shares = {kind: drawn.count(kind) / len(drawn) for kind in ("limited", "broken", "cut", "nonsense", "hang", "")}
    assert shares == pytest.approx(
        {"limited": 0.1, "broken": 0.05, "cut": 0.02, "nonsense": 0.02, "hang": 0.01, "": 0.8}, abs=0.01
    )
    assert [faults("request 7", n) for n in range(50)] != [faults("request 8", n) for n in range(50)]
