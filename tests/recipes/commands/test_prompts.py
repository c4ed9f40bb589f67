"""The prompts as they are sent, against golden files: UPDATE_GOLDEN=1 rewrites them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agents.prompting import FOLDER, Prompt
from agents.sampling import SAMPLING
from graphs.recipes.base import Turn
from graphs.recipes.commands.asks import CASES
from graphs.recipes.commands.plan import Plan
from services import schemas
from tests.recipes.commands.conftest import KETTLE, commands

GOLDEN = Path(__file__).parent / "prompts"


def prompts() -> dict[str, tuple[str, Prompt]]:
    """One prompt of each kind, a second attempt, and a rating: name -> (the prompt's name, the prompt)."""
    recipe = commands(KETTLE.read_text(), 120)
    found: dict[str, tuple[str, Prompt]] = {}
    for slot in recipe.slots():
        plan = Plan.model_validate(slot.plan)
        name = plan.kind if not plan.pointing or not plan.positive else "pointing"
        if name not in found:
            found[name] = recipe.propose(slot, [])
    slot = next(recipe.slots())
    found["again"] = recipe.propose(slot, [Turn(number=1, text="brew --list", complaints=["Say it in words."])])
    found["rate"] = recipe.rubric(slot, recipe.read(slot, "list the brews")).ask
    return found


@pytest.mark.parametrize("name", ["with_context", "without_context", "pointing", "again", "rate", *CASES])
def test_prompts_read_as_their_golden_files(name: str) -> None:
    asked, prompt = prompts()[name]
    assert asked in SAMPLING
    golden = GOLDEN / f"{name}.txt"
    # The system part of one prompt is the same for all of its tasks, and told once.
    told = prompt.user if asked != "rate_command" else f"{prompt.system}\n\n---- user ----\n{prompt.user}"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(told + "\n", encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == told + "\n", "UPDATE_GOLDEN=1 rewrites the golden files"


def test_the_readme_names_what_each_is_told_first() -> None:
    told = (FOLDER / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    for name in ("propose_command", "propose_doubt", "rate_command"):
        assert (FOLDER / f"{name}.md").read_text(encoding="utf-8").split("\n")[1] in told


def test_a_chat_window_gets_the_same_tasks() -> None:
    (sheet,) = schemas.prompts(KETTLE.read_text(), 5, 0)
    recipe = commands(KETTLE.read_text(), 5)
    for slot in recipe.slots():
        plan = Plan.model_validate(slot.plan)
        assert f"Words: {plan.verb}, {plan.noun}" in sheet or not plan.positive
