"""One page of a PDF as lines in reading order."""

from __future__ import annotations

import re
from itertools import pairwise
from statistics import median
from typing import Any, Final, NamedTuple

from services.pdf.columns import Part, parts
from services.pdf.words import Word, rows

_SPACE_RATIO: Final = 0.15
"""A gap from this part of the font size on is a space. pdfplumber's own 3 points glue the words of tight lines."""
_UNMAPPED: Final = re.compile(r"\(cid:\d+\)")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufffe\uffff]")
_NUMBERED: Final = 10
"""Lines with a number before them that make a transcript."""


class Line(NamedTuple):
    """A line of text. Coordinates in points from the page's upper left; `left` and `right` are its column's edges."""

    text: str
    x0: float
    x1: float
    top: float
    bottom: float
    size: float
    left: float
    right: float
    part: int
    """Number of the part of the page it stands in: a column, or full lines between columns."""


class PageLines(NamedTuple):
    """The lines of a page in reading order. `unmapped`: characters that the font gives no letter for."""

    lines: list[Line]
    characters: int
    unmapped: int
    images: int


def read_page(page: Any) -> PageLines:
    """The lines of a pdfplumber page."""
    count = len(page.chars)
    places = {(c["text"], round(c["x0"]), round(c["top"])) for c in page.chars}
    if len(places) < 0.95 * count:  # bold made by printing twice; asked first, because taking it out is slow
        page = page.dedupe_chars()
    if sum(c["upright"] for c in page.chars) * 2 >= count:  # else the whole page stands on its side: read as it comes
        page = page.filter(_stands)
    found = page.extract_words(x_tolerance_ratio=_SPACE_RATIO, extra_attrs=["size"])
    unmapped = sum(len(_UNMAPPED.findall(w["text"])) for w in found)
    words = [
        Word(text, w["x0"], w["x1"], w["top"], w["bottom"], w["size"])
        for w in found
        if (text := _CONTROL.sub("", _UNMAPPED.sub("", w["text"])).replace("\xa0", " ").strip())
    ]
    lines = [line for number, part in enumerate(parts(_without_line_numbers(words))) for line in _lines(part, number)]
    return PageLines(lines, count, unmapped, len(page.images))


def _stands(thing: dict[str, Any]) -> bool:
    return thing["object_type"] != "char" or bool(thing["upright"])


def _lines(part: Part, number: int) -> list[Line]:
    lines = []
    for row in rows(part.words):
        size = median(w.size for w in row for _ in w.text)
        box = min(w.x0 for w in row), max(w.x1 for w in row), min(w.top for w in row), max(w.bottom for w in row)
        lines.append(Line(" ".join(w.text for w in row), *box, size, part.left, part.right, number))
    return lines


def _without_line_numbers(words: list[Word]) -> list[Word]:
    """A transcript counts its lines in the margin: 1, 2, 3 ... before nearly each of them."""
    first = [row[0] for row in rows(words)]
    counted = [int(w.text) if re.fullmatch(r"[0-9]{1,3}", w.text) else None for w in first]
    follow = sum(a is not None and b == a + 1 for a, b in pairwise(counted))
    if follow + 1 < max(_NUMBERED, 0.7 * len(first)):
        return words
    numbers = {w for w, number in zip(first, counted, strict=True) if number is not None}
    return [w for w in words if w not in numbers]
