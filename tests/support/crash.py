"""What must hold after kills, whoever dealt them: no row lost, none twice, no finished call paid again."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from teachback.client import JobHandle
from teachback.v1 import job_pb2

from tests.support.farmodel import FarModel
from tests.support.ledger import calls
from tests.support.service import Service

READY = 10.0
"""Seconds within which a service must answer again."""


@dataclass(frozen=True)
class Fall:
    """One kill, and how things stood."""

    at: float
    asked: int
    in_flight: int
    finished: frozenset[str]
    """The calls that were recorded as paid."""
    unrecorded: int
    """Calls that the far side has seen and the ledger has not: those that may come again."""
    ready: float


def kill(service: Service, far: FarModel, again: Callable[[], float]) -> Fall:
    """Kills the service, reads its ledger, and starts it again."""
    in_flight = far.at_work
    service.kill()
    at, asked, seen = time.monotonic(), len(far.asked), set(far.times)
    finished = frozenset(call.fingerprint for call in calls(service.database))
    return Fall(at, asked, in_flight, finished, len(seen - finished), again())


def total_calls(rows: int) -> int:
    """How many calls `mixed(rows)` takes; where a number is wrong nobody is asked to judge it."""
    return sum(3 + (3 if n % 2 else 2) * (n % 3) for n in range(rows))


def check(far: FarModel, service: Service, job: JobHandle, path: Path, falls: list[Fall]) -> None:
    """`path` holds the rows of `mixed`, which all converge."""
    ended = job.wait()
    assert ended.state == job_pb2.JOB_STATE_SUCCEEDED, ended.error.message
    count = len(path.read_bytes().splitlines())
    total = total_calls(count)
    examples = list(job.examples())
    assert [e.index for e in examples] == list(range(count))
    assert len({e.name for e in examples}) == count
    outcomes = dict(ended.progress.outcomes)
    assert sum(outcomes.values()) == ended.progress.done_examples == count
    assert outcomes == {"converged_first_try": -(-count // 3), "converged": count - -(-count // 3)}

    out = io.BytesIO()
    job.export(out)
    assert [_messages(line) for line in out.getvalue().splitlines()] == [
        _messages(line) for line in path.read_bytes().splitlines()
    ]

    events = list(job.watch())
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    told = [e.example_id for e in events if e.type == "example"]
    assert len(told) == len(set(told)) == count

    for fall in falls:
        again = {one.key for one in far.asked if one.at > fall.at} & fall.finished
        assert not again, f"{len(again)} finished calls were made again after the kill at request {fall.asked}"
        assert fall.ready < READY
    assert far.repeats <= sum(fall.unrecorded for fall in falls)
    recorded = calls(service.database)
    assert len(recorded) == len({call[:-1] for call in recorded}) == total
    assert len(far.answered) == total
    assert sum(u.calls for u in ended.progress.usage) == total


def _messages(line: bytes) -> bytes:
    """The bytes of a row's messages."""
    start = line.index(b'"messages": ')
    return line[start : line.index(b"}]", start)]
