"""Traces as a collector gets them: one tree from the caller down to the models, over crashes, into child processes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from teachback import Client
from teachback.errors import NotFound
from teachback.v1 import job_pb2, job_pb2_grpc

from tests.support.collector import Collector, Sent
from tests.support.farmodel import FarModel
from tests.support.rows import mixed, write
from tests.support.service import Service
from tests.telemetry.conftest import CALLER, CANARIES, ROWS, TRACED, TRACEPARENT, Observed, enhance, told, until

CLIENT, SERVER, ERROR = 3, 2, 2
OK = job_pb2.JOB_STATE_SUCCEEDED


def run_of(observed: Observed) -> Sent:
    """The span of the job's run."""
    (run,) = [s for s in observed.collector.named("job ") if s.attributes["teachback.job"] == observed.job.name]
    return run


def asked(observed: Observed) -> Sent:
    """The span of the call that made the job."""
    calls = observed.collector.named("teachback.v1.JobService/CreateJob")
    return next(s for s in calls if s.id in observed.trailing["traceresponse"])


def test_one_tree_from_the_caller_to_the_models(observed: Observed) -> None:
    collector, job = observed.collector, observed.job.refresh()
    call = asked(observed)
    assert (call.trace, call.parent, call.kind) == (*CALLER, SERVER)
    run = run_of(observed)
    assert run.parent == call.id
    assert run.links == []
    assert (run.attributes["teachback.run"], run.attributes["teachback.state"]) == (1, "succeeded")
    examples = collector.below(run)
    assert [e.name for e in examples] == ["example"] * ROWS
    outcomes = [e.attributes["teachback.outcome"] for e in examples]
    assert {o: outcomes.count(o) for o in outcomes} == dict(job.progress.outcomes)
    chats: list[Sent] = []
    for example in examples:
        rounds = collector.below(example)
        assert [r.name for r in rounds] == [f"round {n}" for n in range(1, len(rounds) + 1)]
        assert len(rounds) == example.attributes["teachback.rounds"]
        assert rounds[-1].attributes["teachback.right"] is True
        assert rounds[-1].attributes["teachback.verified"] is True
        for one in rounds:
            roles = collector.below(one)
            assert {r.attributes["teachback.round"] for r in roles} == {one.attributes["teachback.round"]}
            assert {r.name for r in roles} <= {f"invoke_agent {p}" for p in ("student", "evaluator", "teacher")}
            for role in roles:
                (chat,) = collector.below(role)
                assert chat.attributes["teachback.role"] == role.attributes["gen_ai.agent.name"]
                chats.append(chat)
    assert len(chats) == sum(used.calls for used in job.progress.usage)
    assert {(c.name, c.kind) for c in chats} == {("chat openai/far", CLIENT)}
    assert all(c.events == [("retry", {"error.type": "RateLimited"})] for c in chats)
    tokens = sum(c.attributes["gen_ai.usage.output_tokens"] for c in chats)
    assert tokens == sum(used.completion_tokens for used in job.progress.usage)
    assert sum(c.attributes["teachback.cost_usd"] for c in chats) == pytest.approx(job.progress.cost)


def test_every_span_hangs_in_its_trace_and_lies_within_its_parent(observed: Observed) -> None:
    spans = observed.collector.spans
    by_id = {span.id: span for span in spans}
    strays = [s.name for s in spans if s.parent and s.parent != CALLER[1] and s.parent not in by_id]
    assert strays == []
    for span in spans:
        if (parent := by_id.get(span.parent)) is None:
            continue
        assert span.trace == parent.trace
        if not span.name.startswith("job "):  # the call that asks for a job does not wait for it
            assert parent.begin <= span.begin <= span.end <= parent.end, (span.name, parent.name)
    assert {s.status for s in spans if s.trace == CALLER[0]} == {0}


