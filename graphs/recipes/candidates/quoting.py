"""Finds a quote in its text and takes the text's own words for it, so that what is kept is exact by construction."""

from __future__ import annotations

import re
from typing import Final

from rapidfuzz import fuzz

from graphs.recipes.passages.windows import sentences

_SAME: Final = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "—": "-", "–": "-", "‐": "-"})
_NEAR: Final = 93.0
"""Percent: a quote with a word left out or misspelt is still plainly this place of the text."""
_BREAK: Final = "\n\n"


def find(quote: str, text: str) -> str:
    """The whole sentences of the text that a quote stands for, in the text's words; empty where it is not there.

    Quotation marks, dashes and white space may differ, and a word or two: models straighten what they copy.
    """
    asked, _ = _folded(quote.strip().strip('"“”'))
    given, places = _folded(text)
    if len(asked.split()) < 3:
        return ""
    at = given.find(asked)
    end = at + len(asked)
    if at < 0:
        near = fuzz.partial_ratio_alignment(asked, given, score_cutoff=_NEAR)
        if near is None or len(asked) > len(given) * 1.1:
            return ""
        at, end = near.dest_start, near.dest_end
    return _sentences(text, places[at], places[end - 1] + 1)


def _folded(text: str) -> tuple[str, list[int]]:
    """Text as it is compared, and where each of its characters stands in the original."""
    folded: list[str] = []
    places: list[int] = []
    for at, given in enumerate(text):
        char = " " if given.isspace() else given.translate(_SAME)
        if char in "_*" or (char == " " and (not folded or folded[-1] == " ")):
            continue
        for c in "..." if char == "…" else char:
            folded.append(c)
            places.append(at)
    whole = "".join(folded)
    return whole.rstrip(), places


def _sentences(text: str, start: int, end: int) -> str:
    """The sentences that the span touches with more than a word or two at its rim."""
    found: list[list[str]] = []
    at = 0
    for paragraph in text.split(_BREAK):
        kept = []
        for sentence in sentences(paragraph):
            begins = text.index(sentence, at)
            at = begins + len(sentence)
            common = min(end, at) - max(start, begins)
            if common > min(0.5 * len(sentence), 25):
                kept.append(sentence)
        if kept:
            found.append(kept)
    return _BREAK.join(" ".join(kept) for kept in found)


def where_it_leaves(quote: str, text: str) -> str:
    """The last words of a quote's beginning that stand in the text, and the one that does not follow there."""
    asked, given = _folded(quote)[0].split(" "), _folded(text)[0]
    low = 0
    while low < len(asked) and " ".join(asked[: low + 1]) in given:
        low += 1
    after = " ".join(asked[max(0, low - 4) : low])
    follows = asked[low] if low < len(asked) else ""
    return f'after "{after}" the text has no "{follows}"' if low else f'the text has no "{follows}"'


def shared(a: str, b: str) -> float:
    """Which part of the shorter passage's sentences stands in the longer one, 0..1."""
    sides = [{" ".join(re.findall(r"\w+", s.lower())) for s in sentences(" ".join(t.split()))} for t in (a, b)]
    few, many = sorted(sides, key=len)
    return len(few & many) / max(1, len(few))
