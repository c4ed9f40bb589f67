"""The teacher who knows the worked solutions gets clearer from hint to hint and never says the final answer."""

from __future__ import annotations

import pytest

from agents.prompting import render
from agents.question import Question, Turn
from tests.bench.worked import Worked, reply

TASK = Worked(
    "A shelf holds 14 jars. A crate has 3 shelves and 8 loose jars. How many jars are in 2 crates?",
    "100",
    ("The shelves hold 14 * 3 = 42 jars.", "A crate has 50 jars because 42 + 8 = 50.", "There are 50 * 2 = 100 jars."),
)  # fmt: skip


def _said(thinking: str, *hints: str) -> str:
    prompt = render(
        "coach_solve",
        question=Question(turns=(Turn(role="user", content=TASK.question),)),
        reference=TASK.answer,
        thinking=thinking,
        answer="7",
        critique="",
        hints=list(hints),
        level=len(hints) + 1,
        known=False,
    )
    return reply([TASK], [{"role": m["role"], "content": str(m["content"])} for m in prompt.messages()])


def test_hints_get_clearer() -> None:
    first, second, third = (_said("14 * 3 = 42", *["Look."] * level) for level in range(3))
    assert "A crate has 3 shelves and 8 loose jars." in first
    assert second == "Hint: Work this out next: 42 + 8"
    assert third == "Hint: The step you miss: A crate has 50 jars because 42 + 8 = 50."


@pytest.mark.parametrize("thinking", ["", "42", "42 and 50", "42, 50, 100"])
@pytest.mark.parametrize("hints", [0, 1, 2, 4])
def test_the_answer_is_never_said(thinking: str, hints: int) -> None:
    assert "100" not in _said(thinking, *["Look."] * hints)
