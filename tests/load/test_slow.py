"""Callers that get nowhere are hung up on within half a minute, and nobody beside them notices."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path

import httpx
import psutil
import pytest
from teachback import Client, aio
from teachback.tls import Tls

from services.rest.connections import HEAD_BYTES
from tests.support import slow
from tests.support.certificates import Authority
from tests.support.rows import row, write
from tests.support.served import Served

HUNG_UP = 30.0
HEALTHY = 1.0
SILENT = [
    slow.Manner("no handshake", handshake=False),
    slow.Manner("half a handshake", b"\x16\x03\x01\x02", b"", True, False),
]


def big(served: Served, folder: Path, tls: Tls | None = None) -> str:
    """The path of an answer of 12 MB."""
    rows = [{**row(n), "metadata": {"note": "x" * 1_000_000}} for n in range(12)]
    with Client(served.grpc, tls=tls) as client:
        job = client.enhance(write(folder / "big.jsonl", rows), teacher="offline/teacher", max_iterations=1)
        job.wait()
    return f"/v1/{job.name}/export?include_unfinished=true"


@asynccontextmanager
async def healthy(
    served: Served, verify: ssl.SSLContext | None = None, tls: Tls | None = None
) -> AsyncIterator[list[float]]:
    """Somebody who calls over both faces all the while; yields the seconds that each call took."""
    took: list[float] = []

    async def call() -> None:
        async with (
            httpx.AsyncClient(base_url=served.rest, verify=verify or False) as http,
            aio.AsyncClient(served.grpc, tls=tls) as client,
        ):
            while True:
                began = time.monotonic()
                (await http.get("/v1/jobs")).raise_for_status()
                between = time.monotonic()
                assert [one async for one in client.jobs()]
                took.extend((between - began, time.monotonic() - between))
                await asyncio.sleep(0.1)

    calling = asyncio.create_task(call())
    try:
        yield took
        assert not calling.done(), calling.exception()
    finally:
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)


async def bear(count: int, plain: Served, secure: Served, folder: Path, ours: Authority) -> None:
    """So many slow callers at once, spread over both faces of both services."""
    tls = Tls(ours.file)
    context = ssl.create_default_context(cafile=str(ours.file))
    at = [(served, int(port.rpartition(":")[2])) for served in (plain, secure) for port in (served.rest, served.grpc)]
    exports = [await asyncio.to_thread(big, plain, folder), await asyncio.to_thread(big, secure, folder, tls)]
    kinds = [
        *((at[0][1], manner, None) for manner in slow.rest(exports[0])),
        *((at[1][1], manner, None) for manner in slow.grpc()),
        *((at[2][1], manner, context) for manner in [*slow.rest(exports[1]), *SILENT]),
        *((at[3][1], manner, context) for manner in SILENT),
    ]
    processes = {served.pid: {port for one, port in at if one is served} for served in (plain, secure)}
    async with healthy(plain) as over_plain, healthy(secure, context, tls) as over_tls:
        await asyncio.sleep(0.5)
        before = {pid: slow.open_to(pid, ports) for pid, ports in processes.items()}
        began = time.monotonic()
        callers = [asyncio.create_task(slow.connect(*kind)) for kind in islice(cycle(kinds), count)]
        await asyncio.sleep(5)
        most = sum(slow.open_to(pid, ports) for pid, ports in processes.items()) - sum(before.values())
        assert most > count * 0.9, "they are to be there at once"
        while time.monotonic() - began < HUNG_UP:
            await asyncio.sleep(1)
            if all(slow.open_to(pid, ports) <= before[pid] for pid, ports in processes.items()):
                break
        gone = time.monotonic() - began
        left = {pid: slow.open_to(pid, ports) - before[pid] for pid, ports in processes.items()}
        late = [
            kind[1].name for kind, task in zip(cycle(kinds), callers, strict=False) if not task.done() and kind[1].reads
        ]
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
    assert not any(over > 0 for over in left.values()), (left, sorted(set(late)))
    for took in (over_plain, over_tls):
        p95 = sorted(took)[math.ceil(len(took) * 0.95) - 1]
        print(f"{count} slow callers gone after {gone:.0f} s; {len(took)} healthy calls, p95 {p95 * 1000:.0f} ms")
        assert len(took) > 50
        assert p95 < HEALTHY
    for served in (plain, secure):
        assert psutil.pid_exists(served.pid)
        assert "closed slow connections" in served.log()
        assert "nobody foresaw" not in served.log()
        assert "Traceback" not in served.log(), served.log()[-3000:]


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    """Who vouches for the service."""
    return Authority(tmp_path / "ours")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service without TLS."""
    with Served(tmp_path_factory.mktemp("plain")) as served:
        yield served