def test_a_caller_is_told_where_its_call_stands(observed: Observed) -> None:
    call = asked(observed)
    assert observed.trailing["traceresponse"] == f"00-{call.trace}-{call.id}-01"
    service = observed.service
    metadata = (("authorization", f"Bearer {service.token}"), ("traceparent", TRACEPARENT))
    with grpc.insecure_channel(service.grpc) as channel:
        stub: Any = job_pb2_grpc.JobServiceStub(channel)  # type: ignore[no-untyped-call]
        with pytest.raises(grpc.RpcError) as raised:
            stub.GetJob(job_pb2.GetJobRequest(name="jobs/nothing"), metadata=metadata)
        trailing: dict[str, Any] = {one.key: one.value for one in raised.value.trailing_metadata()}
        assert trailing["traceresponse"].startswith(f"00-{CALLER[0]}-")
        assert b"NOT_FOUND" in trailing["grpc-status-details-bin"]
        with pytest.raises(grpc.RpcError) as refused:
            stub.GetJob(job_pb2.GetJobRequest(name="jobs/nothing"))
        assert "traceresponse" in {one.key for one in refused.value.trailing_metadata()}
    headers = {"traceparent": TRACEPARENT}
    with service.http as http:
        for path, status in (("/v1/jobs", 200), ("/v1/jobs/nothing", 404), ("/nowhere", 404)):
            answer = http.get(path, headers=headers)
            assert answer.status_code == status
            assert answer.headers["traceresponse"].startswith(f"00-{CALLER[0]}-")
        assert "traceresponse" in http.get("/v1/jobs", headers={"authorization": "Bearer wrong"}).headers
        assert "traceresponse" not in http.get("/healthz").headers
    found = until(lambda: [s for s in observed.collector.named("GET /v1/jobs/{id}") if s.parent == CALLER[1]])
    assert found[0].attributes["http.response.status_code"] == 404
    assert not observed.collector.named("GET /healthz")


