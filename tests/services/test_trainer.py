"""The trainer as a service, its programs stood in for (tests/support/stand_in): jobs, files, ends of all kinds.

The real programs are run in tests/services/test_trainer_real.py.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
from teachback import AsyncClient, Client
from teachback.client import JobHandle
from teachback.errors import BadInput, Conflict, NotFound
from teachback.v1 import job_pb2, trainer_pb2, trainer_pb2_grpc

from tests.services.conftest import needed
from tests.services.test_launcher import alive
from tests.support.rows import write
from tests.support.service import ROOT, STAND_IN, Service
from training.rows import Row, parse

S = job_pb2
CANARY = "canary-93ab"
ROWS = [{"prompt": f"What is {n} and {n}?", "completion": str(2 * n)} for n in range(40)]
SCHEMA = ROOT / "examples/kettle.yaml"
PAIRS = [{"prompt": f"Say {n}", "chosen": str(n), "rejected": "no"} for n in range(12)]


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose programs are the stand-ins."""
    service = with_stand_in(tmp_path_factory.mktemp("trainer") / "data")
    service.env |= {"OPENAI_API_KEY": CANARY, "TEACHBACK_TRAINING_MEMORY_LIMIT": str(400 << 20)}
    with service, needed(service) as running:
        yield running


def with_stand_in(folder: Path) -> Service:
    """A service that is not started yet."""
    service = Service(folder)
    service.env["PYTHONPATH"] = str(STAND_IN)
    return service


@pytest.fixture
def client(trainer: Service) -> Client:
    """A gRPC client."""
    return trainer.client


