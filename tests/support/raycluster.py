"""A Ray cluster of two nodes on loopback: processes of this machine, killed and started again as tests want."""

from __future__ import annotations

import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import psutil

from tests.support.loopback import free_port
from tests.support.service import ROOT, environment

CPUS = 1
"""Of a node: so many workers."""
START = 60.0
"""Seconds within which a node must be up; the machine may be busy."""
STORE = 80 << 20
"""Bytes of a node's object store, near the least that Ray takes: only a few lines of text go through it."""
ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Else Ray puts the host's address in the place of loopback. With it no second node can be started: see raynode.py."""
TASK = "ray::services.ray.shard:work"
"""What a worker that is at work calls itself."""


class Node:
    """A raylet and all that hangs on it; the head has the cluster's own processes too."""

    def __init__(self, cluster: RayCluster, *words: str, head: bool = False) -> None:
        program = "ray.scripts.scripts" if head else "tests.support.raynode"
        command = [
            *(sys.executable, "-m", program, "start", "--block", "--node-ip-address=127.0.0.1"),
            *(f"--num-cpus={CPUS}", "--num-gpus=0", f"--object-store-memory={STORE}", "--disable-usage-stats"),
            *("--dashboard-agent-listen-port=0", "--min-worker-port=0", "--max-worker-port=0"),
            *words,
        ]  # fmt: skip
        env = cluster.env | (ALONE if head else {})
        with (cluster.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)
        self.at = psutil.Process(self._process.pid)

    def processes(self) -> list[psutil.Process]:
        """All of the node's that are alive."""
        found = [self.at, *self.at.children(recursive=True)] if self.at.is_running() else []
        return [one for one in found if one.is_running()]

    def raylet(self) -> psutil.Process | None:
        """The raylet, once it is there."""
        return next((one for one in self.processes() if _name(one) == "raylet"), None)

    def kill_raylet(self) -> None:
        """kill -9; what hangs on it ends by itself."""
        raylet = self.raylet()
        assert raylet is not None
        raylet.kill()
        self._process.wait(30)

    def stop(self) -> None:
        """Ends all of it."""
        family = self.processes()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        _gone, alive = psutil.wait_procs(family, 5)
        for one in alive:
            one.kill()
        psutil.wait_procs(alive, 5)
        self._process.wait(10)


class RayCluster:
    """`with RayCluster(env) as cluster:` runs it at `cluster.address`; whoever calls it needs `cluster.token`."""

    def __init__(self, told: Mapping[str, str]) -> None:
        """`told`: what its workers see."""
        self.folder = Path(tempfile.mkdtemp(prefix="tb-ray-"))  # short: it holds sockets
        self.token = secrets.token_hex(32)
        self.port, self._door = free_port(), free_port()
        self.env = environment(
            self.folder,
            PYTHONPATH=f"{ROOT}:{ROOT / 'clients/python'}",
            RAY_AUTH_MODE="token",
            RAY_AUTH_TOKEN=self.token,
            RAY_USAGE_STATS_ENABLED="0",
            **told,
        )
        self.nodes: list[Node] = []

    @property
    def address(self) -> str:
        """Where it is."""
        return f"127.0.0.1:{self.port}"

    @property
    def client(self) -> str:
        """Where it is for those who are on none of its nodes."""
        return f"ray://127.0.0.1:{self._door}"

    @property
    def caller(self) -> dict[str, str]:
        """What a service sees that works on it."""
        return {
            "TEACHBACK_EXECUTOR": "ray",
            "TEACHBACK_RAY_ADDRESS": self.address,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
            **ALONE,
        }

    def __enter__(self) -> Self:
        ports = (f"--port={self.port}", f"--ray-client-server-port={self._door}")
        head = (*ports, "--include-dashboard=false", f"--temp-dir={self.folder / 'ray'}")
        self.nodes.append(Node(self, "--head", *head, head=True))
        until(lambda: _answers(self.port), "the head")
        self.grow()
        return self

    def __exit__(self, *_: object) -> None:
        for node in reversed(self.nodes):
            node.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def grow(self) -> Node:
        """One more node."""
        node = Node(self, f"--address={self.address}")
        self.nodes.append(node)
        until(lambda: node.raylet() is not None, "a node")
        return node

    def processes(self) -> list[psutil.Process]:
        """All that are alive."""
        return [one for node in self.nodes for one in node.processes()]

    def at_work(self) -> list[psutil.Process]:
        """The workers that work on rows."""
        return [one for one in self.processes() if _title(one).startswith(TASK)]

    def kill_worker(self, number: int = 0) -> int:
        """kill -9 of one that is at work; returns its pid."""
        until(lambda: bool(self.at_work()), "a worker at work")
        workers = self.at_work()
        victim = workers[number % len(workers)]
        victim.kill()
        return victim.pid


def until(met: Callable[[], bool], what: str, seconds: float = START) -> None:
    """Waits for something."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, f"{what} did not come in {seconds:.0f} s"
        time.sleep(0.05)


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
