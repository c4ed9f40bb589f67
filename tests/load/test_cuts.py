"""Watches through a network that cuts them: every event once, over gRPC, by both clients, and over REST."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from teachback import Client, aio
from teachback.v1 import job_pb2

from tests.support.cutting import CuttingProxy
from tests.support.farmodel import FarModel
from tests.support.rows import row, write
from tests.support.service import ROOT, Service, environment

Told = tuple[int, str, str]
"""Of an event: its number, kind and example."""
Watcher = Callable[[Service, CuttingProxy, str], list[Told]]


PATIENCE = 200.0
"""Seconds without an event: cuts of so few bytes may come in long runs before any, above all at the job's end."""


def _told(event: job_pb2.JobEvent) -> Told:
    return event.seq, event.type, event.example_id


def by_client(service: Service, proxy: CuttingProxy, name: str) -> list[Told]:
    """The synchronous client."""
    with Client(f"127.0.0.1:{proxy.port}", service.token, patience=PATIENCE) as client:
        # The first call is not a watch: it is not taken up again.
        return [_told(event) for event in type(service.client.job(name))(client, job_pb2.Job(name=name)).watch()]


def by_async_client(service: Service, proxy: CuttingProxy, name: str) -> list[Told]:
    """The asynchronous one."""

    async def watch() -> list[Told]:
        async with aio.AsyncClient(f"127.0.0.1:{proxy.port}", service.token, patience=PATIENCE) as client:
            return [_told(event) async for event in aio.AsyncJobHandle(client, job_pb2.Job(name=name)).watch()]

    return asyncio.run(watch())


def by_browser(service: Service, proxy: CuttingProxy, name: str) -> list[Told]:
    """As a browser does it: an event is what a blank line ended, and Last-Event-ID says where to go on."""
    seen: list[Told] = []
    headers = {"Authorization": f"Bearer {service.token}"}
    while True:
        if seen:
            headers["Last-Event-ID"] = str(seen[-1][0])
        try:
            with (
                httpx.Client(base_url=f"http://127.0.0.1:{proxy.port}", headers=headers, timeout=30) as http,
                http.stream("GET", f"/v1/{name}/events") as answer,
            ):
                fields: dict[str, str] = {}
                for line in answer.raise_for_status().iter_lines():
                    if line:
                        key, _, value = line.partition(": ")
                        fields[key] = value
                    elif "id" in fields:
                        seen.append(
                            (int(fields["id"]), fields["event"], json.loads(fields["data"]).get("example_id", ""))
                        )
                        fields = {}
                return seen
        except httpx.TransportError:
            continue


def by_shell(service: Service, proxy: CuttingProxy, name: str) -> list[Told]:
    """The client in bash and curl."""
    told = subprocess.run(
        [ROOT / "clients/shell/teachback", "watch", name],
        env=environment(service.folder, TEACHBACK_URL=f"http://127.0.0.1:{proxy.port}", TEACHBACK_TOKEN=service.token),
        capture_output=True,
        text=True,
        check=True,
    )
    events = [json.loads(line) for line in told.stdout.splitlines()]
    return [(event["seq"], event["type"], event.get("example_id", "")) for event in events]


def watch_and_cut(folder: Path, watchers: dict[Watcher, int], rows: int, seed: int, most: int) -> None:
    """All watchers at once follow one job, each through a proxy of its own that cuts it so many times."""
    heard: dict[str, list[Told] | BaseException] = {}
    with FarModel(delay=0.05) as far, Service(folder / "data", far) as service:
        job = service.submit(write(folder / "rows.jsonl", [row(n) for n in range(rows)]))

        def watch(watcher: Watcher, proxy: CuttingProxy) -> None:
            try:
                heard[watcher.__name__] = watcher(service, proxy, job.name)
            except BaseException as error:  # noqa: BLE001 - told below, on the test's own thread
                heard[watcher.__name__] = error

        proxies = {}
        for number, (watcher, cuts) in enumerate(watchers.items()):
            to = service.grpc if "client" in watcher.__name__ else service.rest
            port = int(to.rpartition(":")[2])
            proxies[watcher] = CuttingProxy(port, cuts=cuts, seed=seed + number, most=most).__enter__()
        threads = [threading.Thread(target=watch, args=pair) for pair in proxies.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for proxy in proxies.values():
            proxy.__exit__(None, None, None)
        whole = [_told(event) for event in job.watch()]
        assert [seq for seq, _, _ in whole] == list(range(1, rows + 4))
        for watcher, cuts in watchers.items():
            print(watcher.__name__, proxies[watcher].made, "cuts")
            events = heard[watcher.__name__]
            assert not isinstance(events, BaseException), (watcher.__name__, proxies[watcher].made, repr(events))
            assert events == whole, (watcher.__name__, [e for e in whole if e not in events])
            assert proxies[watcher].made >= cuts
        assert "Traceback" not in service.log(), service.log()[-3000:]
        assert "nobody foresaw" not in service.log()


def test_twenty_cuts(tmp_path: Path) -> None:
    watchers: dict[Watcher, int] = {by_client: 20, by_async_client: 20, by_browser: 20, by_shell: 4}
    watch_and_cut(tmp_path, watchers, rows=60, seed=7, most=1200)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_two_hundred_cuts(tmp_path: Path, seed: int) -> None:
    watchers: dict[Watcher, int] = {by_client: 200, by_async_client: 200, by_browser: 200, by_shell: 50}
    watch_and_cut(tmp_path, watchers, rows=800, seed=seed, most=1000)
