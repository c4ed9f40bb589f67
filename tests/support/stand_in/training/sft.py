"""A training that trains nothing. The model's name says how it behaves: "stand-in/steps-40", "stand-in/hungry" ..."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml


def emit(event: str, **fields: Any) -> None:
    """One line on stdout."""
    print(json.dumps({"event": event, **fields}), flush=True)


def main() -> int:
    """Returns the exit status."""
    config = yaml.safe_load(Path(sys.argv[sys.argv.index("--config") + 1]).read_text())
    manner, _, count = config["model"]["name"].rpartition("/")[2].partition("-")
    output = Path(config["training"]["output_dir"])
    emit("start", program="sft", config=config)
    print("a library says hello", flush=True)
    print("a library complains", file=sys.stderr, flush=True)
    if output.is_dir():
        emit("done", output_dir=str(output), metrics=json.loads((output / "metrics.json").read_text()))
        return 0
    emit("proof", text="[prompt] -> answer<eos>")
    match manner:
        case "refuse":
            emit("error", code=count, message="input/train.jsonl, line 3: the row is too long")
            return 2
        case "crash":
            print("\n".join(f"line {n}" for n in range(1, 31)), file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        case "traceback":
            raise RuntimeError("nobody foresaw this")
        case "hungry":
            held = []
            while True:
                held.append(os.urandom(1 << 20) * 16)
                time.sleep(0.01)
        case "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            emit("step", stage="train", step=1, steps=2, pids=[os.getpid(), grandchild.pid])
            time.sleep(600)
    steps = int(count) if count.isdigit() else 4
    done = train(output.with_name(f"{output.name}.work"), steps, config)
    metrics = {"train_loss": 1 / steps, "steps_of_this_life": done}
    publish(output, config, metrics, large=manner == "large")
    emit("done", output_dir=str(output), metrics=metrics)
    return 0


def train(work: Path, steps: int, config: dict[str, Any]) -> int:
    """Goes on from the last checkpoint; returns the steps it did itself."""
    work.mkdir(exist_ok=True)
    begun = 0
    for folder in work.glob("checkpoints/*"):
        if (folder / "whole").exists():
            begun = max(begun, int(folder.name.rpartition("-")[2]))
        else:  # it was killed just then
            shutil.rmtree(folder)
    for step in range(begun + 1, steps + 1):
        time.sleep(0.05)
        emit("step", stage="train", step=step, steps=steps, epoch=step / steps, loss=1 / step,
             learning_rate=1e-3, tokens_per_second=100.0, eta_seconds=(steps - step) * 0.05,
             memory_bytes=1 << 28)  # fmt: skip
        if step % 5 == 0:
            save(work / "checkpoints", step)
            emit("checkpoint", step=step)
    emit("eval", step=steps, eval_loss=0.5)
    return steps - begun


def save(checkpoints: Path, step: int) -> None:
    """Writes a checkpoint as the trainer does, and takes the one before the last away."""
    folder = checkpoints / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "state").write_bytes(os.urandom(9 << 20) if step % 10 == 0 else b"")
    (folder / "whole").touch()
    shutil.rmtree(checkpoints / f"checkpoint-{step - 10}", ignore_errors=True)


def publish(output: Path, config: dict[str, Any], metrics: dict[str, Any], *, large: bool) -> None:
    """Writes what a training leaves, and gives it its name."""
    work = output.with_name(f"{output.name}.work")
    shutil.rmtree(work / "checkpoints", ignore_errors=True)
    (work / "curves").mkdir(exist_ok=True)
    (work / "curves" / "loss.json").write_text("[1, 0.5]")
    (work / "metrics.json").write_text(json.dumps(metrics))
    (work / "environment.json").write_text(json.dumps(dict(os.environ)))
    (work / "rows.json").write_text(json.dumps(config["data"]))
    (work / ".hidden").write_text("not for callers")
    if large:
        with (work / "model.safetensors").open("wb") as file:
            for number in range(120):
                file.write(bytes([number]) * (1 << 20))
    files = {p.relative_to(work).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in work.rglob("*.json")}
    (work / "manifest.json").write_text(json.dumps({"files": files}))
    work.rename(output)


if __name__ == "__main__":
    sys.exit(main())
