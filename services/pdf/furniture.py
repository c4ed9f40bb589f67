"""What the printer added to each page and no reader reads: page numbers, running heads and feet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from rapidfuzz import fuzz

from services.pdf.lines import Line

_DEEP: Final = 3
"""Lines from the page's edge that may be furniture."""
_RIM: Final = 0.16
"""Part of the text's height, over all pages, at whose top and bottom it stands."""
_ALIKE: Final = 85.0
"""Percent: OCR reads the same head differently from page to page."""
_APART: Final = 1.25
"""Leadings between furniture and text, at least."""
_ROMAN: Final = re.compile(r"(?=[ivxlc])(x[cl]|l?x{0,3})c{0,3}(i[xv]|v?i{0,3})", re.I)
_BARE: Final = re.compile(
    r"\W*(?:(?:page|p\.|pg\.?|seite)\s*)?(\d{1,4}|[ivxlc]{1,8})(?:\s*(?:of|/)\s*\d{1,4})?\W*", re.I
)
_PART_OF_BOOK: Final = re.compile(r"(?:chapter|part|book|volume|canto|act|scene|letter)\b", re.I)


class _Edge(NamedTuple):
    """A line at the head or the foot of a page."""

    page: int
    line: Line
    head: bool
    alone: bool
    """Whether white space parts it from the text, or its size does."""

    @property
    def numbers(self) -> Iterator[int]:
        """Arabic numbers that the line starts or ends with, and a roman one that is all of it."""
        for found in {m[0] for m in re.finditer(r"^\W*(\d{1,4})\b|\b(\d{1,4})\W*$", self.line.text)}:
            yield int(re.sub(r"\D", "", found))
        if (bare := _BARE.fullmatch(self.line.text)) and _ROMAN.fullmatch(bare[1]):
            yield _roman(bare[1])


def without_furniture(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The lines of each page but page numbers, and heads and feet that stand on neighbouring pages too."""
    top = min((line.top for lines in pages for line in lines), default=0.0)
    rim = _RIM * (max((line.bottom for lines in pages for line in lines), default=0.0) - top)
    edges = [edge for number, lines in enumerate(pages) for edge in _edges(number, lines, top, rim)]
    counted = _numbering(edges, len(pages))
    drop: set[tuple[int, Line]] = set()
    by_page: dict[tuple[int, bool], list[_Edge]] = {}
    for edge in edges:
        by_page.setdefault((edge.page, edge.head), []).append(edge)
    for edge in edges:
        numbers = edge in counted and _BARE.fullmatch(edge.line.text) is not None
        if numbers or ((edge.alone or edge in counted) and _runs(edge, by_page, counted, len(pages))):
            drop.add((edge.page, edge.line))
    return [[line for line in lines if (number, line) not in drop] for number, lines in enumerate(pages)]


def _edges(number: int, lines: Sequence[Line], top: float, rim: float) -> Iterator[_Edge]:
    """The lines that may be furniture of a page: first and last, in the order of the eye, not of the columns.

    The text of the document begins at `top` and ends at `top` + `rim` / _RIM.
    """
    down = sorted(lines, key=lambda line: (round(line.top), line.x0))
    if not down:
        return
    steps = [b.top - a.top for a, b in pairwise(down) if b.top - a.top > 1]
    leading = median(steps) if steps else 1e9
    size = median(line.size for line in down for _ in line.text.split())
    for head, order in ((True, down), (False, down[::-1])):
        gap = 0
        for at, (line, after) in enumerate(pairwise(order[: _DEEP + 1]), 1):
            if abs(after.top - line.top) >= _APART * leading:
                gap = at
                break
        for at, line in enumerate(order[:_DEEP]):
            outside = line.top < top + rim if head else line.bottom > top + rim / _RIM - rim
            small = abs(line.size - size) > 0.05 * size
            if outside and line.size <= 1.3 * size:
                yield _Edge(number, line, head, at < gap or small)


def _numbering(edges: Sequence[_Edge], pages: int) -> set[_Edge]:
    """The edges that bear their page's number: the difference to the page's place is the same on other pages."""
    offsets: dict[tuple[bool, int], set[int]] = {}
    for edge in edges:
        for n in edge.numbers:
            offsets.setdefault((edge.head, n - edge.page), set()).add(edge.page)
    needed = 2 if pages < 6 else 3
    good = {key for key, on in offsets.items() if len(on) >= needed or (pages < 3 and key[1] == 1)}
    return {edge for edge in edges if any((edge.head, n - edge.page) in good for n in edge.numbers)}


def _runs(edge: _Edge, by_page: dict[tuple[int, bool], list[_Edge]], counted: set[_Edge], pages: int) -> bool:
    """Whether the same line stands at the same height of pages nearby; left and right pages may differ."""
    key = _key(edge, counted)
    if len(key) < 2:
        return False
    alike = Counter[int]()
    for distance in (-4, -3, -2, -1, 1, 2, 3, 4):
        for other in by_page.get((edge.page + distance, edge.head), []):
            if abs(other.line.top - edge.line.top) <= edge.line.size and _same(key, _key(other, counted)):
                alike[abs(distance)] += 1
    if not alike[1] and not alike[2]:
        return False
    return alike.total() + 1 >= (2 if pages < 6 else 3)


def _key(edge: _Edge, counted: set[_Edge]) -> str:
    """What stays the same of a head from page to page: its letters, and digits that are not the page's number."""
    text = re.sub(r"^\W*\d{1,4}\b|\b\d{1,4}\W*$", "", edge.line.text) if edge in counted else edge.line.text
    return " ".join(re.findall(r"\w+", text.lower()))


def _same(a: str, b: str) -> bool:
    if _PART_OF_BOOK.match(a) or min(len(a), len(b)) < 8:
        return a == b
    return fuzz.ratio(a, b) >= _ALIKE


def _roman(text: str) -> int:
    values = [{"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}[c] for c in text.lower()]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))
