"""Rows in, over gRPC and REST: the same dataset either way, refused rows told one by one, nothing taken twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from teachback import Client
from teachback.errors import BadInput, Conflict, NotFound
from teachback.v1 import dataset_pb2

from tests.support.rows import mixed, row, write

BAD = b'{"messages": []}\n'


def post(http: httpx.Client, data: bytes, **query: Any) -> dict[str, Any]:
    """An upload by REST; raises where it is refused."""
    made: dict[str, Any] = http.post("/v1/datasets", content=data, params=query).raise_for_status().json()
    return made


def test_both_faces_make_the_same_dataset(client: Client, http: httpx.Client, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", mixed(7))
    ours = client.upload(path, display_name="Mine")
    theirs = post(http, path.read_bytes(), file="rows.jsonl", display_name="Mine")
    assert ours.name != theirs["name"]
    assert (ours.display_name, list(ours.files), ours.item_count) == ("Mine", ["rows.jsonl"], 7)
    assert {k: theirs[k] for k in ("display_name", "files", "item_count", "bad_row_count", "sha256")} == {
        "display_name": "Mine",
        "files": ["rows.jsonl"],
        "item_count": 7,
        "bad_row_count": 0,
        "sha256": ours.sha256,
    }
    assert http.get(f"/v1/{ours.name}").json()["sha256"] == client.dataset(theirs["name"]).sha256


def test_several_files_keep_their_order_and_their_names(client: Client, tmp_path: Path) -> None:
    one, two = write(tmp_path / "one.jsonl", [row(1), row(2)]), write(tmp_path / "two.jsonl", [row(3)])
    made = client.upload([two, one])
    assert list(made.files) == ["two.jsonl", "one.jsonl"]
    assert made.display_name == "two.jsonl"
    assert made.item_count == 3


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/shadow", "..", "a\x00b", "", "\u202egpj.jsonl", "x" * 5000])
def test_a_files_name_is_shown_and_never_used(client: Client, tmp_path: Path, name: str) -> None:
    data = json.dumps(row(1)).encode()
    parts = [
        dataset_pb2.CreateDatasetRequest(header=dataset_pb2.DatasetHeader()),
        dataset_pb2.CreateDatasetRequest(begin_file=name),
        dataset_pb2.CreateDatasetRequest(data=data),
    ]
    made = client._datasets.CreateDataset(iter(parts), metadata=client._metadata)
    (shown,) = made.files
    assert 0 < len(shown) <= 200
    assert "/" not in shown
    assert shown.isprintable()


def test_bad_rows_are_told_by_file_line_and_reason(client: Client, http: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json.dumps(row(1)).encode() + b"\n\n" + BAD + b"{\n" + json.dumps(row(2)).encode())
    made = client.upload(path)
    assert (made.item_count, made.bad_row_count) == (2, 2)
    told = [(bad.file, bad.line) for bad in client.bad_rows(made.name)]
    assert told == [("rows.jsonl", 3), ("rows.jsonl", 4)]
    assert all(bad.reason for bad in client.bad_rows(made.name))
    rest = http.get(f"/v1/{made.name}/bad_rows").json()["bad_rows"]
    assert [(bad["file"], bad["line"], bad["reason"]) for bad in rest] == [
        (bad.file, bad.line, bad.reason) for bad in client.bad_rows(made.name)
    ]


def test_strict_refuses_the_whole_where_any_row_is_bad(client: Client, http: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json.dumps(row(1)).encode() + b"\n" + BAD)
    before = {d.name for d in client.datasets()}
    with pytest.raises(BadInput, match=r"rows.jsonl, line 2: messages is empty"):
        client.upload(path, strict=True)
    refused = http.post("/v1/datasets", content=path.read_bytes(), params={"strict": True, "file": "rows.jsonl"})
    assert refused.status_code == 400
    assert refused.json()["type"] == "urn:teachback:bad-dataset"
    assert "line 2" in refused.json()["detail"]
    assert {d.name for d in client.datasets()} == before


def test_a_key_makes_uploading_twice_harmless(client: Client, http: httpx.Client, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", mixed(3))
    first = client.upload(path, idempotency_key="upload-three")
    assert client.upload(path, idempotency_key="upload-three").name == first.name
    assert post(http, path.read_bytes(), idempotency_key="upload-three")["name"] == first.name
    with pytest.raises(Conflict, match="whose content differs"):
        client.upload(write(tmp_path / "rows.jsonl", mixed(4)), idempotency_key="upload-three")
    refused = http.post("/v1/datasets", content=path.read_bytes(), params={"idempotency_key": "upload-three"})
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:teachback:idempotency-key-reused"
    assert client.dataset(first.name).item_count == 3


def test_rows_that_differ_in_their_thinking_alone_make_another_dataset(client: Client, tmp_path: Path) -> None:
    one = client.upload(write(tmp_path / "a.jsonl", [row(1, thinking="Thin.")]))
    two = client.upload(write(tmp_path / "a.jsonl", [row(1, thinking="Thick.")]))
    assert one.sha256 != two.sha256


@pytest.mark.parametrize(
    "name", ["datasets/ffffffff", "datasets/../x", "datasets/", "jobs/1", "", f"datasets/{'f' * 99}"]
)
def test_what_is_not_there_is_not_found(client: Client, name: str) -> None:
    with pytest.raises((NotFound, BadInput)):
        client.dataset(name)
    with pytest.raises((NotFound, BadInput)):
        list(client.bad_rows(name))


def parts(*steps: str | bytes | dataset_pb2.DatasetHeader) -> list[dataset_pb2.CreateDatasetRequest]:
    """The messages of an upload: a header, a file's name (str), bytes."""
    made = []
    for step in steps:
        if isinstance(step, str):
            made.append(dataset_pb2.CreateDatasetRequest(begin_file=step))
        elif isinstance(step, bytes):
            made.append(dataset_pb2.CreateDatasetRequest(data=step))
        else:
            made.append(dataset_pb2.CreateDatasetRequest(header=step))
    return made


