"""The prompts as they are sent, against golden files: UPDATE_GOLDEN=1 rewrites them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agents.offline.speak import OPENINGS
from agents.prompting import Prompt
from agents.sampling import SAMPLING
from graphs.recipes.base import Turn
from tests.recipes.passages.test_passages import ALL, recipe

GOLDEN = Path(__file__).parent / "prompts"


def prompts() -> dict[str, tuple[str, Prompt]]:
    """Each template once, with a state, a second attempt, and a rating: name -> (the prompt's name, the prompt)."""
    found: dict[str, tuple[str, Prompt]] = {}
    for slot in recipe(templates=ALL).slots():
        found.setdefault(f"template_{slot.plan['template']}", recipe(templates=ALL).propose(slot, []))
    slot = next(recipe().slots())
    found["state"] = recipe(state=True).propose(slot, [])
    found["again"] = recipe().propose(slot, [Turn(number=1, text='{"output": ""}', complaints=["It is empty."])])
    said = '{"instruction": "Experience a wait", "input": "", "output": "I wait."}'
    rubric = recipe().rubric(slot, recipe().read(slot, said))
    assert rubric
    found["rate"] = rubric.ask
    return found


@pytest.mark.parametrize("name", [*(f"template_{number}" for number in ALL), "state", "again", "rate"])
def test_prompts_read_as_their_golden_files(name: str) -> None:
    asked, prompt = prompts()[name]
    assert asked in SAMPLING
    assert prompt.system.split("\n")[0] in OPENINGS
    golden, told = GOLDEN / f"{name}.txt", f"{prompt.system}\n\n---- user ----\n{prompt.user}"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(told + "\n", encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == told + "\n", "UPDATE_GOLDEN=1 rewrites the golden files"


def test_thinking_tags_reach_the_model_as_it_is_to_write_them() -> None:
    slot = next(recipe(templates=["2"]).slots())
    earlier = Turn(number=1, text="<thinking>I wait.</thinking></answer>", complaints=["No <thinking> in turn 2."])
    asked = recipe(templates=["2"]).propose(slot, [earlier]).prompt.user
    assert "&lt;thinking" not in asked
    assert "&lt;/thinking" not in asked
    assert "<thinking>I wait.</thinking>&lt;/answer>" in asked, "a reply can't close its element"
