"""What the command line needs of passages beside jobs: the packaged templates, and whether quotes are true."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import agents
from graphs.recipes.passages.blocks import Fault, not_in, read, templates_at_fault, write
from graphs.recipes.passages.templates import packaged
from graphs.recipes.passages.templates import read as read_templates

_FOLDER: Final = Path(agents.__file__).parent / "templates"


def templates() -> str:
    """The packaged templates file, for its user to edit."""
    return packaged()


def check(markdown: str, source: str, templates: str = "") -> tuple[int, list[Fault]]:
    """How many blocks of a passages file can be used, and every fault with its line, quotes not in `source` and
    templates that a file lacks included.

    No source: the quotes are taken as they are. `templates`: the file's text, empty: the packaged one. Raises
    BadTemplates.
    """
    blocks, faults = read(markdown)
    numbers = template_numbers(templates or packaged())
    wrong = not_in(blocks, source) if source else []
    for block in blocks:
        if why := templates_at_fault(block.passage, numbers):
            wrong.append(Fault(block.line, f"the block {why}", block.line))
    return len(blocks) - len({fault.block for fault in wrong}), sorted([*faults, *wrong])


def sample() -> str:
    """Three passages of our own, to try everything with."""
    return (_FOLDER / "sample_passages.md").read_text(encoding="utf-8")


def first(markdown: str, count: int) -> str:
    """A passages file with the first `count` usable blocks of another. Raises ValueError where it has none."""
    blocks, faults = read(markdown)
    if not blocks:
        raise ValueError("; ".join(f"line {fault.line}: {fault.reason}" for fault in faults[:5]))
    return write(block.passage for block in blocks[:count])


def template_numbers(markdown: str) -> list[str]:
    """The numbers of a templates file, in its order. Raises ValueError."""
    return list(read_templates(markdown))
