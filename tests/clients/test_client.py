"""The Python client, synchronous and asynchronous."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from teachback import AsyncClient, Client
from teachback.errors import BadInput, Conflict, NotFound, OutputError, Refused, Unreachable
from teachback.service import Endpoint
from teachback.v1 import job_pb2
from teachback.wire import EnhanceOptions

from tests.clients.conftest import qa_row, write_rows

MODELS = EnhanceOptions(student="offline/student", teacher="offline/teacher", evaluator="offline/evaluator")


def test_from_file_to_rows(client: Client, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [qa_row(70, n) for n in range(4)])
    job = client.enhance(source, **MODELS | {"max_iterations": 2, "style": "qa"})
    assert job.wait().state == job_pb2.JOB_STATE_SUCCEEDED
    assert [example.index for example in job.examples()] == [0, 1, 2, 3]
    first = next(iter(job.examples()))
    assert job.example(first.name).rounds
    assert job.export(tmp_path / "out.jsonl") == (tmp_path / "out.jsonl").stat().st_size
    job.export(held := io.BytesIO())
    assert held.getvalue() == (tmp_path / "out.jsonl").read_bytes()
    assert job.name in [known.name for known in client.jobs("succeeded")]


def test_files_keep_their_order_and_large_ones_are_streamed(client: Client, tmp_path: Path) -> None:
    big = write_rows(tmp_path / "big.jsonl", [qa_row(n, 71) | {"note": "x" * 1000} for n in range(1000)])
    small = write_rows(tmp_path / "small.jsonl", [qa_row(1, 72)])
    dataset = client.upload([big, small], display_name="two files")
    assert (list(dataset.files), dataset.item_count) == (["big.jsonl", "small.jsonl"], 1001)
    assert client.dataset(dataset.name).sha256 == dataset.sha256
    assert client.upload([small, big]).sha256 != dataset.sha256


def test_the_same_key_gives_the_same_job_and_never_another_one(client: Client, tmp_path: Path) -> None:
    dataset = client.upload(write_rows(tmp_path / "in.jsonl", [qa_row(73, 1)])).name
    job = client.enhance(dataset, idempotency_key="once", **MODELS)
    assert client.enhance(dataset, idempotency_key="once", **MODELS).name == job.name
    with pytest.raises(Conflict) as caught:
        client.enhance(dataset, idempotency_key="once", **MODELS | {"max_iterations": 7})
    assert caught.value.code == "ALREADY_EXISTS"


def test_errors_say_what_is_wrong(client: Client, service: Endpoint, tmp_path: Path) -> None:
    poem: Any = "poem"
    with pytest.raises(BadInput, match="cannot be read"):
        client.upload(tmp_path / "none.jsonl")
    with pytest.raises(BadInput, match="qa, installer"):
        client.enhance("datasets/x", style=poem)
    with pytest.raises(NotFound, match="jobs/none"):
        client.job("none")
    with Client(service.grpc, "wrong") as stranger, pytest.raises(Refused):
        list(stranger.jobs())
    with Client("127.0.0.1:1") as nobody, pytest.raises(Unreachable):
        nobody.job("any")


def test_an_export_that_cannot_be_written_leaves_what_was_there(client: Client, tmp_path: Path) -> None:
    job = client.enhance(write_rows(tmp_path / "in.jsonl", [qa_row(74, n) for n in range(200)]), **MODELS)
    job.wait()
    (tmp_path / "out.jsonl").write_text("precious\n")
    script = f"""
import resource, signal
from teachback import Client
from teachback.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
with Client({client.target!r}, {service_token(client)!r}) as client:
    try:
        client.job({job.name!r}).export("out.jsonl")
    except OutputError as error:
        print(error)
"""
    tried = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert "out.jsonl cannot be written: File too large" in tried.stdout
    assert (tmp_path / "out.jsonl").read_text() == "precious\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]
    with pytest.raises(OutputError):
        job.export(tmp_path / "missing/out.jsonl")


def service_token(client: Client) -> str:
    """The token that a client was made with."""
    return client._metadata[0][1].removeprefix("Bearer ")


async def test_the_asynchronous_client_does_the_same(service: Endpoint, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [qa_row(75, n) for n in range(4)])
    async with AsyncClient(service.grpc, service.token) as client:
        job = await client.enhance(source, **MODELS)
        events = [event async for event in job.watch()]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert (await job.wait()).state == job_pb2.JOB_STATE_SUCCEEDED
        examples = [example async for example in job.examples(rounds=True)]
        assert [example.index for example in examples] == [0, 1, 2, 3]
        assert (await job.example(examples[0].name)).rounds == examples[0].rounds
        assert await job.export(tmp_path / "out.jsonl") > 0
        assert job.name in [known.name async for known in client.jobs()]
        with pytest.raises(NotFound):
            await client.job("none")
        with pytest.raises(Conflict):
            await job.pause()


@pytest.fixture
def serve(tmp_path: Path) -> Callable[[], subprocess.Popen[bytes]]:
    """Starts a service on the same port each time it is called, over the same data."""
    environment = {**os.environ, "TEACHBACK_HOME": str(tmp_path / "home")}

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "teachback.cli", "serve", "--data-dir", str(tmp_path / "home")]
        command += ["--grpc-port", str(PORT), "--rest-port", "0"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return start


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


PORT = free_port()


def reachable(client: Client) -> None:
    """Waits until the service answers."""
    until = time.monotonic() + 30
    while True:
        try:
            next(client.jobs(), None)
            return
        except Unreachable:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_a_watch_survives_the_death_of_the_service(
    serve: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    rows = 200
    process = serve()
    try:
        with Client(f"127.0.0.1:{PORT}") as client:
            reachable(client)
            job = client.enhance(write_rows(tmp_path / "in.jsonl", [qa_row(n, 76) for n in range(rows)]), **MODELS)
            late: list[int] = []
            follower = threading.Thread(target=lambda: late.extend(asyncio.run(follow(client.target, job.name))))
            follower.start()
            seen = []
            for event in job.watch():
                seen.append(event)
                if len(seen) == rows // 5:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    process = serve()
            follower.join(timeout=30)
        assert [event.seq for event in seen] == list(range(1, len(seen) + 1)), "nothing lost, nothing doubled"
        assert late == [event.seq for event in seen], "the asynchronous client saw the same"
        ids = [event.example_id for event in seen if event.type == "example"]
        assert len(ids) == len(set(ids)) == rows
        assert seen[-1].state == job_pb2.JOB_STATE_SUCCEEDED
    finally:
        process.kill()
        process.wait()


async def follow(target: str, name: str) -> list[int]:
    """The numbers of a job's events, as the asynchronous client sees them."""
    async with AsyncClient(target) as client:
        job = await client.job(name)
        return [event.seq async for event in job.watch()]
