"""Answers to look at, one JSON object a line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from training.evaluation.figures import Result
from training.rows import Row

SHOWN: Final = 10
"""Right answers shown of each model, and wrong ones."""


def write(
    path: Path,
    placed: Sequence[tuple[str, Row]],
    answers: Sequence[tuple[str, Sequence[Result]]],
    *,
    most: int | None = None,
) -> None:
    """The answers of all models, model by model; of each the first `most` that are wrong, then the right ones."""
    with path.open("w", encoding="utf-8") as file:
        for label, results in answers:
            lines = [(result.judgement.exact, place, row, result) for (place, row), result in
                     zip(placed, results, strict=True)]  # fmt: skip
            if most is not None:
                lines.sort(key=lambda line: line[0])  # stable: wrong ones first, each kind in the order of the file
            seen: Counter[bool] = Counter()
            for exact, place, row, result in lines:
                seen[exact] += 1
                if most is None or seen[exact] <= most:
                    file.write(_line(label, place, row, result) + "\n")


def _line(label: str, place: str, row: Row, result: Result) -> str:
    told = {
        "model": label,
        "verdict": "right" if result.judgement.exact else "wrong",
        "row": place,
        "prompt": [message.model_dump() for message in row.prompt],
        "reference": row.completion,
        "answer": result.answer.text,
        "finish_reason": result.answer.finish_reason,
        "tokens": result.answer.tokens,
        "seconds": None if result.answer.seconds is None else round(result.answer.seconds, 3),
        "loss": None if result.loss is None else round(result.loss.nats / result.loss.tokens, 4),
        "judgement": {k: v for k, v in result.judgement._asdict().items() if v is not None},
    }
    return json.dumps(told, ensure_ascii=False)
