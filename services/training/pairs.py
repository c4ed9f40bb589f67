"""Preference pairs: the prompts they are drawn for, what rules know of an answer, and the two shapes of a row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from graphs.rules.numbers import numbers_in, plain
from graphs.rules.oracle import compare, kind_of
from training import metrics, rows

LONGEST: Final = 2048
"""Tokens of a drawn answer at most, however long its ideal is."""


class Prompt(NamedTuple):
    """A prompt of a dataset with all answers that are right to it, its own first row's in front."""

    row: rows.Row
    ideals: tuple[str, ...]


class Prompts:
    """The prompts of a file of rows, each once, in the order in which they first come. The file is read where needed;
    in memory is where each row begins."""

    def __init__(self, path: Path) -> None:
        """`path`: rows that were read once already (services.training.rows), one a line."""
        self._path = path
        self._places: list[list[int]] = []
        """Of each prompt, where its rows begin: several rows may answer one prompt."""
        known: dict[bytes, int] = {}
        with path.open("rb") as file:
            at = 0
            for line in file:
                key = _key(_row(line).prompt)
                if key not in known:
                    known[key] = len(self._places)
                    self._places.append([])
                self._places[known[key]].append(at)
                at += len(line)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> Prompt:
        with self._path.open("rb") as file:
            found = []
            for at in self._places[number]:
                file.seek(at)
                found.append(_row(file.readline()))
        return Prompt(found[0], tuple(dict.fromkeys(row.completion for row in found)))


def _row(line: bytes) -> rows.Row:
    row = rows.parse(json.loads(line))
    assert isinstance(row, rows.Row)
    return row


def _key(prompt: tuple[rows.Message, ...]) -> bytes:
    spoken = [(m.role, m.content) for m in prompt]
    return hashlib.blake2b(json.dumps(spoken).encode(), digest_size=16).digest()


def right(answer: str, ideal: str) -> bool | None:
    """Whether an answer is as right as the ideal one, by rule; None where only a judge can tell.

    JSON: as evaluation measures it (training.metrics), equal as a value; where what it calls is equal, and only its
    free words or its confidence differ, a judge looks. Numbers and texts: as the loop does (graphs.rules.oracle), but
    that an answer which says the right number among others is no wrong one by rule.
    """
    kind = kind_of(ideal)
    if kind == "json":
        judged = metrics.judge(answer, ideal)
        return None if judged.same_call and not judged.exact else judged.exact
    verdict = compare(answer, ideal)
    if verdict is False and kind == "number":
        known = {n.value for n in numbers_in(plain(ideal))}
        said = {n.value for n in numbers_in(plain(answer))}
        return None if known <= said else False
    return verdict


def room(ideals: Iterable[str]) -> int:
    """Tokens that an answer may take: twice what its ideal could, and some to spare."""
    return min(LONGEST, 64 + max(2 * len(ideal.encode()) // 3 for ideal in ideals))


def pair(prompt: Iterable[dict[str, str]], chosen: str, rejected: str, about: dict[str, Any]) -> dict[str, Any]:
    """A row in TRL's conversational shape; `about` is its metadata."""
    return {"prompt": list(prompt), "chosen": _said(chosen), "rejected": _said(rejected), "metadata": about}


def openai(row: dict[str, Any]) -> dict[str, Any]:
    """The row in the shape of OpenAI's preference tuning, which takes no key but these."""
    return {
        "input": {"messages": row["prompt"], "tools": [], "parallel_tool_calls": True},
        "preferred_output": row["chosen"],
        "non_preferred_output": row["rejected"],
    }


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]
