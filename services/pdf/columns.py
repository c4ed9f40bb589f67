"""Finds the columns of a page: a white strip that many rows leave open, with prose on both sides of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from statistics import mean, median
from typing import Final, NamedTuple

from services.pdf.words import Row, Word, rows

_ROWS: Final = 6
"""Rows that leave a strip open before it parts columns; fewer may be chance, or a table."""
_FEW: Final = 3
"""Rows that stand in columns between full lines, at least: below that it is the end of a paragraph and a neighbour."""
_EMS: Final = 0.9
"""Width of the strip at least, in font sizes: spaces of justified lines are narrower."""
_PROSE: Final = 3.5
"""Words that a line of a column has on average; the cells of tables and lists of contents have fewer."""


class Part(NamedTuple):
    """Words that are read one line after the other, and the edges of the column they stand in."""

    words: list[Word]
    left: float
    right: float


def parts(words: Sequence[Word]) -> Iterator[Part]:
    """The words in reading order: what runs across the columns cuts the page, between the cuts column by column."""
    if not words:
        return
    cuts = gutters(words)
    every = rows(words)
    across = [any(_runs_across(row, x) for x in cuts) for row in every] if cuts else [True for _ in every]
    start = 0
    for runs, group in groupby(list(across)):  # a few rows beside each other do not make columns yet
        count = len(list(group))
        beside = sum(len(_by_column([row], cuts)) > 1 for row in every[start : start + count])
        if not runs and beside < _FEW:
            across[start : start + count] = [True] * count
        start += count
    edges = {
        k: _edges(column) for k, column in _by_column([r for r, a in zip(every, across, strict=True) if not a], cuts)
    }
    page = _edges(words)
    for runs, pairs in groupby(zip(every, across, strict=True), key=lambda pair: pair[1]):
        band = [row for row, _ in pairs]
        if runs:
            yield Part([w for row in band for w in row], *page)
        else:
            yield from (Part(column, *edges[k]) for k, column in _by_column(band, cuts))


def gutters(words: Sequence[Word]) -> list[float]:
    """The x of each strip between columns, from left to right; none where the page has one column."""
    if not words:
        return []
    left, right = _edges(words)
    every = rows(words)
    strips = [(a.x1, b.x0) for row in every for a, b in pairwise(row) if _is_strip(a, b)]

    def opened(x: float) -> list[tuple[float, float]]:
        return [strip for strip in strips if strip[0] <= x <= strip[1]]

    best = max((x for strip in strips for x in strip), key=lambda x: len(opened(x)), default=0.0)
    near = opened(best)
    if len(near) < _ROWS or not left + 0.15 * (right - left) < best < right - 0.15 * (right - left):
        return []
    x = (median(a for a, _ in near) + median(b for _, b in near)) / 2
    beside = [row for row in every if not _runs_across(row, x)]
    sides = dict(_by_column(beside, [x]))
    found = [*gutters(sides.get(0, [])), x, *gutters(sides.get(1, []))]
    if any(mean(map(len, rows(column))) < _PROSE for _, column in _by_column(beside, found)):
        return []
    return found


def _is_strip(a: Word, b: Word) -> bool:
    return b.x0 - a.x1 >= _EMS * max(a.size, b.size)


def _runs_across(row: Row, x: float) -> bool:
    """Whether a row is one line over the strip: a word lies on it, or those beside it stand as close as usual."""
    if any(w.x0 < x < w.x1 for w in row):
        return True
    return any(a.x1 <= x <= b.x0 and not _is_strip(a, b) for a, b in pairwise(row))


def _by_column(band: Sequence[Row], cuts: Sequence[float]) -> list[tuple[int, list[Word]]]:
    """The columns of a band that hold words, from left to right, each with its number."""
    columns: dict[int, list[Word]] = {}
    for row in band:
        for word in row:
            columns.setdefault(sum(x <= word.middle for x in cuts), []).append(word)
    return sorted(columns.items())


def _edges(words: Sequence[Word]) -> tuple[float, float]:
    return min(w.x0 for w in words), max(w.x1 for w in words)
