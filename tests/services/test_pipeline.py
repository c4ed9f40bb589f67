"""A pipeline's stages as jobs of their own: taken over, forced, cancelled, found again after a crash.

Its first stage runs for real here; what trains takes minutes and is proved in tests/e2e/test_pipeline.py.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from teachback.client import JobHandle
from teachback.v1 import job_pb2

from tests.support.service import ROOT, Service

SCHEMA = ROOT / "examples" / "ship.yaml"
OFFLINE = {"teacher": "offline/teacher", "evaluator": "offline/evaluator"}


def start(service: Service, **fields: Any) -> JobHandle:
    """A pipeline over REST, as a caller without our client would start it."""
    schema = service.client.upload(SCHEMA, kind="schema", idempotency_key="schema").name
    spec = {"name": "ship", "cli_schema": schema, "num": 40, "stages": ["generate"], **OFFLINE, **fields}
    with service.http as http:
        answer = http.post("/v1/jobs", json={"spec": {"pipeline": spec}})
    assert answer.status_code in (200, 201), answer.text
    return service.client.job(answer.json()["name"])


def stages(job: JobHandle) -> dict[str, Any]:
    """What the report says of each stage."""
    job.refresh()
    return dict(json.loads(job.job.report_json or "{}").get("stages", {}))


def test_a_stage_is_a_job_of_its_own_and_is_taken_over(service: Service) -> None:
    first = start(service)
    assert first.wait().state == job_pb2.JOB_STATE_SUCCEEDED, first.job.error.message
    made = stages(first)["generate"]
    assert made["outcome"] == "done"
    assert made["accepted"] == 40
    child = service.client.job(made["job"])
    assert child.job.spec.WhichOneof("kind") == "generate"
    assert child.job.idempotency_key.startswith("pipeline-ship-generate-")
    steps = [event for event in first.watch() if event.type == "step"]
    assert steps[0].message == f"generate: {child.name}"
    assert steps[0].progress.training.job == child.name
    assert first.job.progress.done_examples == first.job.progress.total_examples == 1

    again = start(service)
    again.wait()
    assert stages(again)["generate"] == made | {"outcome": "taken over"}

    other = start(service, num=41)
    other.wait()
    assert stages(other)["generate"]["job"] != made["job"]

    forced = start(service, force=["generate"])
    forced.wait()
    anew = stages(forced)["generate"]
    assert anew["outcome"] == "done"
    assert anew["job"] != made["job"]
    last = start(service)
    last.wait()
    assert stages(last)["generate"]["job"] == anew["job"], "the newest output counts, not the one it replaced"


def test_a_stage_that_lacks_what_it_needs_says_so(service: Service) -> None:
    job = start(service, stages=["dpo"])
    assert job.wait().state == job_pb2.JOB_STATE_FAILED
    assert "dpo needs" in job.job.error.message
    assert "name it among the stages" in job.job.error.message


@pytest.mark.parametrize("wrong", [{"name": "../x"}, {"stages": ["bake"]}, {"cli_schema": ""}])
def test_settings_that_cannot_run_are_refused(service: Service, wrong: dict[str, Any]) -> None:
    schema = service.client.upload(SCHEMA, kind="schema").name
    spec = {"name": "ship", "cli_schema": schema, **wrong}
    with service.http as http:
        assert http.post("/v1/jobs", json={"spec": {"pipeline": spec}}).status_code in (400, 422)


def test_a_killed_service_goes_on_with_the_same_child(service: Service) -> None:
    job = start(service, num=600)
    child = at_work(job)
    service.kill()
    service.start()
    job = service.client.job(job.name)
    assert job.wait().state == job_pb2.JOB_STATE_SUCCEEDED, job.job.error.message
    assert stages(job)["generate"]["job"] == child
    keys = [one.job.idempotency_key for one in service.client.jobs() if one.job.spec.HasField("generate")]
    assert len(keys) == 1, "no second child was made"


def test_cancel_and_pause_reach_the_child(service: Service) -> None:
    job = start(service, num=2000)
    child = service.client.job(at_work(job))
    job.pause()
    assert child.refresh().state == job_pb2.JOB_STATE_PAUSED
    assert job.refresh().state == job_pb2.JOB_STATE_PAUSED
    job.resume()
    assert at_work(job) == child.name
    job.cancel()
    job.wait()
    child.wait()
    assert job.job.state == job_pb2.JOB_STATE_CANCELLED
    assert child.job.state == job_pb2.JOB_STATE_CANCELLED
    fresh = start(service, num=2000)
    assert at_work(fresh) != child.name, "what was cancelled is not taken up again"
    fresh.cancel()


def at_work(job: JobHandle, seconds: float = 60) -> str:
    """The child at work, once it has done something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        at = job.refresh().progress.training
        if job.job.state == job_pb2.JOB_STATE_RUNNING and at.job and at.step:
            return str(at.job)
        assert job.job.state not in (job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_SUCCEEDED), job.job.error.message
        time.sleep(0.05)
    raise AssertionError(f"no stage was at work within {seconds} s")


def test_rows_split_once_and_alike(service: Service, tmp_path: Path) -> None:
    """Rows without validation rows of their own are split, and a second pipeline finds the same halves."""
    rows = [{"instruction": f"say {n}", "context": None, "output": str(n)} for n in range(30)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = service.client.upload(path, kind="training").name  # type: ignore[arg-type,unused-ignore]
    for _ in range(2):
        job = start(service, dataset=dataset, stages=["evaluate"])
        assert job.wait().state == job_pb2.JOB_STATE_FAILED  # there is no model to evaluate
    names = {one.display_name: one.item_count for one in service.client.datasets() if one.name != dataset}
    assert names.get("ship: train") == 27
    assert names.get("ship: validation") == 3
    assert len(list(service.client.datasets())) == 4
