"""The cluster itself: who may call it, where it listens, what the doctor says, what a service without it says."""

from __future__ import annotations

import asyncio
import ipaddress
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from services.doctor.cluster import ray
from services.doctor.findings import Finding
from services.ray.cluster import Cluster, Died, Failed, check
from services.settings import Settings
from tests.ray.conftest import Team
from tests.support.raycluster import CPUS
from tests.support.service import ROOT, environment


def loopback(told: str) -> bool:
    """Of an address, IPv4 in IPv6 too."""
    address = ipaddress.ip_address(told)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def doctor(patch: pytest.MonkeyPatch, **env: str) -> Finding:
    """What the doctor finds of Ray."""
    for name, value in env.items():
        patch.setenv(name, value)
    found = ray(Settings())
    print(found)
    return found


def open_doors(processes: list[psutil.Process]) -> list[str]:
    """Where these listen and others than this machine get in."""
    return [
        f"{process.name()}: {one.laddr.ip}:{one.laddr.port}"
        for process in processes
        if process.is_running()
        for one in process.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and not loopback(one.laddr.ip)
    ]


def test_nothing_of_it_listens_beyond_loopback(team: Team) -> None:
    assert team.service.process is not None
    service = psutil.Process(team.service.process.pid)
    assert open_doors([*team.cluster.processes(), service, *service.children(recursive=True)]) == []


def test_the_doctor_says_what_is_there(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    until = time.monotonic() + 30  # a node is known to the cluster some seconds after its processes are there
    while "nodes: 2" not in (found := doctor(monkeypatch, **team.seen)).found:
        assert time.monotonic() < until, found
    assert found.status == "ok", found
    assert f"nodes: 2, CPUs: {2 * CPUS}, GPUs: 0; it asks for a token" in found.found


@pytest.mark.parametrize("wrong", [{"RAY_AUTH_TOKEN": "f" * 64}, {"RAY_AUTH_TOKEN": ""}, {"RAY_AUTH_MODE": "disabled"}])
def test_who_has_not_the_token_is_kept_out(team: Team, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]) -> None:
    """Ray tries for a while before it gives up: here twice, else for some 20 s."""
    found = doctor(monkeypatch, **(team.seen | wrong), RAY_NUM_REDIS_GET_RETRIES="2")
    assert found.status == "problem"
    assert "can't be reached" in found.found
    assert team.cluster.token not in repr(found)


@pytest.mark.parametrize(
    "far",
    [
        pytest.param(False, id="on-a-node"),
        # Ray gives the server that it starts for such a caller half a minute, whatever else the machine does.
        pytest.param(True, id="from-elsewhere", marks=pytest.mark.soak),
    ],
)
async def test_text_goes_there_and_comes_back(team: Team, monkeypatch: pytest.MonkeyPatch, far: bool) -> None:
    for name, value in team.seen.items():
        monkeypatch.setenv(name, value)
    cluster = Cluster(Settings(ray_address=team.cluster.client if far else team.cluster.address))
    shell = "subprocess:getoutput"
    try:
        assert (await cluster.resources())["cpus"] == 2 * CPUS
        assert await cluster.run(shell, "echo here") == "here"
        with pytest.raises(Failed, match="AttributeError"):
            await cluster.run("subprocess:nothing", "")
        with pytest.raises(Died):
            await cluster.run(shell, "kill -9 $PPID")
        waiting = [asyncio.create_task(cluster.run(shell, "sleep 100")) for _ in range(2 * CPUS)]
        await asyncio.sleep(0.5)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        async with asyncio.timeout(30):  # there is room again
            assert await cluster.run(shell, "echo here") == "here"
    finally:
        await cluster.close()


def test_it_takes_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="that takes PostgreSQL; set database_url, or executor to local"):
        check(Settings(executor="ray"))
    assert doctor(monkeypatch, TEACHBACK_EXECUTOR="ray").status == "problem"


def test_a_service_that_can_not_have_it_says_so_and_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "services.main", "--grpc-port", "0", "--rest-port", "0"]
    told = environment(tmp_path, TEACHBACK_DATA_DIR=str(tmp_path), TEACHBACK_EXECUTOR="ray")
    ended = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert "executor is ray" in ended.stderr
