"""Rows for the far model, in the Q&A shape."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support import brain


def row(n: int, need: int = 0, manner: str = "", thinking: str = "") -> dict[str, Any]:
    """One source row. `need`: hints it takes; `manner`: "stuck" or "word", see tests/support/brain.py."""
    tag = f"[[n={n} need={need}{' ' + manner if manner else ''}]]"
    messages = [
        {"role": "user", "content": f"What does entry {n} come to? {tag}"},
        {"role": "assistant", "content": brain.word(n) if manner == "word" else str(brain.number(n))},
    ]
    made: dict[str, Any] = {"messages": messages}
    if thinking:
        made["metadata"] = {"thinking": thinking}
    return made


def mixed(count: int) -> list[dict[str, Any]]:
    """Rows that take one to three rounds, every other one judged by the model alone."""
    return [row(n, n % 3, "word" if n % 2 else "") for n in range(count)]


def write(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """The rows as a file of JSONL."""
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return path
