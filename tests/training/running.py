"""Trainings of the tiny model: settings, a run in this process, and one in a child that is killed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from training import configs, dpo, sft
from training.configs import DpoConfig, SftConfig, validate
from training.progress import Finished

TRAINING: dict[str, Any] = {
    "num_train_epochs": 4,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 2,
    "learning_rate": 3e-3,
    "save_steps": 3,
}
"""20 steps over 40 rows."""


def sft_config(model: Path, rows: Path, output: Path, validation: Path | None = None, **training: Any) -> SftConfig:
    """Settings of a run of 20 steps; keywords are fields of `training`, `max_seq_length` one of `data`."""
    data = {"train_file": rows, "validation_file": validation, "max_seq_length": training.pop("max_seq_length", 2048)}
    return validate(
        SftConfig,
        {
            "model": {"name": str(model)},
            "training": {**TRAINING, "output_dir": output, **training},
            "data": data,
            "logging": {"logging_steps": 1},
        },
    )


def dpo_config(model: Path, pairs: Path, output: Path, **training: Any) -> DpoConfig:
    """The same for DPO."""
    return validate(
        DpoConfig,
        {
            "model": {"name": str(model)},
            "training": {**TRAINING, "output_dir": output, **training},
            "data": {"preference_file": pairs},
            "logging": {"logging_steps": 1},
        },
    )


def run_sft(config: SftConfig) -> tuple[Finished, list[dict[str, Any]]]:
    """What came out, and the events that were told."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        finished = sft.run(config)
    return finished, _events(told.getvalue())


def run_dpo(config: DpoConfig) -> tuple[Finished, list[dict[str, Any]]]:
    """What came out, and the events that were told."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        finished = dpo.run(config)
    return finished, _events(told.getvalue())


def losses(folder: Path) -> list[float]:
    """The training losses of every step."""
    return [point["loss"] for point in json.loads((folder / "loss.json").read_text())["train"]]


def killed(program: str, config: SftConfig | DpoConfig, folder: Path, *, at_step: int, after: float = 0) -> None:
    """Runs the program as a child and kills it with SIGKILL so many seconds after it tells of this step."""
    file = folder / f"{program}.yaml"
    file.write_text(configs.dump(config))
    command = [sys.executable, "-m", f"training.{program}", "--config", str(file)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as child:
        assert child.stdout is not None
        for line in child.stdout:
            event = json.loads(line)
            assert event["event"] not in ("done", "error"), event
            if event.get("stage") == "train" and event["step"] >= at_step:
                time.sleep(after)
                child.send_signal(signal.SIGKILL)
                break
        child.wait()


def _events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"event"')]