HEADER = dataset_pb2.DatasetHeader()


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([], "the upload is empty"),
        (["a.jsonl"], "the first message of an upload is its header"),
        ([b"{}"], "the first message of an upload is its header"),
        ([HEADER], "the upload holds no file"),
        ([HEADER, b"{}"], "begin a file before sending its bytes"),
        ([HEADER, HEADER], "the header comes once"),
        ([HEADER, "a.jsonl", b" " * ((1 << 20) + 1)], "at most 1 MiB a message"),
        ([dataset_pb2.DatasetHeader(display_name="x" * 201)], "at most 200 characters"),
        ([dataset_pb2.DatasetHeader(idempotency_key="x" * 201)], "at most 200 characters"),
    ],
)
def test_an_upload_out_of_order_is_refused_with_what_to_send(client: Client, steps: list[Any], why: str) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        client._datasets.CreateDataset(iter(parts(*steps)), metadata=client._metadata)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert why in (raised.value.details() or "")


def test_an_upload_that_is_given_up_leaves_nothing(client: Client, tmp_path: Path) -> None:
    before = {d.name for d in client.datasets()}

    def some() -> Any:
        yield from parts(HEADER, "a.jsonl", json.dumps(row(1)).encode() + b"\n")
        raise RuntimeError("the caller's own fault")

    with pytest.raises(grpc.RpcError):
        client._datasets.CreateDataset(some(), metadata=client._metadata)
    assert {d.name for d in client.datasets()} == before


def test_a_file_of_nothing_but_bad_rows_is_counted_and_not_kept(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("null\n" * 12_000 + json.dumps(row(1)) + "\n")
    made = client.upload(path)
    assert (made.item_count, made.bad_row_count) == (1, 12_000)
    assert sum(1 for _ in client.bad_rows(made.name)) == 10_000
