"""Words and sentences: the little linguistics that the offline models have."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])[\"”')\]]*\s+(?=[\"“'(\[]?[A-Z\d])|\n+")
_WORD: Final = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
STOP: Final = frozenset(
    re.findall(
        r"\S+",
        """a about after again all also an and any are as at be because been before being both but by can could did
        do does doing done during each for from further get given gives had has have having he her here hers him
        his how i if in into is it its itself just like made make many me more most much must my no nor not now
        of off on once one only or other our out over own per same she should so some such than that the their
        them then there these they this those through to too under until up upon used uses using very was we were
        what when where which while who whom whose why will with would you your""",
    )
)
_QUOTED: Final = re.compile(r"[\"“][^\"“”\n]*[\"”]")
_RUN: Final = 5
FILLER: Final = re.compile(
    r"\b(?:basically|actually|obviously|clearly|simply put|as we all know|it is important to note|it is worth noting"
    r"|let me think|let's think|let us think|step by step|in conclusion|needless to say|of course|well,|hmm+"
    r"|great question|i think that|you know)\b",
    re.IGNORECASE,
)


def sentences(text: str) -> list[str]:
    """The sentences of a text in order; a line break ends one."""
    return [s.strip() for s in _SENTENCE_END.split(text) if s and s.strip()]


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """A word without its commonest endings, so that "carries" meets "carried"."""
    word = word.casefold().removesuffix("'s").removesuffix("’s")
    if len(word) > 4 and word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)]
            break
    # "stopped" has doubled its last letter, "stop" has not.
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls" else word


def tokens(text: str) -> list[str]:
    """The words of a text as they stand, punctuation left out."""
    return _WORD.findall(text)


@lru_cache(maxsize=1024)
def content(text: str) -> frozenset[str]:
    """The stems of the words that carry meaning, numbers included."""
    return frozenset(stem(w) for w in tokens(text) if w.casefold() not in STOP)


def repeats(text: str) -> bool:
    """Whether so many words in a row stand in a text twice, quotations left out."""
    said = [w.casefold() for w in tokens(_QUOTED.sub(" ", text))]
    runs = [tuple(said[i : i + _RUN]) for i in range(len(said) - _RUN + 1)]
    return len(set(runs)) < len(runs)


def quoted(text: str) -> list[str]:
    """What stands between double quotes, in order."""
    return [a or b for a, b in re.findall(r"\"([^\"\n]+)\"|“([^”\n]+)”", text)]


def shorten(text: str, length: int) -> str:
    """The text up to a word's end within `length` characters, with an ellipsis where something was cut."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1].rsplit(" ", 1)[0].rstrip(",;:.") + "…"


@lru_cache(maxsize=1024)
def plain(text: str) -> str:
    """Text for comparison: lower case, no articles, no punctuation around words."""
    words = (w.casefold() for w in tokens(text.replace(",", "")))
    return " ".join(w for w in words if w not in {"a", "an", "the"})
