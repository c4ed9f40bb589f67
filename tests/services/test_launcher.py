"""Children of the launcher: what they say arrives, what they may not see does not, and none outlives who asked."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from services.errors import InvalidRequest, NotFound, TooLarge, TrainingFailed, WrongState
from services.training import launcher
from tests.support.service import ROOT, STAND_IN


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job's folder, and the stand-in in front of the real programs."""
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    return tmp_path


async def train(folder: Path, model: str, events: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """Runs the stand-in."""
    write(folder, model)

    async def note(event: dict[str, Any]) -> None:
        if events is not None:
            events.append(event)

    return await launcher.run("training.sft", ["--config", "config.yaml"], folder, note, **more)


def write(folder: Path, model: str) -> None:
    """The settings of a run."""
    config = {"model": {"name": f"stand-in/{model}"}, "training": {"output_dir": "output"}, "data": {}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


async def test_what_it_says_arrives_in_order(folder: Path) -> None:
    events: list[dict[str, Any]] = []
    done = await train(folder, "steps-4", events)
    assert done["metrics"]["steps_of_this_life"] == 4
    assert [e["event"] for e in events] == ["start", "proof", *["step"] * 4, "eval"]
    assert [e["step"] for e in events if e["event"] == "step"] == [1, 2, 3, 4]


async def test_no_secret_is_handed_down(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = "canary-4f1d"
    names = ("TEACHBACK_TOKEN", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "ANY_OTHER")
    for name in names:
        monkeypatch.setenv(name, canary)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    await train(folder, "quick")
    seen = json.loads((folder / "output/environment.json").read_text())
    assert canary not in json.dumps(seen)
    assert seen["HF_HUB_OFFLINE"] == "1"
    assert seen.keys() - launcher.ENVIRONMENT <= {
        "PYTHONUNBUFFERED",
        "TOKENIZERS_PARALLELISM",
        "TQDM_DISABLE",
        "LC_CTYPE",
    }


@pytest.mark.parametrize(
    ("code", "error"),
    [("invalid", InvalidRequest), ("missing", NotFound), ("busy", WrongState), ("resource", TooLarge)],
)
async def test_what_it_refuses_is_told_as_it_says(folder: Path, code: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^input/train.jsonl, line 3: the row is too long$"):
        await train(folder, f"refuse-{code}")


async def test_a_killed_child_leaves_its_last_lines(folder: Path) -> None:
    with pytest.raises(TrainingFailed) as raised:
        await train(folder, "crash")
    said = str(raised.value).splitlines()
    assert said[0] == "sft was killed (SIGKILL); its last lines:"
    assert said[1:] == [f"line {n}" for n in range(11, 31)]


async def test_an_error_that_nobody_foresaw_is_told(folder: Path) -> None:
    with pytest.raises(TrainingFailed, match=r"(?s)^sft ended with status 1; .*RuntimeError: nobody foresaw this$"):
        await train(folder, "traceback")


async def test_past_its_memory_it_is_ended(folder: Path) -> None:
    with pytest.raises(TooLarge, match=r"^sft took \d+ MiB of memory and may take 200 MiB \(training_memory_limit\)"):
        await train(folder, "hungry", memory_limit=200 << 20)


async def test_cancelled_it_and_its_children_are_gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "PATIENCE", 0.5)
    events: list[dict[str, Any]] = []
    running = asyncio.create_task(train(folder, "stubborn", events))
    async with asyncio.timeout(60):
        while not any("pids" in e for e in events):  # noqa: ASYNC110 - it says so when it is there
            await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    async with asyncio.timeout(5):  # killed, and a moment later gone
        while any(alive(pid) for pid in events[-1]["pids"]):  # noqa: ASYNC110 - there is nothing to wait on
            await asyncio.sleep(0.01)


def test_it_dies_with_whoever_started_it(folder: Path) -> None:
    write(folder, "stubborn")
    script = f"""
import asyncio, json
from pathlib import Path
from services.training import launcher
async def note(event):
    if "pids" in event:
        print(json.dumps(event["pids"]), flush=True)
asyncio.run(launcher.run("training.sft", ["--config", "config.yaml"], Path({str(folder)!r}), note))
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        pids = json.loads(service.stdout.readline())
        assert all(alive(pid) for pid in pids)
        os.kill(service.pid, signal.SIGKILL)
    gone_by = time.monotonic() + 5
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < gone_by, "a child outlived the service"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process runs: one that nobody has buried yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
