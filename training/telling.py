"""A training's progress as events: loss, speed, memory, and when it will be done."""

from __future__ import annotations

import resource
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import psutil
import torch
from transformers import TrainerCallback

from training.progress import emit

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

_SECONDS: Final = 2.0
"""No longer than this without a line, however many steps lie between two."""

_NAMES: Final = {
    "loss": "loss",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
    "mean_token_accuracy": "token_accuracy",
    "rewards/margins": "reward_margin",
    "rewards/accuracies": "reward_accuracy",
    "rewards/chosen": "reward_chosen",
    "rewards/rejected": "reward_rejected",
    "logps/chosen": "logps_chosen",
    "logps/rejected": "logps_rejected",
}
"""What TRL calls its figures, and what the events call them."""


def memory_bytes() -> int:
    """What this process holds now: of the GPU where there is one, else of main memory."""
    if torch.cuda.is_available():
        return int(torch.cuda.memory_allocated())
    if torch.backends.mps.is_available():
        return int(torch.mps.driver_allocated_memory())
    return int(psutil.Process().memory_info().rss)


def peak_memory_bytes() -> int:
    """The most that this process has held, of the same memory."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def renamed(figures: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The figures of one log line under the events' names; `prefix` is what stands before them, as "eval_"."""
    return {
        f"{prefix}{ours}": figures[prefix + theirs] for theirs, ours in _NAMES.items() if prefix + theirs in figures
    }


class Telling(TrainerCallback):
    """Emits `step` and `eval`, and keeps what the metrics need of speed."""

    def __init__(self, logging_steps: int) -> None:
        self._every = logging_steps
        self._told = 0.0
        self._begun = self._paused = 0.0
        self._first_step = 0
        self.tokens = 0
        self.seconds = 0.0
        """Of training alone, this process."""

    @property
    def tokens_per_second(self) -> float | None:
        """Over this process's steps, padding not counted."""
        return self.tokens / self.seconds if self.seconds else None

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Starts the clock."""
        self._begun, self._first_step = time.monotonic(), state.global_step

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """What lies between two steps (measuring, saving) is no training time."""
        if self._paused:
            self._begun += time.monotonic() - self._paused
            self._paused = 0.0

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **kwargs: Any
    ) -> None:
        """A line of figures: of a step, or of a measurement."""
        if not logs or not state.is_world_process_zero:
            return
        step, now = state.global_step, time.monotonic()
        if "eval_loss" in logs:
            emit("eval", step=step, epoch=logs.get("epoch"), eval_loss=logs["eval_loss"], **_beside(logs))
            return
        if "loss" not in logs:
            return
        self.seconds = now - self._begun
        self.tokens = int(logs.get("num_tokens", 0))
        self._paused = now
        if step % self._every and step not in (1, state.max_steps) and now - self._told < _SECONDS:
            return
        self._told = now
        pace = self.seconds / max(1, step - self._first_step)
        emit(
            "step",
            stage="train",
            step=step,
            steps=state.max_steps,
            epoch=round(float(logs.get("epoch", 0)), 4),
            **renamed(logs),
            tokens_per_second=round(self.tokens / self.seconds, 1) if self.seconds else None,
            eta_seconds=round(pace * (state.max_steps - step), 1),
            memory_bytes=memory_bytes(),
        )


def _beside(logs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in renamed(logs, "eval_").items() if name != "eval_loss"}