def test_the_client_hands_its_environments_trace_on(observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = "1" * 16
    monkeypatch.setenv("TRACEPARENT", f"00-{CALLER[0]}-{parent}-01")
    with Client(observed.service.grpc, observed.service.token) as client:
        client.job(observed.job.name).refresh()
    until(lambda: [s for s in observed.collector.named("teachback.v1.JobService/GetJob") if s.parent == parent])
    monkeypatch.setenv("TRACEPARENT", "not one\n")
    with Client(observed.service.grpc, observed.service.token) as client, pytest.raises(NotFound):
        client.job("jobs/nothing").refresh()


def test_an_error_is_its_class(observed: Observed) -> None:
    job = observed.service.client.generate("examples/kettle.yaml", teacher="openai/far", commands={"num": 3})
    job.wait()
    name = job.name
    run = until(lambda: [s for s in observed.collector.named("job ") if s.attributes["teachback.job"] == name])[0]
    assert run.attributes["teachback.kind"] == "generate"
    rounds = [r for e in observed.collector.below(run) for r in observed.collector.below(e)]
    assert {r.name for r in rounds} >= {"round 1"}


def test_a_long_job_has_its_first_examples_in_the_trace(observed: Observed) -> None:
    job, _ = observed.enhance(TRACED + 4)
    assert job.wait().state == OK
    name = job.name
    run = until(lambda: [s for s in observed.collector.named("job ") if s.attributes["teachback.job"] == name])[0]
    assert len(observed.collector.below(run)) == TRACED
    below = {s.id for s in observed.collector.below(run)} | {run.id}
    strays = [s for s in observed.collector.named("invoke_agent") if s.parent in below]
    assert strays == []


def test_neither_content_nor_secrets_are_told(observed: Observed, tmp_path: Path) -> None:
    with observed.service.http as http:
        metrics = http.get("/metrics").content
    told_all = b"\n".join([*observed.collector.bodies, metrics, observed.service.log().encode()])
    assert len(CANARIES) == 12
    for place, canary in CANARIES.items():
        assert canary.encode() not in told_all, place
    assert observed.service.token.encode() not in told_all
    # Each was really where it could have been told from.
    assert observed.collector.headers[0]["api-key"] == CANARIES["collector-header"]
    asked = json.dumps([one.body for one in observed.far.asked])
    assert CANARIES["question"] in asked
    assert CANARIES["row-thinking"] in asked
    assert CANARIES["provider-key"] in json.dumps([one.headers for one in observed.far.asked])
    observed.job.export(tmp_path / "rows.jsonl")
    assert CANARIES["reply"] in (tmp_path / "rows.jsonl").read_text()
    # And nothing that a model was told or said: what a message is made of would stand in an attribute of this name.
    names = {name for span in observed.collector.spans for name in span.attributes}
    assert not {name for name in names if "message" in name or "instruction" in name}
    assert b"What does entry" not in told_all
    queries = {s.attributes["url.query"] for s in observed.collector.spans if "url.query" in s.attributes}
    assert queries == {"left out"}


def test_a_program_of_the_trainer_is_in_the_trace(observed: Observed, tmp_path: Path) -> None:
    client = observed.service.client
    lines = [{"prompt": f"{n}?", "completion": str(n)} for n in range(8)]
    dataset = client.upload(write(tmp_path / "rows.jsonl", lines), kind="training").name
    job = client.sft(dataset, model="stand-in/steps-3")
    assert job.wait().state == OK, job.job.error.message
    name = job.name
    run = until(lambda: [s for s in observed.collector.named("job sft") if s.attributes["teachback.job"] == name])[0]
    (program,) = observed.collector.below(run)
    assert program.name == "program sft"
    stages = observed.collector.below(program)
    assert [s.name for s in stages] == ["stage loading", "stage proof", "stage train"]
    assert stages[-1].attributes["teachback.step"] == 3
    assert stages[-1].attributes["teachback.loss"] == pytest.approx(1 / 3)
    assert stages[-1].attributes["teachback.eval_loss"] == 0.5
    out = io.BytesIO()
    client.fetch(f"{name}/artifacts/environment.json", out)
    assert json.loads(out.getvalue())["TRACEPARENT"].startswith(f"00-{program.trace}-{program.id}-")


def test_a_program_that_dies_leaves_spans_that_say_so(observed: Observed, tmp_path: Path) -> None:
    client = observed.service.client
    dataset = client.upload(write(tmp_path / "rows.jsonl", [{"prompt": "1?", "completion": "1"}] * 4), kind="training")
    job = client.sft(dataset.name, model="stand-in/crash")
    job.wait()
    name = job.name
    run = until(lambda: [s for s in observed.collector.named("job sft") if s.attributes["teachback.job"] == name])[0]
    (program,) = observed.collector.below(run)
    assert (run.status, run.attributes["error.type"]) == (ERROR, "TRAINING_FAILED")
    assert (program.status, program.attributes["error.type"]) == (ERROR, "TrainingFailed")
    assert observed.collector.below(program)[-1].attributes["error.type"] == "TrainingFailed"


def test_after_a_crash_a_job_links_to_its_earlier_life(tmp_path: Path) -> None:
    with Collector() as collector, FarModel(delay=0.2) as far:
        service = told(tmp_path / "data", collector, far)
        with service:
            job, _ = enhance(service, 6)
            until(lambda: far.asked)
            before = until(lambda: mark(service, job.name))
            service.kill()
            far.delay = 0.0
            service.start()
            again = service.client.job(job.name)
            assert again.wait().state == OK
            assert {e.type for e in again.watch()} == {"state", "example"}
            run = until(lambda: collector.named("job enhance"))[0]
    assert run.attributes["teachback.run"] == 2
    assert run.attributes["teachback.job"] == job.name
    assert run.parent == ""
    assert run.trace != CALLER[0]
    assert run.links == [before]
    assert before[0] == CALLER[0]


def mark(service: Service, name: str) -> tuple[str, str] | None:
    """Trace and span that the log names for a job that has begun."""
    lines = [json.loads(line) for line in service.log().splitlines() if line.startswith("{")]
    begun = [line for line in lines if line["event"] == "a job begins" and line["job"] == name]
    return (begun[-1]["trace_id"], begun[-1]["span_id"]) if begun else None


def test_without_a_collector_there_is_nothing(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        path = write(tmp_path / "rows.jsonl", mixed(2))
        job = service.submit(path, student="offline/student", teacher="offline/teacher", evaluator="offline/evaluator")
        assert job.wait().state == OK
        with service.http as http:
            answer = http.get("/v1/jobs", headers={"traceparent": TRACEPARENT})
            assert "traceresponse" not in answer.headers
            off = http.get("/metrics")
            assert (off.status_code, off.json()["detail"]) == (
                404,
                "metrics are off: set TEACHBACK_METRICS=true and start the service again",
            )
        assert "trace_id" not in service.log()
