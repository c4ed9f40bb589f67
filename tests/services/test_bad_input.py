"""What people really send: each told clearly, the good rows kept, and the service none the worse for it."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from teachback import Client
from teachback.errors import BadInput, TeachbackError
from teachback.v1 import job_pb2

from tests.support import brain
from tests.support.farmodel import FarModel
from tests.support.rows import mixed, row, write
from tests.support.service import Service

GOOD = json.dumps(row(1)).encode()
OFFLINE: Any = {"student": "offline/student", "teacher": "offline/teacher", "evaluator": "offline/evaluator"}


def said(text: str) -> bytes:
    """A row whose question holds `text` as it stands, escapes included."""
    return json.dumps(row(2)).encode().replace(b"What does", text.encode("utf-8", "surrogatepass") + b" What does")


REFUSED: dict[str, tuple[bytes, str]] = {
    "not UTF-8": (GOOD.replace(b"What", b"Wh\xe4t"), r"byte 0xe4 .* is not UTF-8"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "UTF-8"),
    "escaped lone surrogate": (said(r"\ud800"), r"messages\[0\].content holds a lone surrogate"),
    "raw lone surrogate": (said("\ud800"), "lone surrogate"),
    "escaped NUL": (said(r"\u0000"), r"messages\[0\].content holds a NUL"),
    "raw NUL": (said("\0"), "NUL"),
    "deep nesting": (b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper than 64 levels"),
    "deep nesting in the answer": (
        json.dumps(
            {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "[" * 999}]}
        ).encode(),
        "nested deeper",
    ),
    "no assistant answer": (b'{"messages": [{"role": "user", "content": "Hi"}]}', "must be the assistant's answer"),
    "empty answer": (
        b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " "}]}',
        "write the assistant's answer",
    ),
    "no messages": (b'{"question": "x"}', "messages"),
    "not an object": (b'"just a string"', "object"),
    "broken JSON": (GOOD[:-5], "not valid JSON"),
    "NaN": (b'{"messages": NaN}', "NaN"),
    "a number of 5000 digits": (b'{"messages": ' + b"9" * 5000 + b"}", "messages"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_bad_row_is_told_and_its_neighbours_are_kept(client: Client, tmp_path: Path, kind: str) -> None:
    bad, why = REFUSED[kind]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(GOOD + b"\n" + bad.replace(b"\n", b" ") + b"\n" + json.dumps(row(3)).encode() + b"\n")
    made = client.upload(path)
    assert made.item_count == 2
    told = list(client.bad_rows(made.name))
    assert {t.line for t in told} == {2}
    assert told[0].file == "rows.jsonl"
    assert re.search(why, told[0].reason), told[0].reason
    path.write_bytes(bad)
    with pytest.raises(BadInput, match="no usable row"):
        client.upload(path)


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "empty"), (b" \n\n\t\n", "empty"), (b"[]", "no row"), (b"\xef\xbb\xbf", "empty"), (b"\0" * 1000, "NUL")],
    ids=["empty", "blank", "empty array", "BOM alone", "zeros"],
)
def test_a_file_without_rows_is_refused(
    client: Client, http: httpx.Client, tmp_path: Path, data: bytes, why: str
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=why):
        client.upload(path)
    answer = http.post("/v1/datasets", content=data)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert why in answer.json()["detail"]


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbf" + GOOD, GOOD.replace(b", ", b",\r\n"), b"[" + GOOD + b",\r\n" + GOOD + b"]"]
)
def test_what_editors_do_to_a_file_does_no_harm(client: Client, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(data if data.startswith(b"[") or b"\r" not in data else b"[" + data + b"]")
    made = client.upload(path)
    assert made.bad_row_count == 0
    assert made.item_count >= 1


@pytest.mark.timeout(120)
def test_a_line_of_50_mb_is_stepped_over_without_being_held(client: Client, shared: Service, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with path.open("wb") as file:
        file.write(GOOD + b'\n{"messages": "')
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + json.dumps(row(3)).encode())
    assert shared.process is not None
    before = peak(shared.process.pid)
    made = client.upload(path)
    (bad,) = client.bad_rows(made.name)
    assert (made.item_count, bad.line) == (2, 2)
    assert "bytes, 8388608 are allowed" in bad.reason
    assert peak(shared.process.pid) - before < 40 << 10


def peak(pid: int) -> int:
    """The most memory a process has held, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])  # type: ignore[index]


