"""Schemas to make examples from, and the examples that the offline models make of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agents.offline import speak
from graphs.recipes.base import Draft, Lost, Made, Slot, Source, Turn, Unreadable
from graphs.recipes.commands.recipe import Commands
from graphs.recipes.options import CommandsOptions

ROOT = Path(__file__).parents[3]
KETTLE = ROOT / "examples/kettle.yaml"
GH = ROOT.parent / "shared/data/gh.yaml"

Row = dict[str, Any]
Output = tuple[Commands, list[tuple[Slot, Draft]], dict[str, Any]]


def commands(text: str, num: int, seed: int = 0) -> Commands:
    """The recipe on a schema's text."""
    return Commands(CommandsOptions(num=num), lambda: [Source(0, "schema", text)], seed)


def attempt(recipe: Commands, slot: Slot) -> Draft | str:
    """One slot worked on as the graph does it, or its last complaint; without the graph, which has its own tests."""
    turns: list[Turn] = []
    why = ""
    for number in (1, 2, 3):
        text = speak.reply("offline/teacher", recipe.propose(slot, turns).prompt.messages())
        try:
            draft = recipe.read(slot, text)
        except Unreadable as error:
            why = str(error)
        else:
            why = "; ".join(recipe.check(slot, draft))
            if not why:
                rubric = recipe.rubric(slot, draft)
                rating = rubric.shape.model_validate_json(
                    speak.reply("offline/evaluator", rubric.ask.prompt.messages())
                )
                if rating.score >= 0.6:
                    return draft
                why = rating.critique
        turns.append(Turn(number=number, text=text, complaints=[why]))
    return why


@cache
def made(path: Path, num: int, seed: int = 0) -> Output:
    """The recipe, what was accepted in the order of the job, and the report; five waves as the service allows."""
    recipe = commands(path.read_text(), num, seed)
    admit, accepted, slots = recipe.admission(), list[tuple[Slot, Draft]](), list(recipe.slots())
    for wave in range(1, 7):
        lost = []
        for slot in slots:
            found = attempt(recipe, slot)
            if isinstance(found, str):
                lost.append(Lost(slot, Made.DROPPED, found))
            elif why := admit(slot, found):
                lost.append(Lost(slot, Made.DUPLICATE, why))
            else:
                accepted.append((slot, found))
        slots = list(recipe.again(wave, lost))
    return recipe, accepted, recipe.report(accepted, {})


def rows(output: Output) -> list[Row]:
    """The rows as they stand in a file, parsed again."""
    return [json.loads(json.dumps(draft.example)) for _, draft in output[1]]


@pytest.fixture(scope="session")
def kettle() -> Output:
    """400 rows of our own schema."""
    return made(KETTLE, 400)


@pytest.fixture(scope="session")
def gh() -> Output:
    """3,000 rows of the real schema."""
    if not GH.exists():
        pytest.skip("extra data: shared/data/gh.yaml is not here")
    return made(GH, 3000)


Break = Callable[[Row, Row], None]
