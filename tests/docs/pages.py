"""The pages a user reads, and the code blocks in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block. `line` is where its fence opens, from 1."""

    page: str
    line: int
    language: str
    text: str

    @property
    def id(self) -> str:
        """As "README.md:12"."""
        return f"{self.page}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """All blocks of these languages, page by page in reading order."""
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(page.relative_to(ROOT).as_posix(), line, match[1], match[2]))
    return [block for block in found if block.language in languages] if languages else found


def section(page: str, heading: str) -> str:
    """The text below a heading, down to the next one of any level. Raises ValueError where there is none such."""
    text = (ROOT / page).read_text("utf-8")
    if not (found := re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)):
        raise ValueError(f"{page} has no heading {heading!r}")
    return found[1]


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the tables in a section, heads and rules left out, cells stripped."""
    rows = [[cell.strip() for cell in row.split("|")] for row in _ROW.findall(section(page, heading))]
    rules = [i for i, row in enumerate(rows) if set("".join(row)) <= set("-: ")]
    heads = {i - 1 for i in rules}
    return [row for i, row in enumerate(rows) if i not in rules and i not in heads]


def code(cell: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)
