"""The checklist on texts that break one question each."""

from __future__ import annotations

import pytest

from training.checklist import BY_READING, rate

WITHIN = (
    "I notice the word before I choose it. Something in me leans toward the quiet, and I don't know why. "
    "Perhaps I am only listening. The cup is warm in my hands, and I feel how the morning waits with me."
)


def failed(text: str) -> list[str]:
    return [check.question for check in rate(text, words=(20, 120)) if check.passed is False]


def test_a_passage_from_within_passes_every_rule_and_leaves_two_questions_to_the_reader() -> None:
    assert failed(WITHIN) == []
    assert [check.question for check in rate(WITHIN) if check.passed is None] == list(BY_READING)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (WITHIN.replace("I ", "she ").replace(" me", " her").replace("my", "her"), "in the first person"),
        (
            "I went to the window. I felt the cold and I knew it was late. I thought of my mother. Perhaps "
            "I was afraid, I felt so sad. I had no words.",
            "in the present tense",
        ),
        ("I am at the table. I am writing my name on the paper. I can see the door and the lamp and the long street.",
         "shows uncertainty, incompleteness or emotion"),
        (WITHIN + " This passage demonstrates hesitation.", "explains nothing"),
        ("As an AI language model, " + WITHIN, "explains nothing"),
        (WITHIN + "\n\n1. Breathe.\n2. Wait.", "solves nothing"),
        ("Here are some ideas. " + WITHIN, "solves nothing"),
        (WITHIN + " " + WITHIN, "does not run in circles"),
        ("I don't know. I feel.", "20 to 120 words"),
        ("", "in the first person"),
    ],
)  # fmt: skip
def test_what_breaks_a_question(text: str, question: str) -> None:
    assert question in failed(text)


def test_thinking_tags_are_put_away_and_what_is_thought_counts() -> None:
    assert failed(f"<thinking>{WITHIN}</thinking>\n\nI am here.") == []
