"""The shell client with real curl and jq."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from teachback.service import Endpoint

from tests.clients.conftest import OFFLINE, qa_row, read_rows, write_rows

SCRIPT = Path(__file__).resolve().parents[2] / "clients/shell/teachback"
Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(service: Endpoint, tmp_path: Path) -> Shell:
    missing = [tool for tool in ("bash", "curl", "jq") if not shutil.which(tool)]
    if missing and os.environ.get("CI"):
        pytest.fail(f"not installed: {missing}")
    if missing:
        pytest.skip(f"not installed: {missing}")

    def run(*arguments: str | Path, token: str = service.token or "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TEACHBACK_URL": service.rest, "TEACHBACK_TOKEN": token}
        command = ["bash", str(SCRIPT), *map(str, arguments)]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )

    return run


def test_submit_watch_export(shell: Shell, tmp_path: Path) -> None:
    one = write_rows(tmp_path / "one file.jsonl", [qa_row(90, n) for n in range(3)])
    one.write_text(one.read_text().rstrip("\n"))  # no line feed at the end: its last row must not be glued to the next
    two = write_rows(tmp_path / "two.jsonl", [qa_row(91, n) for n in range(3)])
    submitted = shell("submit", one, two, *OFFLINE, "--iterations", "2", "--batch-size", "3")
    assert submitted.returncode == 0, submitted.stderr
    name = submitted.stdout.strip()

    watched = shell("watch", name)
    assert watched.returncode == 0, watched.stderr
    events = [json.loads(line) for line in watched.stdout.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["state"] == "succeeded"
    late = shell("watch", name, str(len(events) - 1))
    assert [json.loads(line)["seq"] for line in late.stdout.splitlines()] == [len(events)]

    assert shell("export", name, "out.jsonl").returncode == 0
    rows = read_rows(tmp_path / "out.jsonl")
    assert [row["messages"] for row in rows] == [row["messages"] for row in read_rows(one) + read_rows(two)]
    tagged = shell("export", name, "--as", "messages", "--tag", "think")
    assert all(json.loads(line)["messages"][-1]["content"].startswith("<think>") for line in tagged.stdout.splitlines())

    got = json.loads(shell("get", name).stdout)
    assert (got["name"], got["spec"]["enhance"]["max_iterations"]) == (name, 2)
    assert [name, "succeeded", "6/6"] in [line.split("\t")[:3] for line in shell("jobs").stdout.splitlines()]


def test_cancel(shell: Shell, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [qa_row(n, 92) for n in range(1500)])
    name = shell("submit", source, *OFFLINE, "--batch-size", "1").stdout.strip()
    cancelled = shell("cancel", name)
    assert cancelled.returncode == 0, cancelled.stderr
    watched = shell("watch", name)
    assert watched.returncode == 1
    assert f"{name} is cancelled" in watched.stderr


def test_pause_resume_retry(shell: Shell, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [qa_row(n, 94) for n in range(1500)])
    name = shell("submit", source, *OFFLINE, "--batch-size", "1").stdout.strip()
    assert shell("pause", name).stdout == f"{name} paused\n"
    refused = shell("resume", name, "--max-cost", "0")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "above 0" in refused.stderr
    assert json.loads(shell("get", name).stdout)["state"] == "paused"
    resumed = shell("resume", name, "--max-cost", "2.5")
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.split()[1] in ("queued", "running")
    assert json.loads(shell("get", name).stdout)["spec"]["enhance"]["max_cost"] == 2.5
    again = shell("retry", name)
    assert (again.returncode, again.stdout) == (2, ""), "it is at work"
    shell("cancel", name)
    shell("watch", name)
    assert shell("retry", name).stdout == f"{name} queued\n", "those never reached"
    shell("cancel", name)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("pause",), 2, "name a job"),
        (("resume",), 2, "name a job"),
        (("retry", "none"), 2, "none"),
        (("submit", "in.jsonl", "--max-cost", "0"), 2, "above 0"),
        (("get", "none"), 2, "none"),
        (("get", "../datasets"), 2, "not a job"),
        (("watch", "none"), 2, "none"),
        (("export", "none", "out.jsonl"), 2, "none"),
        (("submit",), 2, "at least one file"),
        (("submit", "none.jsonl"), 2, "cannot be read"),
        (("submit", "in.jsonl", "--iterations", "many"), 2, "not a number"),
        (("submit", "in.jsonl", "--style", "poem"), 2, "style"),
        (("submit", "in.jsonl", "--colour", "red"), 2, "--colour"),
        (("dance",), 2, "usage"),
    ],
)
def test_what_cannot_work_is_said(
    shell: Shell, tmp_path: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    write_rows(tmp_path / "in.jsonl", [qa_row(93, 1)])
    refused = shell(*arguments)
    assert refused.returncode == code, refused.stderr
    assert says in refused.stderr
    assert refused.stdout == ""
    assert not (tmp_path / "out.jsonl").exists()


def test_a_wrong_token_is_told_apart(shell: Shell) -> None:
    refused = shell("jobs", token="wrong")
    assert refused.returncode == 3
    assert "401" in refused.stderr
