"""A job's events: one after the other without gaps, from wherever a watcher left off, over both faces."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from teachback.client import JobHandle
from teachback.errors import BadInput, NotFound
from teachback.v1 import job_pb2

from tests.support.databases import on_each_database
from tests.support.farmodel import FarModel
from tests.support.rows import mixed, row, write
from tests.support.service import Service


def sse(http: httpx.Client, name: str, after: int = 0, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """The events of an ended job as a browser reads them: id, event, data."""
    told = http.get(f"/v1/{name}/events", params={"after_seq": after}, headers=headers or {})
    assert told.headers["content-type"].startswith("text/event-stream")
    events = []
    for block in told.raise_for_status().text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        events.append({"id": int(fields["id"]), "event": fields["event"], **json.loads(fields["data"])})
    return events


@on_each_database
def test_every_event_once_and_in_order(finished: JobHandle) -> None:
    events = list(finished.watch())
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert [e.state for e in events if e.type == "state"] == [
        job_pb2.JOB_STATE_QUEUED,
        job_pb2.JOB_STATE_RUNNING,
        job_pb2.JOB_STATE_SUCCEEDED,
    ]
    told = {e.example_id: (e.outcome, e.iterations) for e in events if e.type == "example"}
    assert len(told) == sum(e.type == "example" for e in events) == 12
    examples = {e.name.rpartition("/")[2]: e.outcome for e in finished.examples()}
    assert {k: v[0] for k, v in told.items()} == examples
    assert [e.time.ToNanoseconds() for e in events] == sorted(e.time.ToNanoseconds() for e in events)
    assert events[-1].progress.done_examples == 12


@on_each_database
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(after=st.integers(0, 40))
def test_a_watcher_takes_up_where_it_left_off(finished: JobHandle, after: int) -> None:
    events = list(finished.watch(after))
    assert [e.seq for e in events] == list(range(after + 1, 12 + 4))


@on_each_database
def test_the_same_over_rest(finished: JobHandle, http: httpx.Client) -> None:
    events = sse(http, finished.name)
    ours = list(finished.watch())
    assert [(e["id"], e["event"]) for e in events] == [(e.seq, e.type) for e in ours]
    assert [e["outcome"] for e in events if e["event"] == "example"] == [e.outcome for e in ours if e.type == "example"]
    assert [e["id"] for e in sse(http, finished.name, 9)] == list(range(10, 16))
    # What a browser sends by itself after a break wins over what the address says.
    assert [e["id"] for e in sse(http, finished.name, 2, {"Last-Event-ID": "9"})] == list(range(10, 16))
    assert len(sse(http, finished.name, 0, {"Last-Event-ID": "nonsense"})) == 15


def test_watching_what_is_not_there(finished: JobHandle, http: httpx.Client) -> None:
    with pytest.raises(NotFound):
        list(JobHandle(finished._client, job_pb2.Job(name="jobs/ffffffff")).watch())
    with pytest.raises(BadInput, match="after_seq"):
        list(finished.watch(-1))
    assert http.get("/v1/jobs/ffffffff/events").status_code == 404
    assert http.get(f"/v1/{finished.name}/events", params={"after_seq": -1}).status_code == 400


@on_each_database
def test_watchers_that_come_and_go_while_the_job_runs_miss_nothing(
    shared: Service, shared_far: FarModel, tmp_path: Path
) -> None:
    shared_far.delay = 0.02
    job = shared.submit(write(tmp_path / "rows.jsonl", [row(n) for n in range(500, 560)]))
    seen: list[list[int]] = [[], [], []]

    def watch(number: int, at_once: int) -> None:
        """Reads so many events, hangs up, and comes back for the rest."""
        handle = shared.client.job(job.name)
        while True:
            after = seen[number][-1] if seen[number] else 0
            for count, event in enumerate(handle.watch(after)):
                seen[number].append(event.seq)
                if count + 1 == at_once:
                    break
            else:
                return

    threads = [threading.Thread(target=watch, args=a) for a in ((0, 1000), (1, 7), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    shared_far.delay = 0.0
    assert seen[0] == list(range(1, 60 + 4))
    assert seen[1] == seen[0]
    assert seen[2] == seen[0]


def test_a_watcher_bears_a_kill_and_misses_nothing(tmp_path: Path) -> None:
    """The events of the second life follow those of the first without a gap."""
    with FarModel(delay=0.03) as far, Service(tmp_path / "data", far) as service:
        job = service.submit(write(tmp_path / "rows.jsonl", mixed(20)), batch_size=4)
        first = []
        for event in job.watch():
            first.append(event.seq)
            if len(first) == 8:
                service.kill()
                break
        service.start()
        again = service.client.job(job.name)
        rest = [event.seq for event in again.watch(first[-1])]
        assert [*first, *rest] == list(range(1, len(first) + len(rest) + 1))
        events = list(again.watch())
        assert sum(e.type == "example" for e in events) == 20
        assert len({e.example_id for e in events if e.type == "example"}) == 20


def test_a_quiet_job_sends_heartbeats(shared: Service, shared_far: FarModel, tmp_path: Path) -> None:
    shared_far.delay = 2.0
    job = shared.submit(write(tmp_path / "rows.jsonl", [row(n) for n in range(600, 620)]), batch_size=1)
    job.pause()
    began = time.monotonic()
    beat = next(e for e in job.watch(heartbeats=True) if e.seq == 0)
    assert (beat.type, beat.progress.total_examples) == ("heartbeat", 20)
    assert time.monotonic() - began < 20
    shared_far.delay = 0.0
    job.cancel()
