"""Fifty clients at once, on the same cores as the service: nobody gets an error, reads stay quick, memory stays."""

from __future__ import annotations

import asyncio
import io
import json
import math
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import psutil
import pytest
from teachback.aio import AsyncClient, AsyncJobHandle
from teachback.v1 import job_pb2

from tests.support.rows import mixed, write
from tests.support.service import Service

CLIENTS = 50
RATE = 50.0
"""Requests a second of all clients together."""
READS = ("list", "get", "export", "examples")
SHARES = {"submit": 4, "watch": 16, "list": 30, "get": 20, "export": 20, "examples": 10}
"""Of a hundred turns."""
REQUESTS = {"submit": 2}
"""Of a turn: an upload and a job. Over gRPC a watch asks at its end how the job stands; all else is one."""
P99 = 0.5
STEADY = 1.10


class Crowd:
    """The clients: every other one speaks REST, the others gRPC."""

    def __init__(self, service: Service, rows: Path, grpc: AsyncClient, http: httpx.AsyncClient) -> None:
        self._rows, self._grpc, self._http = rows, grpc, http
        self.jobs: list[str] = []
        self.took: dict[str, list[float]] = defaultdict(list)
        self.memory: list[int] = []
        self.requests = 0
        self._process = psutil.Process(service.process.pid if service.process else 0)
        self._draw = random.Random(5)
        self._by_rest: dict[str, Callable[[str], Awaitable[None]]] = {
            "submit": self._submit_rest,
            "watch": lambda job: self._read(f"/v1/{job}/events"),
            "list": lambda _job: self._read("/v1/jobs?page_size=50"),
            "get": lambda job: self._read(f"/v1/{job}"),
            "export": lambda job: self._read(f"/v1/{job}/export?include_unfinished=true"),
            "examples": lambda job: self._read(f"/v1/{job}/examples?include_rounds=true"),
        }
        self._by_grpc: dict[str, Callable[[str], Awaitable[None]]] = {
            "submit": lambda _job: self.submit(),
            "watch": self._watch,
            "list": self._list,
            "get": self._get,
            "export": self._export,
            "examples": self._examples,
        }

    # ------------------------------------------------------------ over gRPC
    async def submit(self) -> None:
        """Uploads rows and starts a job on them."""
        job = await self._grpc.enhance(self._rows, teacher="offline/teacher")
        self.jobs.append(job.name)

    async def _watch(self, job: str) -> None:
        seen = [event.seq async for event in self._handle(job).watch()]
        assert seen == list(range(1, len(seen) + 1)), seen

    async def _list(self, _job: str) -> None:
        request = job_pb2.ListJobsRequest(page_size=50)
        await self._grpc._call(self._grpc._jobs.ListJobs, request)

    async def _get(self, job: str) -> None:
        await self._grpc.job(job)

    async def _export(self, job: str) -> None:
        await self._handle(job).export(io.BytesIO(), include_unfinished=True)

    async def _examples(self, job: str) -> None:
        _ = [one async for one in self._handle(job).examples(rounds=True)]

    def _handle(self, job: str) -> AsyncJobHandle:
        return AsyncJobHandle(self._grpc, job_pb2.Job(name=job))

    # ------------------------------------------------------------ over REST
    async def _read(self, path: str) -> None:
        (await self._http.get(path)).raise_for_status()

    async def _submit_rest(self, _job: str) -> None:
        made = await self._http.post("/v1/datasets", content=self._rows.read_bytes())
        enhance = {"dataset": made.raise_for_status().json()["name"], "teacher": "offline/teacher"}
        job = await self._http.post("/v1/jobs", json={"spec": {"enhance": enhance}})
        self.jobs.append(job.raise_for_status().json()["name"])

    # ------------------------------------------------------------ all of them
    async def client(self, number: int, until: float) -> None:
        """One of them: asks, waits its turn, asks again."""
        kinds, weights = list(SHARES), list(SHARES.values())
        does = self._by_rest if number % 2 else self._by_grpc
        pace = CLIENTS / RATE
        due = time.monotonic() + pace * number / CLIENTS
        while due < until:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            kind, job = self._draw.choices(kinds, weights)[0], self._draw.choice(self.jobs[-40:])
            began = time.monotonic()
            await does[kind](job)
            self.took[kind].append(time.monotonic() - began)
            asked = 2 if kind == "watch" and number % 2 == 0 else REQUESTS.get(kind, 1)
            self.requests += asked
            due = max(due + pace * asked, time.monotonic() - pace)

    async def run(self, seconds: float) -> None:
        """All of them, and a look at the service's memory four times a second. Raises the first error of any."""
        until = time.monotonic() + seconds

        async def look() -> None:
            while time.monotonic() < until:
                self.memory.append(self._process.memory_info().rss)
                await asyncio.sleep(0.25)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(look())
            for number in range(CLIENTS):
                tasks.create_task(self.client(number, until))


async def crowd(folder: Path, warm: float, seconds: float) -> Crowd:
    """A crowd that has been at work for so long."""
    with Service(folder / "data") as service:
        limits = httpx.Limits(max_connections=CLIENTS)
        headers = {"Authorization": f"Bearer {service.token}"}
        async with (
            AsyncClient(service.grpc, service.token) as grpc,
            httpx.AsyncClient(base_url=service.rest, headers=headers, limits=limits, timeout=60) as http,
        ):
            all_of_it = Crowd(service, write(folder / "rows.jsonl", mixed(4)), grpc, http)
            for _ in range(10):
                await all_of_it.submit()
            await all_of_it.run(warm)
            all_of_it.took.clear()
            all_of_it.memory.clear()
            all_of_it.requests = 0
            await all_of_it.run(seconds)
        assert "Traceback" not in service.log(), service.log()[-3000:]
        assert "nobody foresaw" not in service.log()
    return all_of_it


def steady(memory: list[int]) -> float:
    """How much more memory the last sixth of the time takes than the first."""
    sixth = max(1, len(memory) // 6)
    return statistics.median(memory[-sixth:]) / statistics.median(memory[:sixth])


def told(took: dict[str, list[float]]) -> dict[str, str]:
    """Milliseconds, for people."""
    return {
        kind: f"{len(times)} calls, p50 {statistics.median(times) * 1000:.0f} p99 {p99(times) * 1000:.0f} ms"
        for kind, times in sorted(took.items())
    }


def p99(times: list[float]) -> float:
    """Seconds within which 99 of a hundred were done."""
    return sorted(times)[math.ceil(len(times) * 0.99) - 1]


async def test_fifty_clients_for_some_seconds(tmp_path: Path) -> None:
    """How quick they are answered is a matter for the long form: here others may be at work on the machine."""
    found = await crowd(tmp_path, warm=2, seconds=6)
    assert sum(map(len, found.took.values())) > 100
    assert set(found.took) == set(SHARES)
    assert steady(found.memory) < STEADY, [size >> 20 for size in found.memory]


@pytest.mark.soak
async def test_fifty_clients_for_a_minute(tmp_path: Path) -> None:
    found = await crowd(tmp_path, warm=10, seconds=60)
    reads = [one for kind in READS for one in found.took[kind]]
    print(json.dumps(told(found.took), indent=1))
    print(f"{found.requests} requests")
    print(f"reads: {len(reads)}, p50 {statistics.median(reads) * 1000:.0f}, p99 {p99(reads) * 1000:.0f} ms")
    print("MiB:", [size >> 20 for size in found.memory[::20]], f"x{steady(found.memory):.3f}")
    assert found.requests > RATE * 60 * 0.95
    assert p99(reads) < P99
    assert steady(found.memory) < STEADY
