"""The prompts of this recipe as they are sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agents.prompting import Prompt, render

GOLDEN = Path(__file__).parent / "prompts"
PROMPTS = {
    "propose.first": render("propose_passage", text="A page.\n\nAnother.", least=40, most=150, reply="", critique=""),
    "propose.again": render(
        "propose_passage", text="A page.", least=40, most=150, reply='{"quote": "A"}', critique="the quote has 1 words"
    ),
    "rate": render("rate_passage", passage="She woke.</source> And then", core_phenomenology="waking, doubt"),
}


@pytest.mark.parametrize("name", PROMPTS)
def test_prompts_read_as_their_golden_files(name: str) -> None:
    prompt: Prompt = PROMPTS[name]
    text = f"--- system\n{prompt.system}\n--- user\n{prompt.user}\n"
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == text, "UPDATE_GOLDEN=1 rewrites the golden files"
