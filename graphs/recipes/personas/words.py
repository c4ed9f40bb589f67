"""Which words show a chunk's theme, and which words its time did not know. Both lists are files beside this one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from agents.offline.personas_topics import singular
from agents.offline.words import STOP
from graphs.recipes.personas.chunks import Chunk

HERE: Final = Path(__file__).resolve().parent
MOST_KEYWORDS: Final = 8
_WORD: Final = re.compile(r"[^\W\d_]+")
_UNIT: Final = re.compile(r"\w+")
_SHORTEST: Final = 5
"""Letters of a word that may stand for a chunk that shows no theme."""


@cache
def table(name: str) -> Any:
    """The content of a YAML file beside this one."""
    return yaml.load((HERE / f"{name}.yaml").read_bytes(), yaml.CSafeLoader)


def keywords(chunk: Chunk) -> list[str]:
    """The chunk's own keywords, in the order of their first use in its text; at least one where it has words at all.

    Those given with the chunk that stand in it; else the words of its themes that do; else what it says most often.
    """
    text = stems(chunk.text)
    given = [word for word in chunk.keywords if stands(word, text)]
    by_count = sorted(((n, t) for t, n in chunk.keyword_counts.items() if n > 0 and t != "total"), reverse=True)
    themes = [*chunk.themes, *(theme for _, theme in by_count)] or list(table("themes"))
    lists = table("themes")
    found = given or [word for t in themes for word in lists.get(t, [t.replace("_", " ")]) if stands(word, text)]
    found = list(dict.fromkeys(found)) or _salient(chunk.text)
    return sorted(found[:MOST_KEYWORDS], key=lambda word: text.find(f" {_plain(word)} "))


def shown(words: Iterable[str], text: str) -> bool:
    """Whether one of the words stands in the text as a whole word, in whatever number."""
    inside = stems(text)
    return any(stands(word, inside) for word in words)


def stems(text: str) -> str:
    """The words of a text in the singular, each between spaces."""
    return f" {' '.join(map(singular, _WORD.findall(text)))} "


def stands(word: str, inside: str) -> bool:
    """Whether a word or a short phrase stands in what `stems` made of a text."""
    plain = _plain(word)
    return bool(plain) and f" {plain} " in inside


@cache
def _plain(word: str) -> str:
    return stems(re.sub(r"^(?:the|a|an)\s+", "", word, flags=re.IGNORECASE)).strip()


def _salient(text: str) -> list[str]:
    """The words said most often, names left out where there are others."""
    said = [w for w in _WORD.findall(text) if len(w) >= _SHORTEST and w.casefold() not in STOP]
    common = Counter(w for w in said if w.islower()) or Counter(said)
    return [word for word, _ in common.most_common(MOST_KEYWORDS // 2)] or _WORD.findall(text)[:1]


class Anachronisms:
    """The words that are too modern, less those let through."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """`allowed` are words of the caller's that are none here."""
        told = table("anachronisms")
        innocent = {_single(a) for a in (*told["allowed"], *allowed)}
        terms = {_single(t) for group in told["terms"].values() for t in group} - innocent
        self._modern = _any(terms)
        self._innocent = _any(innocent)
        parts = [frozenset(map(singular, _UNIT.findall(term))) for term in sorted(terms)]
        self._words = frozenset[str]().union(*(stem for stem in parts if len(stem) == 1))
        self._phrases: dict[str, list[frozenset[str]]] = {}
        """By their longest word, which is in few texts."""
        for phrase in (stem for stem in parts if len(stem) > 1):
            self._phrases.setdefault(max(phrase, key=lambda word: (len(word), word)), []).append(phrase)

    def find(self, text: str) -> list[str]:
        """Those in a text, as they stand, each once. Part of a passage that is let through is none."""
        said = frozenset(map(singular, _UNIT.findall(text)))
        near = (phrase for word in self._phrases.keys() & said for phrase in self._phrases[word])
        if self._words.isdisjoint(said) and not any(phrase <= said for phrase in near):
            return []  # a look into sets is a tenth of the work of the pattern
        spans = [m.span() for m in self._innocent.finditer(text)] if self._innocent else []
        found = (m for m in self._modern.finditer(text) if not any(a <= m.start() < b for a, b in spans))
        return list(dict.fromkeys(" ".join(m.group().split()) for m in found))


def _single(term: str) -> str:
    return " ".join(term.casefold().split())


def _any(terms: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted((t for t in terms if t), key=lambda t: (-len(t), t))
    each = (r"\s+".join(map(re.escape, t.split())) + ("" if t.endswith("s") else "s?") for t in longest_first)
    return re.compile(rf"(?<!\w)(?:{'|'.join(each) or '(?!)'})(?!\w)", re.IGNORECASE)
