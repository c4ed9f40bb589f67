"""How many examples of which kind and context level, and in which order: exact to one row."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from graphs.recipes.commands.plan import CASES, Kind, Level


class Place(NamedTuple):
    """What one example has to be. `nth` counts the examples of its kind from 0; all calls are one kind here."""

    kind: Kind
    level: Level
    nth: int


def layout(num: int, rng: Random, cases: Sequence[Kind] = CASES) -> list[Place]:
    """60% calls with context, 20% calls without, 20% clarifications: the six cases alike, and the levels alike.

    Full, partial and no context are a third of all each; so a clarification has none more often than a call has.
    `cases`: those that the schema makes possible.
    """
    with_context, without = round(num * 0.6), round(num * 0.2)
    negative = num - with_context - without
    if not cases:
        with_context, negative = with_context + negative, 0
    full = (with_context + 1) // 2
    partial = with_context - full
    none_left = max(0, min(negative, round(num / 3) - without))
    full_left = max(0, min(negative - none_left, (num - without - none_left + 1) // 2 - full))
    partial_left = negative - none_left - full_left

    calls: list[tuple[Kind, Level]] = [("with_context", "full") for _ in range(full)]
    calls += [("with_context", "partial") for _ in range(partial)]
    calls += [("without_context", "none") for _ in range(without)]
    rng.shuffle(calls)
    places = [Place(kind, level, nth) for nth, (kind, level) in enumerate(calls)]
    spread = _spread({"none": none_left, "full": full_left, "partial": partial_left})
    which = sorted(range(negative), key=lambda j: j % len(cases)) if cases else []
    places += [Place(cases[j % len(cases)], level, j // len(cases)) for j, level in zip(which, spread, strict=True)]
    rng.shuffle(places)
    return places


def _spread(counts: dict[Level, int]) -> list[Level]:
    """So many of each, evenly mixed, so that any stretch has about the same shares."""
    total = sum(counts.values())
    marks = [((i + 0.5) / count, level) for level, count in counts.items() for i in range(count)]
    marks.sort()
    assert len(marks) == total
    return [level for _, level in marks]
