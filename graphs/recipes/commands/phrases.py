"""Finds phrases in a text as whole words, without a pattern for each of a hundred thousand values."""

from __future__ import annotations

from collections.abc import Sequence


def has(text: str, phrase: str) -> bool:
    """Whether a phrase stands in a text, whatever its case, with no letter, digit, _ or / touching it."""
    return _at(text.casefold(), phrase.casefold(), 0) >= 0


def without(text: str, phrase: str, put: str = " ") -> str:
    """The text with every place where the phrase stands replaced by `put`."""
    plain, wanted = text.casefold(), phrase.casefold()
    if len(plain) == len(text):
        places: Sequence[int] = range(len(text) + 1)
    else:  # a letter whose lower case is two, as in "straße", shifts the places of all that follow
        places = [at for at, letter in enumerate(text) for _ in letter.casefold()] + [len(text)]
    kept, done, read = [], 0, 0
    while (at := _at(plain, wanted, read)) >= 0:
        read = at + len(wanted)
        kept += [text[done : places[at]], put]
        done = places[read]
    return "".join([*kept, text[done:]])


def _at(text: str, phrase: str, start: int) -> int:
    at = text.find(phrase, start) if phrase else -1
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(phrase) : at + len(phrase) + 1]
        if not (_touches(before) or _touches(after)):
            return at
        at = text.find(phrase, at + 1)
    return -1


def _touches(character: str) -> bool:
    return character.isalnum() or character in ("_", "/")
