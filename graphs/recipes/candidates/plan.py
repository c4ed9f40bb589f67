"""Where in a book to look: as many stretches as passages are wanted, in each the windows with most of inner life."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final, NamedTuple

from agents.inner_life import density
from graphs.recipes.base import Source, Sources
from graphs.recipes.passages.windows import Window, sentences

_PIECE: Final = 90
"""Words that a piece of a short text has at least: below that a passage has nothing to stand out from."""
_CHOICE: Final = 2
"""Pieces for each passage wanted; a book with fewer windows is cut finer, as far as that goes."""


class Piece(NamedTuple):
    """A window or, in a short book, a part of one. `first` and `last` count its sentences."""

    seq: int
    first: int
    last: int
    density: float


class Spot(NamedTuple):
    """A place to look for one passage: the piece of rank `rank` in stretch `stretch`."""

    stretch: int
    rank: int
    piece: Piece


class Stretches:
    """The plan of a book. Everything follows from the book and the number wanted."""

    def __init__(self, sources: Sources, count: int) -> None:
        self._sources = sources
        words = [len(window_of(source).text.split()) for source in sources()]
        finer = len(words) < _CHOICE * count
        size = max(_PIECE, sum(words) // (_CHOICE * count)) if finer else 10**9
        pieces = [piece for source in sources() for piece in _cut(source, size)]
        self.pieces = len(pieces)
        self.stretches = min(count, len(pieces))
        self._ranked = [
            sorted(pieces[i * len(pieces) // self.stretches : (i + 1) * len(pieces) // self.stretches], key=_best_first)
            for i in range(self.stretches)
        ]

    def spot(self, stretch: int, rank: int) -> Spot | None:
        """The next best place of a stretch; None when all of it has been tried."""
        ranked = self._ranked[stretch]
        return Spot(stretch, rank, ranked[rank]) if rank < len(ranked) else None

    def read(self, spots: list[Spot]) -> Iterator[tuple[Spot, Window]]:
        """The text of spots, in their order in the book."""
        wanted: dict[int, list[Spot]] = {}
        for spot in spots:
            wanted.setdefault(spot.piece.seq, []).append(spot)
        for source in self._sources():
            for spot in sorted(wanted.get(source.seq, []), key=lambda s: s.piece.first):
                yield spot, _part(window_of(source), spot.piece)


def window_of(source: Source) -> Window:
    """The window in an item of kind text."""
    return Window.model_validate(json.loads(source.raw))


def _best_first(piece: Piece) -> tuple[float, int, int]:
    return -piece.density, piece.seq, piece.first


def _sentences(window: Window) -> list[tuple[int, str]]:
    """The sentences of a window, each with the number of its paragraph."""
    return [(n, s) for n, paragraph in enumerate(window.text.split("\n\n")) for s in sentences(paragraph)]


def _cut(source: Source, size: int) -> Iterator[Piece]:
    window = window_of(source)
    every = _sentences(window)
    parts = max(1, round(len(window.text.split()) / size))
    target, words, first = len(window.text.split()) / parts, 0, 0
    for number, (_, sentence) in enumerate(every, 1):
        words += len(sentence.split())
        if number == len(every) or words >= target:
            yield _measured(source.seq, first, number, window)
            words, first = 0, number


def _measured(seq: int, first: int, last: int, window: Window) -> Piece:
    piece = Piece(seq, first, last, 0.0)
    return piece._replace(density=round(density(_part(window, piece).text), 6))


def _part(window: Window, piece: Piece) -> Window:
    paragraphs: dict[int, list[str]] = {}
    for number, sentence in _sentences(window)[piece.first : piece.last]:
        paragraphs.setdefault(number, []).append(sentence)
    return window.model_copy(update={"text": "\n\n".join(" ".join(said) for said in paragraphs.values())})
