"""How varied the requests are, and which of them belong on one side of a split: never all pairs compared."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import ceil
from typing import Any, Final

from graphs.recipes.commands.phrases import without
from graphs.recipes.commands.plan import Plan

NEAR: Final = 0.8
"""Jaccard similarity of 3-grams from which on two requests are near duplicates."""
_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_PATTERN: Final = re.compile(r"_+|[^\W_]+(?:['’][^\W_]+)*")


def normal(text: str) -> str:
    """A request for comparison: words in lower case, punctuation gone."""
    return " ".join(_WORD.findall(text.casefold()))


def masked(plan: Plan, text: str) -> str:
    """A request with its values put away: PR 101 and PR 102 are one pattern."""
    text = text.casefold()
    for value in sorted((str(v).casefold() for v in plan.said.values()), key=len, reverse=True):
        for way in (value, value.replace("_", " ")):
            text = without(text, way, "_")
    text = re.sub(r"#?\d+", "_", text)
    return " ".join(_PATTERN.findall(text))


def groups(texts: Sequence[str], patterns: Sequence[str]) -> list[int]:
    """A number for every text; those with equal numbers have to stay on one side of a split.

    Together stay equal patterns, and texts with a Jaccard similarity of `NEAR` or more over 3-grams of characters or of
    words, and whoever is together with them.
    """
    parent = list(range(len(texts)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[str, int] = {}
    for i, pattern in enumerate(patterns):
        parent[root(i)] = root(first.setdefault(pattern, i))
    plain = [t.casefold() for t in texts]
    for grams in (characters, word_grams):
        for i, j in near(list(map(grams, plain)), skip=lambda a, b: root(a) == root(b)):
            parent[root(i)] = root(j)
    names: dict[int, int] = {}
    return [names.setdefault(root(i), len(names)) for i in range(len(texts))]


def characters(text: str) -> frozenset[str]:
    """The 3-grams of a text's characters."""
    return frozenset(text[i : i + 3] for i in range(max(1, len(text) - 2)))


def word_grams(text: str) -> frozenset[str]:
    """The 3-grams of a text's words."""
    words = text.split()
    return frozenset(" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2)))


def near(
    sets: Sequence[frozenset[str]], skip: Callable[[int, int], bool], least: float = NEAR
) -> Iterable[tuple[int, int]]:
    """All pairs of sets whose Jaccard similarity is `least` or more, found over their rarest members.

    Two such sets share one of their len - ceil(least * len) + 1 rarest members, so only those are looked up.
    """
    count = Counter(g for s in sets for g in s)
    index: dict[str, list[int]] = defaultdict(list)
    for i in sorted(range(len(sets)), key=lambda k: len(sets[k])):
        one = sets[i]
        rare = sorted(one, key=lambda g: (count[g], g))[: len(one) - ceil(least * len(one)) + 1]
        seen: set[int] = set()
        for gram in rare:
            for j in index[gram]:
                if j in seen or len(sets[j]) < least * len(one):
                    continue
                seen.add(j)
                if not skip(i, j):
                    both = len(one & sets[j])
                    if both >= least * (len(one) + len(sets[j]) - both):
                        yield i, j
            index[gram].append(i)


def shared(together: Sequence[int]) -> list[list[int]]:
    """The groups of two or more, as places in the output; whoever is in none may go to either side of a split."""
    members: dict[int, list[int]] = defaultdict(list)
    for place, group in enumerate(together):
        members[group].append(place)
    return [places for places in members.values() if len(places) > 1]


def figures(texts: Sequence[str], patterns: Sequence[str], together: Sequence[int]) -> dict[str, Any]:
    """What the report says of diversity. `together`: what `groups` gave."""
    rows = len(texts)
    exact = Counter(map(normal, texts))
    repeated = Counter(patterns)
    return {
        "distinct_instructions": len(exact),
        "exact_duplicates": rows - len(exact),
        "distinct_masked": len(repeated),
        "near_duplicates": rows - len(set(together)),
        "largest_group": max(Counter(together).values(), default=0),
        **{f"distinct_{n}": round(_distinct(texts, n), 4) for n in (1, 2, 3)},
        "words_mean": round(sum(len(t.split()) for t in texts) / rows, 2) if rows else 0.0,
    }


def _distinct(texts: Sequence[str], n: int) -> float:
    """Distinct n-grams of words over all of them."""
    total, seen = 0, set()
    for text in texts:
        words = normal(text).split()
        grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        total += len(grams)
        seen.update(grams)
    return len(seen) / total if total else 0.0
