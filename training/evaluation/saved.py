"""Answers of one model, kept while the others are measured, so that a run that was killed goes on behind them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from training.evaluation.figures import Result
from training.generation import Answer, Loss
from training.metrics import Judgement


class Told(NamedTuple):
    """What is known of a model, and its results in the order of the rows."""

    about: dict[str, Any]
    results: list[Result]


class Saved:
    """One file, named by a hash of everything that the answers depend on; whole or not there."""

    def __init__(self, folder: Path, key: str) -> None:
        self._path = folder / f"{key}.json"

    def read(self) -> Told | None:
        """What was written, or None."""
        try:
            held = json.loads(self._path.read_text(encoding="utf-8"))
        except OSError:
            return None
        results = [
            Result(Answer(*answer), Loss(*loss) if loss else None, Judgement(*judgement))
            for answer, loss, judgement in held["results"]
        ]
        return Told(held["about"], results)

    def write(self, about: dict[str, Any], results: Sequence[Result]) -> Told:
        """Keeps it, and returns it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps({"about": about, "results": results}, ensure_ascii=False), encoding="utf-8")
        os.replace(part, self._path)
        return Told(about, list(results))
