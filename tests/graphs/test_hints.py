"""A hint that can't help is told from one that can."""

from __future__ import annotations

import pytest

from agents.question import Question, Turn
from agents.replies import read_hint
from graphs.rules.hints import hint_flaw, plain_hint

TASK = Question(
    turns=(Turn(role="user", content="Rick eats 5 of 16 servings of 110 calories. What calories are left?"),)
)
THINKING = "The block has 16 servings.\nRick ate 5, which leaves 16 - 5 = 11 servings."


@pytest.mark.parametrize(
    ("hint", "complaint"),
    [
        ("", "no hint"),
        ("  ", "no hint"),
        ("Rick ate 5, which leaves 16 - 5 = 11 servings.", "own sentences"),
        ("The block has 16 servings. Rick ate 5, which leaves 16-5 = 11 servings.", "own sentences"),
        ("Your answer is 11, which is incorrect.", "only says"),
        ("The answer provided, 11, is not correct.", "only says"),
        ("Your answer is -142.86, which is incorrect.", "only says"),
        ("The correct answer is 1840 elephants an hour.", "names an answer"),
        ("11", "only says"),
        ("Look at what a serving holds!", "given before"),
        ("Your answer is right, but not in the form of the reference.", 'knows of no "reference"'),
        ("The hint only repeats your own sentences.", 'knows of no "hint"'),
    ],
)
def test_no_use(hint: str, complaint: str) -> None:
    assert complaint in (hint_flaw(hint, THINKING, "11", ["Look at what a serving holds."], TASK) or "")


@pytest.mark.parametrize(
    "hint",
    [
        "What does one serving hold?",
        "Rick ate 5, which leaves 16 - 5 = 11 servings. Now turn servings into calories.",
        "Work out 11 times the calories of one serving.",
    ],
)
def test_of_use(hint: str) -> None:
    assert hint_flaw(hint, THINKING, "11", ["Look at what a serving holds."], TASK) is None


def test_a_task_may_speak_of_hints() -> None:
    asked = Question(turns=(Turn(role="user", content="A hint costs 3 coins. What do 4 hints cost?"),))
    assert hint_flaw("What does one hint cost?", THINKING, "11", [], asked) is None


@pytest.mark.parametrize(
    ("request_", "quoted"),
    [
        ("Rick has 16 pears. How many are left? Give a number.", "How many are left?"),
        ("Work out 7 * 8 - 5.", "Work out 7 * 8 - 5."),
    ],
)
def test_the_task_itself_is_the_last_resort(request_: str, quoted: str) -> None:
    assert f'"{quoted}"' in plain_hint(Question(turns=(Turn(role="user", content=request_),)))


def test_a_hint_speaks_to_the_student() -> None:
    said = read_hint("Wrong: x\nHint: The student overlooks the student's second number.")
    assert said == "You overlooks your second number."