@pytest.fixture(scope="module")
def dataset(trainer: Service, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Forty rows to train on."""
    path = write(tmp_path_factory.mktemp("rows") / "rows.jsonl", ROWS)
    return trainer.client.upload(path, kind="training").name


@pytest.fixture(scope="module")
def trained(trainer: Service, dataset: str) -> JobHandle:
    """An SFT job that has succeeded."""
    job = trainer.client.sft(dataset, model="stand-in/large-3", learning_rate=1e-3, max_seq_length=512)
    assert job.wait().state == S.JOB_STATE_SUCCEEDED, job.job.error.message
    return job


def follow(job: JobHandle, step: int) -> job_pb2.JobEvent:
    """Watches until that step."""
    for event in job.watch():
        if event.type == "step" and event.progress.training.step >= step:
            return event
    raise AssertionError(f"ended before step {step}: {job.refresh()}")


# ---------------------------------------------------------------- what is trained
def test_an_sft_is_watched_to_its_end(trained: JobHandle) -> None:
    events = list(trained.watch())
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    kinds = [e.type for e in events]
    assert kinds[:3] == ["state", "state", "proof"]
    assert kinds[-2:] == ["report", "state"]
    (proof,) = (e for e in events if e.type == "proof")
    assert proof.message == "[prompt] -> answer<eos>"
    steps = [e for e in events if e.type == "step"]
    last = next(e for e in steps if e.progress.training.step == 3)
    assert last.message == "step 3 of 3: loss 0.3333, 100 tokens/s, 256 MiB, 0 s left"
    assert steps[-1].message == "validation loss 0.5 at step 3"
    job = trained.refresh()
    assert job.progress.total_examples == job.progress.done_examples == 3
    told = job.progress.training
    assert (told.stage, told.step, told.eval_loss) == ("train", 3, 0.5)
    assert told.loss == pytest.approx(1 / 3)
    assert trained.report == {"train_loss": 1 / 3, "steps_of_this_life": 3}


def test_steps_are_recorded_about_once_a_second(client: Client, dataset: str) -> None:
    job = client.sft(dataset, model="stand-in/steps-60")
    assert job.wait().state == S.JOB_STATE_SUCCEEDED
    steps = [e.progress.training.step for e in job.watch() if e.type == "step"]
    assert steps == sorted(steps)
    assert steps[-1] == 60
    assert len(steps) <= 12  # 60 steps of a twentieth of a second each, and slow machines


def test_a_tenth_is_held_back_and_no_row_is_lost(trainer: Service, trained: JobHandle) -> None:
    train, held = inputs(trainer, trained, "train"), inputs(trainer, trained, "validation")
    assert (len(train), len(held)) == (36, 4)
    assert sorted(r["prompt"] for r in train + held) == sorted(r["prompt"] for r in ROWS)


def test_the_rows_of_a_job_are_trained_on(trainer: Service, client: Client, tmp_path: Path) -> None:
    sums = [
        {
            "messages": [
                {"role": "user", "content": f"What is {n} + 2?"},
                {"role": "assistant", "content": f"{n + 2}"},
            ],
            "metadata": {"thinking": f"{n} and 2 more."},
        }
        for n in range(6)
    ]
    path = write(tmp_path / "rows.jsonl", sums)
    enhanced = client.enhance(path, teacher="offline/teacher", evaluator="offline/evaluator")
    with pytest.raises(Conflict, match="its rows can be used once it has succeeded"):
        client.sft(enhanced.name, model="stand-in/quick")
    assert enhanced.wait().state == S.JOB_STATE_SUCCEEDED
    job = client.sft(enhanced.name, model="stand-in/quick")
    assert job.wait().state == S.JOB_STATE_SUCCEEDED, job.job.error.message
    rows = [parsed(row) for row in inputs(trainer, job, "train") + inputs(trainer, job, "validation")]
    assert len(rows) == 6
    assert all(row.completion.startswith("<think>\n") and row.answer.isdigit() for row in rows)
    made = client.generate(SCHEMA, commands={"num": 12})
    assert made.wait().state == S.JOB_STATE_SUCCEEDED, made.job.error.message
    job = client.sft(made.name, model="stand-in/quick", validation=enhanced.name)
    assert job.wait().state == S.JOB_STATE_SUCCEEDED, job.job.error.message
    assert {tuple(row) for row in inputs(trainer, job, "train")} >= {("instruction", "context", "output")}
    assert len(inputs(trainer, job, "validation")) == 6


def parsed(value: dict[str, Any]) -> Row:
    """A row as the trainer reads it."""
    row = parse(value)
    assert isinstance(row, Row)
    return row


def inputs(service: Service, job: JobHandle, name: str) -> list[Any]:
    """The rows that a job's program was given."""
    file = service.folder / "artifacts" / job.name.partition("/")[2] / "input" / f"{name}.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_no_secret_of_the_service_reaches_a_program(trained: JobHandle) -> None:
    out = io.BytesIO()
    trained._client.fetch(f"{trained.name}/artifacts/environment.json", out)
    seen = json.loads(out.getvalue())
    assert CANARY not in json.dumps(seen)
    assert not [name for name in seen if "TOKEN" in name.replace("TOKENIZERS", "") or "KEY" in name]


# ---------------------------------------------------------------- files
def test_files_are_fetched_as_they_are(trainer: Service, trained: JobHandle, tmp_path: Path) -> None:
    output = trainer.folder / "artifacts" / trained.name.partition("/")[2] / "output"
    there = {p.relative_to(output).as_posix(): p for p in output.rglob("*") if p.is_file()}
    del there[".hidden"]
    listed = trained.artifacts()
    assert [a.name for a in listed] == [f"{trained.name}/artifacts/{path}" for path in sorted(there)]
    for artifact, path in zip(listed, sorted(there), strict=True):
        assert artifact.size_bytes == there[path].stat().st_size
        assert artifact.sha256 == hashlib.sha256(there[path].read_bytes()).hexdigest()
    fetched = trained.fetch(tmp_path / "model")
    assert len(fetched) == len(there) == 6
    for file in fetched:
        assert file.read_bytes() == there[file.relative_to(tmp_path / "model").as_posix()].read_bytes()
    assert trained.fetch(tmp_path / "one", "curves") == [tmp_path / "one/curves/loss.json"]
    with pytest.raises(BadInput, match=r"has left no nothing\.bin"):
        trained.fetch(tmp_path, "nothing.bin")


def test_a_large_file_passes_through_little_memory(trainer: Service, trained: JobHandle) -> None:
    assert trainer.process is not None
    name = f"{trained.name}/artifacts/model.safetensors"
    resident = psutil.Process(trainer.process.pid).memory_info
    trained._client.fetch(f"{trained.name}/artifacts/metrics.json", io.BytesIO())
    before = resident().rss
    most = before
    seen = hashlib.sha256()
    stub: Any = trainer_pb2_grpc.TrainerServiceStub(trained._client._channel)  # type: ignore[no-untyped-call]
    pieces = stub.GetArtifact(trainer_pb2.GetArtifactRequest(name=name), metadata=trained._client._metadata)
    for number, piece in enumerate(pieces):
        assert len(piece.data) <= 1 << 20
        seen.update(piece.data)
        if number % 20 == 0:
            time.sleep(0.05)  # a slow reader, who must not make the service hoard
            most = max(most, resident().rss)
    with trainer.http as http, http.stream("GET", f"/v1/{name}") as answer:
        assert answer.headers["content-length"] == str(120 << 20)
        assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''model.safetensors"
        again = hashlib.sha256()
        for data in answer.iter_bytes():
            again.update(data)
            most = max(most, resident().rss)
    assert again.hexdigest() == seen.hexdigest()
    assert most - before < 40 << 20


ESCAPES = [
    "../input/train.jsonl", "../../../teachback.db", "..%2F..%2F..%2Fteachback.db", "/etc/passwd", "./metrics.json",
    "curves/../metrics.json", "curves", "", ".", "..", ".hidden", "%2e%2e/input/train.jsonl", "curves//loss.json",
    "metrics.json/", "metrics.json\0", "C:\\Windows", "nothing", "..\\input\\train.jsonl",
]  # fmt: skip


@pytest.mark.parametrize("path", ESCAPES)
def test_no_name_leads_out_of_the_folder(trainer: Service, trained: JobHandle, path: str) -> None:
    with pytest.raises((NotFound, BadInput)):
        trained._client.fetch(f"{trained.name}/artifacts/{path}", io.BytesIO())
    quoted = (quote(path, safe="/.%"), quote(path, safe="."), quote(quote(path, safe=".")))
    for shown in quoted:
        status, body = raw_get(trainer, f"/v1/{trained.name}/artifacts/{shown}")
        # With nothing behind the last stroke it is the listing's own route.
        assert status in ((307, 404) if not path else (400, 404)), (shown, status, body)
        assert b"SQLite" not in body
        assert b"What is 1 and 1" not in body


def raw_get(service: Service, path: str) -> tuple[int, bytes]:
    """Status and body for a path as it stands: other clients would make it plain first."""
    connection = HTTPConnection(service.rest.removeprefix("http://"))
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {service.token}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_link_in_the_folder_is_no_file(trainer: Service, client: Client, dataset: str) -> None:
    job = client.sft(dataset, model="stand-in/quick")
    job.wait()
    output = trainer.folder / "artifacts" / job.name.partition("/")[2] / "output"
    (output / "link").symlink_to(trainer.database)
    (output / "folder").symlink_to(trainer.folder)
    assert not [a for a in job.artifacts() if "link" in a.name or "folder" in a.name]
    with pytest.raises(NotFound):
        client.fetch(f"{job.name}/artifacts/link", io.BytesIO())


# ---------------------------------------------------------------- ends of all kinds
def test_a_cancel_ends_the_child_in_seconds(trainer: Service, client: Client, dataset: str) -> None:
    job = client.sft(dataset, model="stand-in/steps-9999")
    follow(job, 1)
    (child,) = programs(trainer)
    began = time.monotonic()
    job.cancel()
    assert job.wait().state == S.JOB_STATE_CANCELLED
    assert time.monotonic() - began < 8
    assert not alive(child)


def test_a_killed_child_fails_its_job_and_a_resume_finishes_it(trainer: Service, client: Client, dataset: str) -> None:
    job = client.sft(dataset, model="stand-in/steps-120")
    follow(job, 11)
    (child,) = programs(trainer)
    os.kill(child, signal.SIGKILL)
    ended = job.wait()
    assert ended.state == S.JOB_STATE_FAILED
    assert ended.error.message == "sft was killed (SIGKILL); its last lines:\na library says hello\na library complains"
    assert ended.error.code == 10
    assert not job.artifacts()
    with pytest.raises(BadInput, match="a job of kind sft spends no money"):
        job.resume(max_cost=1.0)
    job.resume()
    assert job.wait().state == S.JOB_STATE_SUCCEEDED
    assert job.report["steps_of_this_life"] <= 115  # it went on from a checkpoint


def test_a_pause_ends_the_child_and_a_resume_goes_on(trainer: Service, client: Client, dataset: str) -> None:
    job, waiting = client.sft(dataset, model="stand-in/steps-120"), client.sft(dataset, model="stand-in/steps-3")
    follow(job, 11)
    assert waiting.refresh().state == S.JOB_STATE_QUEUED
    job.pause()
    assert job.refresh().state == S.JOB_STATE_PAUSED
    # A paused training keeps nobody waiting.
    assert waiting.wait().state == S.JOB_STATE_SUCCEEDED
    assert not programs(trainer)
    assert job.refresh().state == S.JOB_STATE_PAUSED
    job.resume()
    assert job.wait().state == S.JOB_STATE_SUCCEEDED
    assert job.report["steps_of_this_life"] <= 115


def test_one_trains_at_a_time_in_the_order_of_creation(client: Client, dataset: str) -> None:
    first, *others = (client.sft(dataset, model="stand-in/steps-8", idempotency_key=f"turn-{n}") for n in range(4))
    follow(first, 1)
    assert [job.refresh().state for job in others] == [S.JOB_STATE_QUEUED] * 3
    spans = [(j.start_time.ToNanoseconds(), j.end_time.ToNanoseconds()) for j in (o.wait() for o in (first, *others))]
    assert spans == sorted(spans)
    assert all(ended <= began for (_, ended), (began, _) in pairwise(spans))


def test_past_its_memory_a_job_fails_and_says_why(client: Client, dataset: str) -> None:
    job = client.sft(dataset, model="stand-in/hungry")
    ended = job.wait()
    assert ended.state == S.JOB_STATE_FAILED
    assert ended.error.code == 8
    assert "may take 400 MiB (training_memory_limit)" in ended.error.message


def test_what_a_program_refuses_is_the_jobs_error(trainer: Service, client: Client, dataset: str) -> None:
    job = client.sft(dataset, model="stand-in/refuse-invalid")
    ended = job.wait()
    assert (ended.state, ended.error.code) == (S.JOB_STATE_FAILED, 3)
    assert ended.error.message == "input/train.jsonl, line 3: the row is too long"
    assert str(trainer.folder) not in ended.error.message


@pytest.mark.timeout(400)
def test_a_service_that_is_killed_takes_its_child_along_and_finishes_the_job(tmp_path: Path) -> None:
    with with_stand_in(tmp_path / "data") as service:
        rows = service.client.upload(write(tmp_path / "rows.jsonl", ROWS), kind="training").name
        job = service.client.sft(rows, model="stand-in/steps-160")
        follow(job, 11)
        (child,) = programs(service)
        service.kill()
        gone_by = time.monotonic() + 5
        while alive(child):
            assert time.monotonic() < gone_by, "the child outlived its service"
            time.sleep(0.02)
        service.start()
        job = service.client.job(job.name)
        assert job.wait().state == S.JOB_STATE_SUCCEEDED
        assert job.report["steps_of_this_life"] <= 155
        events = list(job.watch())
        assert [e.seq for e in events] == list(range(1, len(events) + 1))
        assert not programs(service)


# ---------------------------------------------------------------- what can't be
MODELS = [
    "../../etc", "/etc/passwd", "./x", "~/x", "a/b/c", "-x/y", "x/-y", "file://x", "just-a-name", "../x", "x/..",
    ".hidden/x", "jobs", "jobs/", "a b/c", "é/x",
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_never_a_path(client: Client, dataset: str, model: str) -> None:
    with pytest.raises(BadInput):
        client.sft(dataset, model=model)


def test_what_a_spec_names_has_to_be_there(client: Client, dataset: str, trained: JobHandle, tmp_path: Path) -> None:
    pairs = client.upload(write(tmp_path / "pairs.jsonl", PAIRS), kind="training").name
    schema = tmp_path / "schema.yaml"
    schema.write_text("cli_name: x\ncommands:\n  - name: a\n    description: b\n    subcommands:\n"
                      "      - name: c\n        description: d\n")  # fmt: skip
    document = client.upload(schema, kind="schema").name
    with pytest.raises(NotFound, match="there is no datasets/ffff"):
        client.sft("datasets/ffff", model="stand-in/quick")
    with pytest.raises(NotFound, match="there is no jobs/ffff"):
        client.sft(dataset, model="jobs/ffff")
    with pytest.raises(BadInput, match=r"dataset: .* holds schema; upload rows to train on as kind training"):
        client.sft(document)
    with pytest.raises(BadInput, match=r"row 1: is a preference pair"):
        client.sft(pairs)
    with pytest.raises(BadInput, match=r"row 1: is no preference pair"):
        client.dpo(dataset, "stand-in/quick")
    with pytest.raises(BadInput, match="is a job of kind sft, and an enhance or generate job is needed"):
        client.sft(trained.name)
    with pytest.raises(BadInput, match="quantization: "):
        client.quantize("stand-in/quick", quantization="q9_9")
    with pytest.raises(BadInput, match=r"cli_schema: .* holds training"):
        client.evaluate(dataset, ["stand-in/quick"], cli_schema=dataset)
    with pytest.raises(BadInput, match=r"training\.beta is not a known field"):
        client.sft(dataset, beta=0.1)
    with pytest.raises(BadInput, match="lora_r"):
        client.sft(dataset, lora_r=0)


def test_a_job_under_way_is_no_model_yet(client: Client, dataset: str) -> None:
    job = client.sft(dataset, model="stand-in/steps-9999")
    with pytest.raises(Conflict, match="can be used once it has succeeded"):
        client.sft(dataset, model=job.name)
    job.cancel()
    job.wait()


def test_a_training_job_has_no_rows(trained: JobHandle) -> None:
    assert not list(trained.examples())
    with pytest.raises(Conflict, match="it leaves files"):
        trained.export(io.BytesIO())


# ---------------------------------------------------------------- the faces
def test_rest_does_the_same(trainer: Service, dataset: str) -> None:
    with trainer.http as http:
        asked = {"spec": {"dataset": dataset, "model": "stand-in/steps-3", "training": {"lora_r": 4}}}
        made = http.post("/v1/sft", json=asked | {"idempotency_key": "by-rest"})
        assert made.status_code == 201
        name = made.json()["name"]
        assert http.post("/v1/sft", json=asked | {"idempotency_key": "by-rest"}).json()["name"] == name
        other = http.post("/v1/sft", json={"spec": {"dataset": dataset}, "idempotency_key": "by-rest"})
        assert other.json()["type"] == "urn:teachback:idempotency-key-reused"
        assert trainer.client.job(name).wait().state == S.JOB_STATE_SUCCEEDED
        stream = http.get(f"/v1/{name}/events").text
        assert '"stage":"train"' in stream
        listed = http.get(f"/v1/{name}/artifacts").json()["artifacts"]
        mine = {a.name: (a.size_bytes, a.sha256) for a in trainer.client.artifacts(name)}
        assert {a["name"]: (a["size_bytes"], a["sha256"]) for a in listed} == mine
        told = http.get(f"/v1/{name}/artifacts/metrics.json")
        assert told.json() == {"train_loss": 1 / 3, "steps_of_this_life": 3}
        assert told.headers["content-type"] == "application/octet-stream"
        for route, spec in (("dpo", {"dataset": dataset}), ("evaluate", {"dataset": dataset, "models": []}),
                            ("quantize", {}), ("preferences", {}), ("pipelines", {"name": "a b"})):  # fmt: skip
            refused = http.post(f"/v1/{route}", json={"spec": spec})
            assert refused.status_code == 400, route
            assert refused.json()["type"] == "urn:teachback:invalid-request"


def test_an_estimate_starts_nothing(trainer: Service, client: Client, dataset: str) -> None:
    before = {job.name for job in client.jobs()}
    spec = S.JobSpec(sft={"dataset": dataset, "model": "stand-in/quick"})
    told = client.estimate(spec)
    assert (told.device, told.memory_bytes, told.seconds, told.steps) == ("cpu", 1 << 30, 12.5, 30)
    assert told.trainable_parameters == 36  # the stand-in's rows: it has read what a job would read
    with trainer.http as http:
        answer = http.post("/v1/training:estimate", json={"sft": {"dataset": dataset, "model": "stand-in/quick"}})
        assert answer.json()["parameters"] == 135_000_000
        assert http.post("/v1/training:estimate", json={}).status_code == 400
    with pytest.raises(NotFound, match="the hub can't be reached"):
        client.estimate(S.JobSpec(sft={"dataset": dataset, "model": "stand-in/refuse"}))
    assert {job.name for job in client.jobs()} == before
    assert not list((trainer.folder / "artifacts").glob("estimate-*"))


async def test_the_asynchronous_client_does_the_same(trainer: Service, dataset: str, tmp_path: Path) -> None:
    async with AsyncClient(trainer.grpc, trainer.token) as client:
        job = await client.sft(dataset, model="stand-in/steps-3", num_train_epochs=1)
        assert (await job.wait()).state == S.JOB_STATE_SUCCEEDED
        fetched = await job.fetch(tmp_path, "metrics.json")
        assert json.loads(fetched[0].read_text()) == job.report
        told = await client.estimate(S.JobSpec(sft={"dataset": dataset, "model": "stand-in/quick"}))
        assert told.steps == 30


def programs(service: Service) -> list[int]:
    """The programs at work for a service: the children of its children."""
    assert service.process is not None
    found = psutil.Process(service.process.pid).children(recursive=True)
    return [p.pid for p in found if alive(p.pid) and "training.sft" in p.cmdline() and "-m" in p.cmdline()]
