"""The files beside a persona run's output: the split by chunk, the checkpoint, the figures."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from teachback.errors import BadInput
from teachback.files import replacing
from teachback.stats import write_json


@dataclass(frozen=True)
class Files:
    """The names that go with one output, X.jsonl: X_train.jsonl, X_val.jsonl, X_checkpoint.json, X_stats.json."""

    out: Path

    @property
    def train(self) -> Path:
        """The rows to train on."""
        return self._beside("train", ".jsonl")

    @property
    def validation(self) -> Path:
        """The rows held out."""
        return self._beside("val", ".jsonl")

    @property
    def checkpoint(self) -> Path:
        """How far the run is, and which job goes on with it."""
        return self._beside("checkpoint", ".json")

    @property
    def stats(self) -> Path:
        """The figures."""
        return self._beside("stats", ".json")

    @property
    def backup(self) -> Path:
        """What the output will be called once another run replaces it: X.jsonl.bak, .bak.2 where that is taken, ..."""
        first = self.out.with_name(f"{self.out.name}.bak")
        numbered = (first.with_name(f"{first.name}.{number}") for number in itertools.count(2))
        return next(path for path in itertools.chain([first], numbered) if not path.exists())

    def _beside(self, what: str, ending: str) -> Path:
        return self.out.with_name(f"{self.out.stem}_{what}{ending}")


def read_note(path: Path) -> dict[str, Any]:
    """A checkpoint; empty where there is none that can be read."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def write_note(path: Path, note: dict[str, Any]) -> None:
    """Writes a checkpoint whole or not at all."""
    write_json(path, note)


def count_lines(path: Path) -> int:
    """The lines of a file that say anything."""
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def chunks(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Line number and object of every chunk of a file, or why it can be none. Raises BadInput for no file at all."""
    try:
        file = path.open(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    with file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, _chunk(line)


def _chunk(line: str) -> dict[str, Any] | str:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return "no JSON"
    if not isinstance(row, dict):
        return "no object"
    if not str(row.get("text") or "").strip():
        return "text is missing or empty"
    if not key(row)[1]:
        return "id (chunk_id) is missing or empty"
    return row if key(row)[0] else "source_id (work_id) and source_title (work_title) are missing or empty"


def key(row: dict[str, Any]) -> tuple[str, str]:
    """Source and id of a chunk, in either spelling, or of an example's metadata."""
    names = ("source_id", "work_id", "source_title", "work_title")
    source = next((str(row[n]) for n in names if row.get(n) not in (None, "")), "")
    return source, next((str(row[n]) for n in ("id", "chunk_id") if row.get(n) not in (None, "")), "")


def write_split(files: Files, source: Path, ratio: float, seed: int) -> tuple[int, int]:
    """Writes the two parts; returns their numbers of rows.

    Whole chunks go to one side, and chunks with the same text or the same id go together. At least one stays on each
    side where there are two.
    """
    sizes: dict[str, int] = {}
    groups = _groups(source)
    for line in _lines(files.out):
        group = _group_of(line, groups)
        sizes[group] = sizes.get(group, 0) + 1
    wanted = round((1 - ratio) * sum(sizes.values()))
    drawn = sorted(sizes, key=lambda group: hashlib.sha256(f"{seed}\0{group}".encode()).digest())
    held: set[str] = set()
    rows = 0
    for group in drawn[:-1]:
        if rows >= wanted and held:
            break
        held.add(group)
        rows += sizes[group]
    counts = [0, 0]
    with replacing(files.train) as train, replacing(files.validation) as validation:
        for line in _lines(files.out):
            out = _group_of(line, groups) in held
            (validation if out else train).write(line)
            counts[out] += 1
    return counts[0], counts[1]


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _group_of(line: bytes, groups: dict[tuple[str, str], str]) -> str:
    name = key({**(row := json.loads(line)["metadata"]), "id": row["chunk_id"]})
    return groups.get(name, "\0".join(name))


def _groups(source: Path) -> dict[tuple[str, str], str]:
    """Chunk -> the group it goes with; only chunks that share their text or id with another one are named."""
    by_text: dict[bytes, tuple[str, str]] = {}
    leader: dict[tuple[str, str], tuple[str, str]] = {}

    def top(name: tuple[str, str]) -> tuple[str, str]:
        while leader.get(name, name) != name:
            name = leader[name]
        return name

    with contextlib.suppress(BadInput):  # it was read once already; without it every chunk is its own group
        for _, row in chunks(source):
            if isinstance(row, dict):
                digest = hashlib.sha256(" ".join(str(row["text"]).split()).encode("utf-8", "replace")).digest()[:12]
                first = by_text.setdefault(digest, key(row))
                if top(first) != top(key(row)):
                    leader[top(key(row))] = top(first)
    return {name: "\0".join(top(name)) for name in leader}
