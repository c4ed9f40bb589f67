"""Checkpoints that count only once they are whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from accelerate import PartialState
from transformers import TrainerCallback

from training.progress import emit

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

_WHOLE: Final = "whole"
"""The file that is written when all others of a checkpoint are on the disk."""


def last(folder: Path) -> Path | None:
    """The latest whole checkpoint in a folder; what a killed trainer left half-written is removed."""
    whole = []
    for path in folder.glob("checkpoint-*"):
        if (path / _WHOLE).exists():
            whole.append(path)
        else:
            shutil.rmtree(path)
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


class MarkWhole(TrainerCallback):
    """Marks a checkpoint when every process has written its part and all of it is on the disk."""

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Called after a checkpoint is written.

        That of the step at which a training stops early never counts: gone on with from there, it would make one more.
        """
        if control.should_training_stop and state.global_step < state.max_steps:
            return
        PartialState().wait_for_everyone()
        if not state.is_world_process_zero:
            return
        folder = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
        for path in folder.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        (folder / _WHOLE).touch()
        emit("checkpoint", step=state.global_step)
