"""How many steps a training takes, and when it saves and measures. Loads without torch."""

from __future__ import annotations

import math
import os
from typing import NamedTuple

from training.configs import Training
from training.errors import InvalidInput


class Schedule(NamedTuple):
    """Optimizer steps."""

    steps: int
    """In all, where nothing stops it early."""
    an_epoch: int
    save_every: int
    eval_every: int


def schedule(training: Training, sequences: int) -> Schedule:
    """The steps for so many sequences (rows, or packs of them). Raises InvalidInput where two settings don't agree."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    batches = math.ceil(math.ceil(sequences / world) / training.per_device_train_batch_size)
    an_epoch = math.ceil(batches / training.gradient_accumulation_steps)
    steps = training.max_steps or math.ceil(training.num_train_epochs * an_epoch)
    eval_every = min(training.eval_steps or an_epoch, steps)
    save_every = training.save_steps or max(1, math.ceil(an_epoch / 4))
    if training.early_stopping_patience:  # the best measured model has to be there, so that it can be gone back to
        if training.save_steps and training.save_steps % eval_every:
            raise InvalidInput(
                f"training.save_steps: has to be a multiple of the {eval_every} steps between two measurements "
                "(training.eval_steps) where early_stopping_patience is set"
            )
        save_every = training.save_steps or eval_every
    return Schedule(steps, an_epoch, save_every, eval_every)