def test_each_of_several_equal_rows_comes_out(client: Client, tmp_path: Path) -> None:
    sums = {"messages": [{"role": "user", "content": "What is 2 + 3?"}, {"role": "assistant", "content": "5"}]}
    job = client.enhance(write(tmp_path / "rows.jsonl", [sums] * 7), **OFFLINE)
    assert job.wait().progress.done_examples == 7
    assert len({e.name for e in job.examples()}) == 7
    job.export(tmp_path / "out.jsonl")
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 7


def test_an_address_where_nobody_is_fails_the_job_and_keeps_what_is_finished(tmp_path: Path) -> None:
    """First there is somebody, then nobody, then somebody again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with FarModel() as far, Service(tmp_path / "data", far, {"max_retries": 1}) as service:
            path = write(tmp_path / "rows.jsonl", mixed(9))
            job = service.submit(path, max_samples=3)
            job.wait()
            service.stop()
            works, service.env["TEACHBACK_MODELS"] = (
                service.env["TEACHBACK_MODELS"],
                json.dumps({"openai/*": {"api_base": nobody, "max_retries": 1}}),
            )
            service.start()
            job = service.submit(path, reuse=True)
            ended = job.wait()
            assert ended.state == job_pb2.JOB_STATE_FAILED
            assert f"{nobody} can't be reached" in ended.error.message
            assert service.client.job(job.name).job.progress.total_examples == 9
            service.stop()
            service.env["TEACHBACK_MODELS"] = works
            service.start()
            job = service.client.job(job.name)
            job.resume()
            assert job.wait().progress.done_examples == 9


# ---------------------------------------------------------------- a full disk
@pytest.fixture
def small(tmp_path: Path) -> Iterator[Service]:
    """A service whose files can't grow beyond 4 MB, as on a full disk (the limit is the process's own)."""
    service = Service(tmp_path / "data", database="sqlite")
    service.largest_file = 4 << 20
    with service:
        yield service


def test_a_full_disk_is_told_and_loses_nothing(small: Service, tmp_path: Path) -> None:
    client = small.client
    first = client.upload(write(tmp_path / "a.jsonl", mixed(20)))
    job = client.enhance(first.name, **OFFLINE)
    job.wait()
    before = (tmp_path / "a.jsonl").read_bytes()
    big = write(tmp_path / "big.jsonl", [row(n, thinking="x" * 4000) for n in range(3000)])
    with pytest.raises(TeachbackError, match="the database can't grow") as raised:
        client.upload(big)
    assert raised.value.code == "RESOURCE_EXHAUSTED"
    with small.http as http:
        answer = http.post("/v1/datasets", content=big.read_bytes())
        assert answer.status_code == 507
        assert answer.json()["type"] == "urn:teachback:storage-full"
    # Nothing is lost, and what still fits still works.
    assert {d.name for d in client.datasets()} == {first.name}
    job.export(tmp_path / "out.jsonl")
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 20
    assert (tmp_path / "a.jsonl").read_bytes() == before
    assert small.process is not None
    assert small.process.poll() is None

    small.kill()
    small.largest_file = None
    small.start()
    assert {d.name for d in small.client.datasets()} == {first.name}
    assert small.client.upload(big).item_count == 3000


def test_a_disk_that_fills_up_under_a_job_stops_it_and_loses_nothing(tmp_path: Path) -> None:
    """The rows of a job that could not be stored are made once there is room again."""
    rows = [row(n, 2) for n in range(60)]
    for one in rows:
        one["messages"][0]["content"] += "\n" + "The ledger tells of every repair. " * 200
    with FarModel(say=_long) as far:
        service = Service(tmp_path / "data", far, database="sqlite")  # whose file the process itself writes
        service.largest_file = 2 << 20
        with service:
            job = service.submit(write(tmp_path / "rows.jsonl", rows), batch_size=4)
            ended = job.wait()
            assert ended.state == job_pb2.JOB_STATE_FAILED
            assert "the database can't grow" in ended.error.message
            kept = {e.name: e.thinking for e in job.examples()}
            assert len(kept) < 60
            service.stop()
            service.largest_file = None
            service.start()
            job = service.client.job(job.name)
            # Where not even its end could be written, it goes on by itself.
            if job.job.state == job_pb2.JOB_STATE_FAILED:
                job.resume()
            assert job.wait().state == job_pb2.JOB_STATE_SUCCEEDED
            after = {e.name: e.thinking for e in job.examples()}
            assert len(after) == 60
            assert {name: after[name] for name in kept} == kept


def _long(messages: list[dict[str, str]]) -> str:
    said = brain.reply(messages)
    return f"{'A line about the shelves comes first. ' * 300}\n{said}" if "Answer:" in said else said
