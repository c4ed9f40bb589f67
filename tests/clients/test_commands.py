"""The other commands, and the exit codes that scripts rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from teachback import Client, JobHandle
from teachback.service import Endpoint

from tests.clients.conftest import OFFLINE, Cli, qa_row, read_rows, write_rows


@pytest.fixture
def job(client: Client, tmp_path: Path) -> JobHandle:
    source = write_rows(tmp_path / "rows.jsonl", [qa_row(30, n) for n in range(5)])
    handle = client.enhance(source, student="offline/student", teacher="offline/teacher", evaluator="offline/evaluator")
    handle.wait()
    return handle


def test_submit_watch_export(cli: Cli, service: Endpoint, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [qa_row(40, n) for n in range(6)])
    submitted = cli("submit", source, *OFFLINE)
    assert submitted.returncode == 0, submitted.stderr
    name = submitted.stdout.strip()
    assert name.startswith("jobs/")

    watched = cli("watch", name, "--json")
    assert watched.returncode == 0, watched.stderr
    events = [json.loads(line) for line in watched.stdout.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["state"] == "succeeded"
    assert sum(event["type"] == "example" for event in events) == 6
    late = cli("watch", name, "--json", "--after-seq", str(len(events) - 1))
    assert [json.loads(line)["seq"] for line in late.stdout.splitlines()] == [len(events)]

    assert cli("export", name, "out.jsonl").returncode == 0
    assert len(read_rows(tmp_path / "out.jsonl")) == 6
    piped = cli("export", name, "-")
    assert piped.stdout == (tmp_path / "out.jsonl").read_text()
    messages = cli("export", name, "-", "--as", "messages", "--tag", "thinking")
    turns = [json.loads(line)["messages"][-1]["content"] for line in messages.stdout.splitlines()]
    assert len(turns) == 6
    assert all(turn.startswith("<thinking>") for turn in turns)
    trained = cli("export", name, "-", "--as", "trl")
    answers = [json.loads(line)["completion"][0]["content"] for line in trained.stdout.splitlines()]
    assert len(answers) == 6
    assert all(answer.startswith("<think>\n") for answer in answers)
    assert "rows were made by offline models" in trained.stderr
    refused = cli("export", name, "-", "--as", "trl", "--tag", "reasoning_content")
    assert refused.returncode == 2
    assert "only --as messages of a job has a field" in refused.stderr
    assert cli("export", name, "nowhere/out.jsonl").returncode == 2


def test_jobs(cli: Cli, job: JobHandle) -> None:
    listed = cli("jobs", "list")
    assert listed.returncode == 0, listed.stderr
    row = next(line.split("\t") for line in listed.stdout.splitlines() if line.startswith(job.name))
    assert row[1:4] == ["succeeded", "5", "5"]
    got = json.loads(cli("jobs", "get", job.name.removeprefix("jobs/"), "--json").stdout)
    assert (got["name"], got["state"]) == (job.name, "succeeded")
    assert got["spec"]["enhance"]["student"] == "offline/student"
    assert cli("jobs", "pause", job.name).returncode == 2, "what has ended cannot be paused"
    assert cli("jobs", "list", "--state", "sleeping").returncode == 2
    assert cli("jobs", "get", "jobs/none").returncode == 2


def test_a_cancelled_job_is_told_by_the_exit_code(cli: Cli, client: Client, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "many.jsonl", [qa_row(n, 50) for n in range(1500)])
    name = cli("submit", source, *OFFLINE, "--batch-size", "1").stdout.strip()
    assert cli("jobs", "cancel", name).returncode == 0
    watched = cli("watch", name)
    assert watched.returncode == 1
    assert "cancelled" in watched.stderr
    assert cli("submit", source, *OFFLINE, "--batch-size", "1").stdout.strip() != name
    for handle in client.jobs("running"):
        handle.cancel()


def test_examples(cli: Cli, job: JobHandle) -> None:
    listed = cli("examples", job.name)
    assert listed.returncode == 0, listed.stderr
    ids = [line.split("\t")[0] for line in listed.stdout.splitlines()]
    assert len(ids) == 5
    shown = cli("examples", job.name, "--id", ids[0])
    assert "round 1" in shown.stdout
    assert "known answer: 30" in shown.stdout
    full = [json.loads(line) for line in cli("examples", job.name, "--json").stdout.splitlines()]
    assert all(example["rounds"] for example in full)
    assert cli("examples", job.name, "--id", "nothing").returncode == 2


def test_datasets(cli: Cli, service: Endpoint, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "mixed.jsonl", [qa_row(60, 1), {"messages": "none"}])
    uploaded = cli("datasets", "upload", source, "--name", "sums")
    assert uploaded.returncode == 0, uploaded.stderr
    name = uploaded.stdout.strip()
    listed = cli("datasets", "list")
    assert [name, "sums", "1", "1"] in [line.split("\t")[:4] for line in listed.stdout.splitlines()]
    bad = cli("datasets", "bad-rows", name)
    assert bad.stdout.split("\t")[:2] == ["mixed.jsonl", "2"]


def test_exit_codes_of_a_service_that_is_not_there_or_not_ours(cli: Cli, service: Endpoint, tmp_path: Path) -> None:
    gone = cli("--server", "127.0.0.1:1", "jobs", "list")
    assert gone.returncode == 3
    assert "Traceback" not in gone.stderr
    (tmp_path / "token").write_text("wrong\n")
    refused = cli("--server", service.grpc, "--token-file", "token", "jobs", "list")
    assert refused.returncode == 3
    (tmp_path / "token").write_text(f"{service.token}\n")
    assert cli("--server", service.grpc, "--token-file", "token", "jobs", "list").returncode == 0
    assert cli("jobs", "list", "--no-such-option").returncode == 2


def test_an_offline_model_plays_its_own_role(cli: Cli, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [qa_row(40, 5)])
    refused = cli("submit", source, "--student", "offline/evaluator")
    assert refused.returncode != 0
    assert "student: offline/evaluator knows its own role alone" in refused.stderr


def test_help_loads_no_grpc(cli: Cli) -> None:
    loaded = cli("--help", PYTHONPROFILEIMPORTTIME="1")
    assert loaded.returncode == 0
    modules = {line.rsplit("|", 1)[-1].strip() for line in loaded.stderr.splitlines()}
    assert "typer" in modules
    assert not modules & {"grpc", "google.protobuf", "rich", "asyncio"}
