"""Lines as paragraphs: white space, indents and short last lines tell where one ends, columns and pages do not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from services.pdf.hyphens import Vocabulary
from services.pdf.lines import Line

_SPACED: Final = 1.35
"""Leadings between lines from which on they are two paragraphs."""
_INDENT: Final = (0.6, 3.5)
"""Font sizes that the first line of a paragraph is set in."""
_SHORT: Final = 0.15
"""Part of the column that the last line of a paragraph leaves open."""
_ENDED: Final = re.compile(r"[.!?:…][\"'”’»)\]]*\d{0,2}$")
_BULLET: Final = re.compile(r"(?:[•▪◦‣·*–—-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+\S")


_HYPHENED: Final = re.compile("[-\u2010\xad]$")
_SPEECH: Final = re.compile("[\"“‘«—–'-]")


class _Setting(NamedTuple):
    """How a document is set."""

    leading: float
    """Distance of lines of a paragraph, in font sizes."""
    indented: bool
    """Whether paragraphs start with an indent."""


def paragraphs(pages: Sequence[Sequence[Line]], vocabulary: Vocabulary) -> Iterator[str]:
    """The paragraphs of a document, each in one line."""
    setting = _setting(pages)
    text = ""
    before: tuple[int, Line] | None = None
    for page, lines in enumerate(pages):
        for at, line in enumerate(lines):
            if before is not None:
                a, moved = before[1], (page, line.part) != (before[0], before[1].part)
                near = [n.x1 for n in lines[max(0, at - 3) : at + 2] if n.part == a.part]
                if _parted(a, line, setting, max(near, default=a.right), moved=moved):
                    yield text
                    text = ""
            text = vocabulary.join(text, line.text) if text else line.text
            before = page, line
    if text:
        yield text


def _setting(pages: Sequence[Sequence[Line]]) -> _Setting:
    steps, indents, lines_seen = [], 0, 0
    for lines in pages:
        for a, b in pairwise(lines):
            if a.part == b.part and b.top > a.top:
                steps.append((b.top - a.top) / max(a.size, 1))
                lines_seen += 1
                indents += _indented(b) and not _indented(a)
    return _Setting(median(steps) if steps else 1.2, indents >= max(2, 0.02 * lines_seen))


def _parted(a: Line, b: Line, setting: _Setting, reach: float, *, moved: bool) -> bool:
    """Whether line `b` starts a paragraph after line `a`.

    `moved`: it stands in another column or on another page. `reach`: how far right the lines around `a` go.
    """
    ended = _ENDED.search(a.text) is not None
    stops = a.right - a.x1 > _SHORT * (a.right - a.left)
    heads = not ended and not _HYPHENED.search(a.text) and reach - a.x1 > _SHORT * (a.right - a.left)
    if b.text[0].islower() and not ended:
        return False
    if _centred(a) != _centred(b):
        return True
    if abs(a.size - b.size) > 0.12 * max(a.size, b.size):
        return True
    if not moved and not -a.size < b.top - a.top <= _SPACED * setting.leading * max(a.size, b.size):
        return True
    if _BULLET.match(b.text) and (ended or stops):
        return True
    if _indented(b) and (ended or heads) and (not _indented(a) or stops or _SPEECH.match(b.text)):
        return True
    if setting.indented:
        return heads and not moved
    return (ended if moved else ended and stops) or heads


def _indented(line: Line) -> bool:
    low, high = (ems * line.size for ems in _INDENT)
    return low <= line.x0 - line.left <= high


def _centred(line: Line) -> bool:
    """Whether a line stands in the middle of its column, as headings do."""
    before, after = line.x0 - line.left, line.right - line.x1
    return min(before, after) > 3 * line.size and abs(before - after) < 0.4 * (before + after)
