"""kill -9 while examples are made: the output is as if nothing had happened, and no finished call is paid again.

The far model is the rule-based one behind HTTP, so that whoever pays can count, and a run can be compared with another.
"""

from __future__ import annotations

import io
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from teachback.client import JobHandle
from teachback.v1 import job_pb2

from agents.offline.speak import reply
from tests.support.crash import READY, kill
from tests.support.farmodel import FarModel
from tests.support.ledger import calls
from tests.support.service import Service
from tests.support.sources import SOURCES


def begin(service: Service, source: Path, recipe: str, options: dict[str, Any]) -> JobHandle:
    """Starts the job, four slots at once."""
    asked: Any = {"teacher": "openai/far", "evaluator": "openai/far", "batch_size": 4, recipe: options}
    return service.client.generate(source, **asked)


def output(job: JobHandle) -> tuple[bytes, dict[str, Any]]:
    """The exported rows, and the report without what tells the time."""
    rows = io.BytesIO()
    job.export(rows)
    return rows.getvalue(), {k: v for k, v in job.report.items() if not k.endswith("_time")}


def far_model(delay: float) -> FarModel:
    """The rule-based teacher and evaluator as something that is paid for."""
    return FarModel(delay=delay, say=lambda messages: reply("offline/teacher", messages))


def clean(tmp_path: Path, recipe: str, options: dict[str, Any], source: Path) -> tuple[bytes, dict[str, Any], int]:
    """The output of a run that nothing happened to, and how many calls it took."""
    with far_model(0.0) as far, Service(tmp_path / "clean", far) as service:
        job = begin(service, source, recipe, options)
        assert job.wait().state == job_pb2.JOB_STATE_SUCCEEDED, job.job.error.message
        return *output(job), len(far.asked)


def survive(tmp_path: Path, recipe: str, kills: int, seed: int) -> None:
    """Runs one job through so many kills."""
    text, options = SOURCES[recipe]
    source = tmp_path / "source"
    source.write_text(text)
    wanted_rows, wanted_report, total = clean(tmp_path, recipe, options, source)
    assert wanted_rows.count(b"\n") >= 10, "too little to be killed in"
    draw = random.Random(seed)
    points = [1 + int((number + draw.random()) * (total - 1) / kills) for number in range(kills)]
    reached, wanted = threading.Event(), [0]

    def watch(asked: int) -> None:
        if asked >= wanted[0]:
            reached.set()

    with far_model(0.02) as far, Service(tmp_path / "killed", far) as service:
        far.on_request = watch
        job = begin(service, source, recipe, options)
        falls = []
        for point in points:
            wanted[0] = max(point, len(far.asked) + 1)
            reached.clear()
            watch(len(far.asked))
            if not reached.wait(20):
                break  # done already: what was repeated counts as asked
            time.sleep(draw.uniform(0, 0.04))
            falls.append(kill(service, far, service.start))
            job = service.client.job(job.name)
        assert job.wait().state == job_pb2.JOB_STATE_SUCCEEDED, job.job.error.message
        assert len(falls) >= kills - 1
        rows, report = output(job)
        assert rows == wanted_rows
        assert report == wanted_report
        for fall in falls:
            again = {one.key for one in far.asked if one.at > fall.at} & fall.finished
            assert not again, f"{len(again)} finished calls were made again after the kill at request {fall.asked}"
            assert fall.ready < READY
        recorded = calls(service.database)
        assert len(recorded) == len({call[:-1] for call in recorded}) == total


@pytest.mark.parametrize("recipe", sorted(SOURCES))
@pytest.mark.timeout(300)
def test_five_kills(tmp_path: Path, recipe: str) -> None:
    survive(tmp_path, recipe, kills=5, seed=5)


@pytest.mark.soak
@pytest.mark.parametrize("recipe", sorted(SOURCES))
@pytest.mark.timeout(3600)
def test_fifty_kills(tmp_path: Path, recipe: str) -> None:
    survive(tmp_path, recipe, kills=50, seed=50)
