"""The files of a named training in its user's workspace: rows, split, figures and coverage."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from teachback.errors import BadInput
from teachback.files import replacing

_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")


class TrainingData:
    """`training/data/{name}` below a workspace. Raises BadInput for a name that is no plain file name."""

    def __init__(self, workspace: Path, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise BadInput(f"{name!r} can't name a training: letters, digits and - _ . without spaces")
        self.name = name
        self.schema = workspace / "schemas" / f"{name}.yaml"
        self.folder = workspace / "training" / "data" / name
        self.train = self.folder / "train.jsonl"
        self.validation = self.folder / "train_val.jsonl"
        self.progress = self.folder / "train_progress.jsonl"
        self.stats = self.folder / "stats.json"
        self.coverage = self.folder / "coverage.csv"

    def write(self, lines: Sequence[bytes], report: dict[str, Any], ratio: float) -> tuple[int, int]:
        """Writes rows (one line of JSON each), figures and matrix; returns the rows of train and of validation."""
        told = dict(report)
        held_out = validation(len(lines), told.pop("together", []), ratio)
        self.folder.mkdir(parents=True, exist_ok=True)
        _lines(self.validation, (line for place, line in enumerate(lines) if place in held_out))
        _matrix(self.coverage, told.pop("coverage", []))
        told["split"] = {"train": len(lines) - len(held_out), "validation": len(held_out)}
        with replacing(self.stats) as file:
            file.write(json.dumps(told, ensure_ascii=False, indent=2).encode() + b"\n")
        # Last, for where it stands the next run has nothing to do.
        _lines(self.train, (line for place, line in enumerate(lines) if place not in held_out))
        self.progress.unlink(missing_ok=True)
        return len(lines) - len(held_out), len(held_out)


def validation(rows: int, together: Sequence[Sequence[int]], ratio: float) -> set[int]:
    """Which of so many rows are held out: always the same, and no group of `together` is parted."""
    grouped = {place for places in together for place in places}
    groups = [list(places) for places in together] + [[place] for place in range(rows) if place not in grouped]
    groups.sort(key=lambda places: hashlib.blake2b(str(places[0]).encode(), digest_size=8).digest())
    wanted, chosen = round(rows * ratio), set[int]()
    for places in groups:
        if len(chosen) + len(places) <= wanted:
            chosen.update(places)
    return chosen


def _lines(path: Path, lines: Iterable[bytes]) -> None:
    with replacing(path) as file:
        for line in lines:
            file.write(line.rstrip(b"\n") + b"\n")


def _matrix(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("command", "subcommand", "what", "name", "rows"))
    writer.writerows((x["command"], x["subcommand"], x["what"], x["name"], x["rows"]) for x in lines)
    with replacing(path) as file:
        file.write(text.getvalue().encode())
