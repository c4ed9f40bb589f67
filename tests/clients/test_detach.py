"""Ctrl-C leaves a job, the job goes on, and the same command takes it up again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from teachback import Client
from teachback.service import ensure

from tests.clients.conftest import OFFLINE, Cli, qa_row, read_rows, stop, write_rows

ROWS = 200


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", [qa_row(n, 7) for n in range(ROWS)])


def begin(environment: dict[str, str], tmp_path: Path, *arguments: object) -> tuple[subprocess.Popen[str], str]:
    """Starts the command line and returns it with the name of its job, once it has one."""
    command = [sys.executable, "-m", "teachback.cli", *map(str, arguments)]
    process = subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    line = process.stderr.readline()
    assert line.startswith("jobs/"), line + process.stderr.read()
    return process, line.split(":")[0]


def test_leave_and_take_up_again(
    cli: Cli, environment: dict[str, str], client: Client, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    command = ("enhance-thinking", source, out, *OFFLINE, "--batch-size", "2")
    process, name = begin(environment, tmp_path, *command)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert f"teachback watch {name}" in said
    job = client.job(name)
    assert not job.ended, "the job was over before anybody could leave it: give it more rows"
    assert not out.exists() or 0 < len(read_rows(out)) < ROWS, "what was finished by then, and no more"

    watched = cli("watch", name)
    assert watched.returncode == 0, watched.stderr
    assert job.refresh().progress.done_examples == ROWS

    again = cli(*command)
    assert again.returncode == 0, again.stderr
    assert f"{name}: " in again.stderr
    assert [row["messages"] for row in read_rows(out)] == [row["messages"] for row in read_rows(source)]


def test_an_interrupted_run_leaves_an_output_made_elsewhere_alone(
    environment: dict[str, str], client: Client, source: Path, tmp_path: Path
) -> None:
    out = write_rows(tmp_path / "out.jsonl", [qa_row(9, 9)])
    before = out.read_bytes()
    process, name = begin(environment, tmp_path, "enhance-thinking", source, out, *OFFLINE, "--batch-size", "1")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert out.read_bytes() == before
    client.job(name).cancel()


def test_the_command_starts_its_service_again_when_that_dies(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    try:
        first = ensure(home)
        environment = {**os.environ, "TEACHBACK_HOME": str(home)}
        out = tmp_path / "out.jsonl"
        process, _ = begin(environment, tmp_path, "enhance-thinking", source, out, *OFFLINE, "--batch-size", "2")
        os.kill(first.pid, signal.SIGKILL)
        _, said = process.communicate(timeout=90)
        assert process.returncode == 0, said
        assert ensure(home).pid != first.pid
        assert [row["messages"] for row in read_rows(out)] == [row["messages"] for row in read_rows(source)]
    finally:
        stop(home)
