"""Words of a page and the rows they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Word(NamedTuple):
    """A word and its box, in points from the page's upper left; `size` is its font's."""

    text: str
    x0: float
    x1: float
    top: float
    bottom: float
    size: float

    @property
    def middle(self) -> float:
        """Halfway between its left and right end."""
        return (self.x0 + self.x1) / 2


Row = list[Word]


def rows(words: Sequence[Word]) -> list[Row]:
    """Words that stand side by side, from top to bottom, each row from left to right."""
    found: list[Row] = []
    height = -1e9
    for word in sorted(words, key=lambda w: ((w.top + w.bottom) / 2, w.x0)):
        at = (word.top + word.bottom) / 2
        if at - height > (word.bottom - word.top) * 0.5:
            found.append([])
            height = at
        found[-1].append(word)
    return [sorted(row, key=lambda w: w.x0) for row in found]
