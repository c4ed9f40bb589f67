"""The trainer's programs on Ray's nodes: what they say, what they leave on the shared disk, and their end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from teachback.client import JobHandle
from teachback.v1 import job_pb2

from tests.ray.conftest import Team
from tests.services.test_trainer import follow
from tests.support.raycluster import until
from tests.support.rows import write
from tests.training.conftest import make_tiny, some_rows

FAILED, SUCCEEDED = job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_SUCCEEDED


def programs(team: Team) -> list[int]:
    """Those at work on the cluster's nodes."""
    found = []
    for process in team.cluster.processes():
        try:
            if {"-m", "training.sft"} <= set(process.cmdline()):
                found.append(process.pid)
        except psutil.NoSuchProcess:
            continue
    return found


def submit(team: Team, folder: Path, model: str, **options: Any) -> JobHandle:
    """An SFT job on forty rows."""
    path = write(folder / "rows.jsonl", some_rows(40))
    few: dict[str, Any] = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 1, "max_seq_length": 1024}
    return team.service.client.sft(path, model=model, learning_rate=1e-3, **{**few, **options})


def a_model(team: Team) -> None:
    """tests/tiny, where the nodes look for models."""
    model = team.hub / "hub/models--tests--tiny"
    if model.exists():
        return
    make_tiny(model / "snapshots/main-0")
    (model / "refs").mkdir()
    (model / "refs/main").write_text("main-0")
    team.wake()  # to make it takes longer than a service waits for a call


@pytest.fixture
def shared(team: Team) -> Iterator[None]:
    """The service is told to spread each training over two nodes."""
    team.service.stop()
    team.service.env["TEACHBACK_TRAINING_NODES"] = "2"
    team.service.start()
    yield
    team.service.stop()
    del team.service.env["TEACHBACK_TRAINING_NODES"]
    team.service.start()


@pytest.mark.timeout(240)
def test_what_a_program_finds_wrong_is_told(team: Team, tmp_path: Path) -> None:
    ended = submit(team, tmp_path, "tests/nowhere", max_steps=2).wait()
    assert ended.state == FAILED
    assert "tests/nowhere" in ended.error.message


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_training_whose_worker_dies_goes_on_and_leaves_a_whole_model(team: Team, tmp_path: Path) -> None:
    a_model(team)
    job = submit(team, tmp_path, "tests/tiny", max_steps=120, save_steps=10)
    follow(job, 12)
    assert len(programs(team)) == 1
    kill(team, lambda title: title.startswith("ray::services.ray.training:work"))
    assert job.wait().state == SUCCEEDED, job.job.error.message
    steps = after_a_new_start(job, tmp_path)
    assert steps[-1] == 120
    assert programs(team) == []


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_cancel_ends_the_program(team: Team, tmp_path: Path) -> None:
    job = submit(team, tmp_path, "tests/tiny", max_steps=100_000)
    until(lambda: bool(programs(team)), "a program at work")
    job.cancel()
    assert job.wait().state == job_pb2.JOB_STATE_CANCELLED
    until(lambda: not programs(team), "its end", 10)


@pytest.mark.soak
@pytest.mark.usefixtures("shared")
@pytest.mark.timeout(600)
def test_two_nodes_share_a_training_and_go_on_after_a_death(team: Team, tmp_path: Path) -> None:
    a_model(team)
    job = submit(team, tmp_path, "tests/tiny", num_train_epochs=8, save_steps=10)
    follow(job, 12)
    assert len(programs(team)) == 2
    where = {psutil.Process(pid).environ()["RANK"] for pid in programs(team)}
    assert where == {"0", "1"}
    os.kill(programs(team)[1], signal.SIGKILL)
    assert job.wait().state == SUCCEEDED, job.job.error.message
    steps = after_a_new_start(job, tmp_path)
    assert steps[-1] == 8 * 36 // 2 // 2, "of forty rows four are held out; a step takes two on each of two nodes"
    assert programs(team) == []


@pytest.mark.soak
@pytest.mark.usefixtures("shared")
@pytest.mark.timeout(300)
def test_what_a_shared_program_finds_wrong_is_told_at_once(team: Team, tmp_path: Path) -> None:
    ended = submit(team, tmp_path, "tests/nowhere", max_steps=2).wait()
    assert ended.state == FAILED
    assert "tests/nowhere" in ended.error.message
    assert "begun anew" not in ended.error.message


def after_a_new_start(job: JobHandle, folder: Path) -> list[int]:
    """The steps of a training that was begun anew after its tenth, once, and has left a whole model."""
    events = list(job.watch())
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    begun = [number for number, e in enumerate(events) if e.type == "proof"]
    assert len(begun) == 2, "once before something died, once after"
    steps = [e.progress.training.step for e in events[begun[1] :] if e.progress.training.stage == "train"]
    assert steps[0] > 10, "it began anew"
    names = {path.name for path in job.fetch(folder / "fetched")}
    assert {"adapter_model.safetensors", "manifest.json", "metrics.json", "loss.png"} <= names
    return steps


def kill(team: Team, meant: Callable[[str], bool]) -> None:
    """kill -9 of a process of the cluster, by its title."""
    for process in team.cluster.processes():
        if meant(" ".join(process.cmdline())):
            os.kill(process.pid, signal.SIGKILL)
            return
    raise AssertionError("there is none such")
