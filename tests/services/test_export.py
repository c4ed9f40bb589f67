"""Rows out: in source order, the source's own bytes where nothing was meant to change, in every shape asked for."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from teachback.client import JobHandle
from teachback.errors import OutputError

from services.datasets.spans import members
from tests.support.farmodel import FarModel
from tests.support.rows import row, write
from tests.support.service import Service

# What a careless writer would change: escapes, `1.0`, a big integer, a doubled key, spaces, no space, order.
ODD = (
    r'{"metadata" : {"score": 1.0, "big": 123456789012345678901234567890, "e": 1E5, "thinking":"Thin."},'
    r' "messages":[ {"role":"user","content":"What is entry 901? caf\u00e9 \/ \ud83d\ude00 [[n=901 need=1]]"},'
    r'{"role":"assistant" ,"content":"7307"}], "extra":[1,2.50,null],"a":1,"a":2}'
)


def rows_of(job: JobHandle, **options: Any) -> list[bytes]:
    """The lines of an export."""
    out = io.BytesIO()
    job.export(out, **options)
    return out.getvalue().splitlines(keepends=True)


@pytest.fixture
def odd(shared: Service, tmp_path: Path) -> JobHandle:
    """A finished job: a row with odd bytes, one that never converges, an ordinary one; twice each."""
    path = tmp_path / "odd.jsonl"
    path.write_text("\n".join([ODD, json.dumps(row(902, 9)), json.dumps(row(903))] * 2))
    job = shared.submit(path)
    job.wait()
    return job


def test_the_bytes_of_the_messages_are_the_sources(odd: JobHandle) -> None:
    lines = rows_of(odd)
    assert len(lines) == 6
    for line in (lines[0], lines[3]):
        out, source = dict(members(line.decode())), dict(members(ODD))
        assert out["messages"] == source["messages"]
        assert (out["extra"], out["a"]) == (source["extra"], "2")
        assert line.decode().count('"a":') == 2
        metadata, before = dict(members(out["metadata"])), dict(members(source["metadata"]))
        assert all(metadata[name] == before[name] for name in ("score", "big", "e"))
        assert metadata["original_thinking"] == '"Thin."'
        assert (metadata["thinking_converged"], metadata["thinking_iterations"]) == ("true", "2")
    assert all(line.endswith(b"\n") for line in lines)
    assert [json.loads(line)["messages"][-1]["content"] for line in lines] == ["7307", "7314", "7321"] * 2


def test_both_faces_give_the_same_bytes(odd: JobHandle, http: httpx.Client) -> None:
    for format_ in ("source", "messages"):
        over_rest = http.get(f"/v1/{odd.name}/export", params={"format": format_})
        assert over_rest.headers["content-type"] == "application/x-ndjson"
        assert over_rest.content == b"".join(rows_of(odd, format=format_))
    assert b"".join(rows_of(odd)) == b"".join(rows_of(odd))


@pytest.mark.parametrize("tag", ["think", "thinking", "reasoning_content"])
def test_a_trainers_rows_hold_the_thinking_in_the_assistant_turn(odd: JobHandle, tag: Any) -> None:
    first = json.loads(rows_of(odd, format="messages", thinking_tag=tag)[0])
    answer = first["messages"][-1]
    thinking = odd.example(next(e.name for e in odd.examples() if e.index == 0)).thinking
    if tag == "reasoning_content":
        assert (answer["content"], answer["reasoning_content"]) == ("7307", thinking)
    else:
        assert answer["content"] == f"<{tag}>\n{thinking}\n</{tag}>\n\n7307"
    assert "thinking" not in first["metadata"]
    assert first["metadata"]["teachback"]["outcome"] == "converged"


def test_only_what_converged_where_that_is_asked(odd: JobHandle) -> None:
    kept = [json.loads(line)["messages"][-1]["content"] for line in rows_of(odd, converged_only=True)]
    assert kept == ["7307", "7321"] * 2


def test_rows_without_an_outcome_come_as_they_were_where_asked(
    shared: Service, shared_far: FarModel, tmp_path: Path
) -> None:
    shared_far.delay = 0.05
    path = write(tmp_path / "rows.jsonl", [row(n) for n in range(700, 730)])
    job = shared.submit(path, batch_size=2)
    while job.refresh().progress.done_examples < 2:
        pass
    job.cancel()
    job.wait()
    shared_far.delay = 0.0
    source = path.read_bytes().splitlines(keepends=True)
    finished, everything = rows_of(job), rows_of(job, include_unfinished=True)
    assert 2 <= len(finished) == job.job.progress.done_examples < 30
    assert len(everything) == 30
    assert [line for line in everything if line in source] == [line for line in source if line in everything]
    assert sum(line in source for line in everything) == 30 - len(finished)
    assert [line for line in everything if line not in source] == finished


def test_a_path_that_can_not_be_written_is_told_and_nothing_is_lost(odd: JobHandle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here before")
    for path in (tmp_path / "file" / "out.jsonl", tmp_path / "no" / "such" / "folder.jsonl", tmp_path):
        with pytest.raises(OutputError):
            odd.export(path)
    assert (tmp_path / "file").read_text() == "here before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "odd.jsonl"]
    assert odd.export(tmp_path / "out.jsonl") == (tmp_path / "out.jsonl").stat().st_size