@pytest.fixture
def secure(tmp_path: Path, ours: Authority) -> Iterator[Served]:
    """A service with TLS."""
    shown = ours.issue("service", server=True)
    with Served(tmp_path / "secure", "--tls-cert-file", shown.cert, "--tls-key-file", shown.key) as served:
        yield served


async def test_a_hundred_slow_callers(plain: Served, secure: Served, tmp_path: Path, ours: Authority) -> None:
    await bear(100, plain, secure, tmp_path, ours)


@pytest.mark.soak
@pytest.mark.parametrize("time_over", range(3))
async def test_five_hundred_slow_callers(
    plain: Served, secure: Served, tmp_path: Path, ours: Authority, time_over: int
) -> None:
    await bear(500, plain, secure, tmp_path, ours)


# ---------------------------------------------------------------- heads and bodies
def said(served: Served, *pieces: bytes) -> str:
    """What the service answers to these bytes before it hangs up, or to the first request where it does not."""
    port = int(served.rest.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 15) as sock:
        try:
            for piece in pieces:
                sock.sendall(piece)
                time.sleep(0.1)  # that they come one by one
            return sock.recv(65536).decode()
        except ConnectionError:
            return ""  # what it had not read when it hung up resets the connection, and may outrun its answer


def test_what_is_too_long_is_refused(plain: Served) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    upload = b"POST /v1/datasets HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    def filled(begin: bytes, filling: bytes) -> bytes:
        """One byte too many."""
        return (begin + filling * HEAD_BYTES)[: HEAD_BYTES + 1]

    for pieces in (
        (filled(head + b"X-Long: ", b"a"),),
        (head, filled(head, b"X-Line: a\r\n")[len(head) :]),
        (filled(b"GET /", b"a"),),
        (upload, filled(b"0\r\nX-Trailer: ", b"a")),
        (upload, filled(b"1;", b"a")),
    ):
        answer = said(plain, *pieces)
        assert answer.startswith("HTTP/1.1 431 "), (pieces[0][:50], answer[:300])
        assert "urn:teachback:head-too-large" in answer
    assert "200" not in said(plain, filled(head + b"X: ", b"a") + b"a" * 200 + b"\r\n\r\n")[:15]
    assert said(plain, head + b"X: " + b"a" * 60_000 + b"\r\n\r\n").startswith("HTTP/1.1 200 ")
    assert said(plain, b"NO HTTP\r\n\r\n").startswith("HTTP/1.1 400 ")
    with httpx.Client(base_url=plain.rest) as http:
        fits = b"[" + b" " * (4 << 20)
        for content in (fits, iter([fits])):
            told = http.post("/v1/jobs", content=content, headers={"content-type": "application/json"})
            assert (told.status_code, told.json()["type"]) == (413, "urn:teachback:too-large"), told.text
        told = http.post("/v1/jobs", content=fits[:-1], headers={"content-type": "application/json"})
        assert told.status_code == 400
        assert http.post("/v1/datasets", content=b'{"a": "' + fits + b'"}').status_code == 400  # read, as an upload
    assert "nobody foresaw" not in plain.log()
    assert "Traceback" not in plain.log()


def test_who_comes_when_all_places_are_taken_is_told_so(plain: Served) -> None:
    process = psutil.Process(plain.pid)
    before = process.rlimit(psutil.RLIMIT_NOFILE)
    process.rlimit(psutil.RLIMIT_NOFILE, (200, before[1]))
    port = int(plain.rest.rpartition(":")[2])
    taken = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    time.sleep(0.5)
    answer = said(plain)
    assert answer.startswith("HTTP/1.1 503 "), answer
    assert "urn:teachback:too-many-connections" in answer
    for sock in taken:
        sock.close()
    time.sleep(0.5)
    assert httpx.get(f"{plain.rest}/healthz").status_code == 200
    process.rlimit(psutil.RLIMIT_NOFILE, before)
