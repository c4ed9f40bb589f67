"""Rows that have two thinkings, the three ways to train on them, and how much of each makes equal trainings."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from training import thinking
from training.errors import InvalidInput
from training.rows import Message, Row, read_placed

ARMS: Final = ("none", "original", "enhanced")
"""No thinking, the thinking a row came with, the enhanced one."""


class Thought(NamedTuple):
    """One row with both its thinkings."""

    prompt: tuple[Message, ...]
    answer: str
    original: str
    enhanced: str

    def completion(self, arm: str) -> str:
        """What is learnt in an arm."""
        return thinking.join({"none": "", "original": self.original, "enhanced": self.enhanced}[arm], self.answer)


class Load(NamedTuple):
    """What one arm trains on: rows in all (some more than once), their tokens, rows a step."""

    rows: int
    tokens: int
    """As expected of so many rows; a training's own may differ by what its last rows are."""
    per_device_train_batch_size: int
    gradient_accumulation_steps: int
    steps: int


def read(train: Path, test: Path | None, share: float) -> tuple[list[Thought], list[Thought], dict[str, int]]:
    """Rows to train on, rows to measure on, and how many were left out or have the same thinking twice.

    Without a test file, `share` of the rows is held back, chosen by a hash of their prompts. Rows of a test file need
    no thinking. Raises InvalidInput where too few are left, or a prompt stands in both files.
    """
    thoughts, lacking = [], 0
    for place, row in read_placed(train):
        if not isinstance(row, Row):
            raise InvalidInput(f"{place}: is a preference pair; the arms need rows with thinking")
        told = _thought(row)
        lacking += not (told.original and told.enhanced)
        thoughts.append(told)
    usable = [one for one in thoughts if one.original and one.enhanced]
    if test is None:
        usable.sort(key=_hash)
        held = round(len(usable) * share)
        # Rows with one prompt stay on one side.
        while 0 < held < len(usable) and _hash(usable[held]) == _hash(usable[held - 1]):
            held += 1
        measured, usable = usable[:held], usable[held:]
    else:
        measured = [_thought(row) for _, row in read_placed(test, think="drop") if isinstance(row, Row)]
        known = {_hash(one) for one in usable}
        if shared := sum(_hash(one) in known for one in measured):
            raise InvalidInput(
                f"data.test_file: {shared} of its rows have a prompt that is in {train} too; "
                "measure on rows that are not trained on"
            )
    if not usable or not measured:
        raise InvalidInput(
            f"data.train_file: {train}: {len(thoughts)} rows, {lacking} of them without metadata.original_thinking or "
            f"metadata.thinking; that leaves {len(usable)} to train and {len(measured)} to measure on. "
            "Take the rows that `teachback enhance-thinking` writes"
        )
    return usable, measured, {"rows_left_out": lacking, "rows_unchanged": sum(o.original == o.enhanced for o in usable)}


def loads(counts: Mapping[str, Sequence[int]], epochs: float, batch: int, accumulation: int) -> dict[str, Load]:
    """How much each arm trains, from the tokens of its prompts and completions, a list by row.

    The arm with the most tokens trains `epochs` passes with `batch * accumulation` rows a step; the others as many
    tokens, with as many tokens a step as whole rows allow. So all cost the same. Tokens of the loss alone would have an
    arm of bare answers, a few tokens each, go over its rows a hundred times.
    """
    most = max(sum(of_rows) for of_rows in counts.values())
    rows = len(next(iter(counts.values())))
    budget, a_step = most * epochs, most / rows * batch * accumulation
    found = {}
    for arm, of_rows in counts.items():
        mean = sum(of_rows) / rows
        several = max(1, round(a_step / mean))
        accumulated = -(-several // batch)
        at_once = max(1, round(several / accumulated))
        taken = max(1, round(budget / mean))
        found[arm] = Load(taken, round(taken * mean), at_once, accumulated, -(-taken // (at_once * accumulated)))
    return found


def write(path: Path, thoughts: Sequence[Thought], arm: str, rows: int, seed: int) -> None:
    """So many rows of an arm: all of them in an order drawn from the seed, and again in another, until it is enough."""
    draws = random.Random(seed)  # noqa: S311 - nobody has to be unable to guess
    with path.open("w", encoding="utf-8") as file:
        left = rows
        while left > 0:
            for thought in draws.sample(thoughts, len(thoughts))[:left]:
                file.write(_line(thought, arm) + "\n")
            left -= len(thoughts)


def _thought(row: Row) -> Thought:
    metadata = row.source.get("metadata")
    held: Mapping[str, Any] = metadata if isinstance(metadata, dict) else {}
    original = held.get("original_thinking")
    inside, answer = thinking.split(row.completion)
    return Thought(row.prompt, answer, original.strip() if isinstance(original, str) else "", inside.strip())


def _line(thought: Thought, arm: str) -> str:
    prompt = [message.model_dump() for message in thought.prompt]
    return json.dumps({"prompt": prompt, "completion": thought.completion(arm)}, ensure_ascii=False)


def _hash(thought: Thought) -> str:
    said = [message.model_dump() for message in thought.prompt]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
