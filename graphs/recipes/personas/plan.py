"""Which persona answers, who asks, and what for: drawn once for the whole output, evenly, by the seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

from graphs.recipes.personas.cast import Persona
from graphs.recipes.personas.words import table

Item = TypeVar("Item")


def rounds(items: Sequence[Item], apart: int, name: str) -> Iterator[Item]:
    """The items for ever, each once a round, every round in an order of its own that `name` decides.

    No item comes twice within `apart` steps, as far as there are enough of them.
    """
    apart = min(apart, len(items))
    last: list[int] = []
    for number in range(10**9):
        order = list(range(len(items)))
        # A name, not a hash of it: the same order in every process.
        random.Random(f"{name}:{number}").shuffle(order)  # noqa: S311 - a draw, no secret
        for place in range(len(order)):
            recent = last[len(last) - (apart - 1 - place) :] if place < apart - 1 else []
            fits = next((i for i in range(place, len(order)) if order[i] not in recent), place)
            order.insert(place, order.pop(fits))
        yield from (items[i] for i in order)
        last = order


def asking(seed: int, name: str) -> tuple[str, str]:
    """Who asks, and what for."""
    draw = random.Random(f"{seed}:asking:{name}")  # noqa: S311 - a draw, no secret
    told = table("askers")
    return draw.choice(told["askers"]), draw.choice(told["aims"])


def manner(persona: Persona, seed: int, name: str) -> list[str]:
    """One sentence of each kind in the persona's manner, as far as it has any."""
    draw = random.Random(f"{seed}:manner:{name}")  # noqa: S311 - a draw, no secret
    return [draw.choice(kind) for kind in (persona.openings, persona.turns, persona.closings) if kind]
