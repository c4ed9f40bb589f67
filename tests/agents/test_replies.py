"""Replies as models really write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.question import AnswerKind
from agents.replies import Attempt, read_attempt, read_hint, read_json
from agents.verdict import Verdict

BOX = "\\boxed{12}"


@pytest.mark.parametrize(
    ("text", "kind", "thinking", "answer"),
    [
        ("3 * 4 = 12 pens.\nAnswer: 12", "number", "3 * 4 = 12 pens.", "12"),
        ("3 * 4 = 12 pens.\n**Answer:** 12", "number", "3 * 4 = 12 pens.", "12"),
        ("3 * 4 = 12 pens.\n**Answer: 12**", "number", "3 * 4 = 12 pens.", "12"),
        ("3 * 4 = 12 pens.\n\n### Final Answer: $12", "number", "3 * 4 = 12 pens.", "$12"),
        ("1. 3 * 4 = 12 pens.\n2. Answer: 12", "number", "1. 3 * 4 = 12 pens.", "12"),
        ("3 * 4 = 12 pens.\nAnswer:\n12\nI hope this helps.", "number", "3 * 4 = 12 pens.", "12"),
        ("Answer: 11\nNo, 3 * 4 = 12.\nAnswer: 12", "number", "No, 3 * 4 = 12.", "12"),
        ("So 3 * 4.\n\\[ " + BOX + " \\]", "number", "So 3 * 4.", "12"),
        ("So 3 * 4.\nAnswer: $" + BOX + "$", "number", "So 3 * 4.", "12"),
        ("<think>\n3 * 4 = 12\n</think>\n\nAnswer: 12", "number", "3 * 4 = 12", "12"),
        ("<thinking>3 * 4 = 12</thinking>\n12", "number", "3 * 4 = 12", "12"),
        ("<think>3 * 4 = 12\nAnswer: 12</think>", "number", "3 * 4 = 12", "12"),
        ("Thinking: 3 rows of 4. The answer is 12.", "number", "3 rows of 4.", "12."),
        ("There are 3 * 4 = 12 pens.", "number", "There are 3 * 4 = 12 pens.", "12 pens."),
        ("There are 3 rows and 4 columns.", "number", "There are 3 rows and 4 columns.", ""),
        ("Work it out.\nAnswer:", "number", "Work it out.", ""),
        ("", "number", "", ""),
        ("It is in the text.\nAnswer: olive wood", "text", "It is in the text.", "olive wood"),
        ("It is in the text.\nolive wood", "text", "It is in the text.", "olive wood"),
        ("Two parts.\nAnswer: first\nand second", "text", "Two parts.", "first\nand second"),
        ('A list.\nAnswer: {"a": [1, 2]}', "json", "A list.", '{"a": [1, 2]}'),
        ('A list.\nAnswer:\n```json\n{\n  "a": [1, 2]\n}\n```\nDone.', "json", "A list.", '{\n  "a": [1, 2]\n}'),
        ('A list.\nAnswer:\n{\n  "a": 1,\n}', "json", "A list.", '{\n  "a": 1\n}'),
        ('A list.\n{"a": 1}', "json", "A list.", '{"a": 1}'),
        ('A list.\n{"a": 1}\nAnswer: see above', "json", 'A list.\n{"a": 1}', "see above"),
    ],
)
def test_attempts_as_models_write_them(text: str, kind: AnswerKind, thinking: str, answer: str) -> None:
    assert read_attempt(text, kind) == Attempt(thinking, answer)


words = st.lists(st.text("abcxyz", min_size=1, max_size=6), min_size=1, max_size=8).map(" ".join)


@given(words, st.integers(-(10**6), 10**6))
def test_a_marked_number_is_read_back(thinking: str, number: int) -> None:
    assert read_attempt(f"{thinking}.\nAnswer: {number}", "number") == Attempt(f"{thinking}.", str(number))


scalars = st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=8)
objects = st.dictionaries(st.text(max_size=5), st.recursive(scalars, lambda s: st.lists(s, max_size=3)), min_size=1)


@given(objects, words, st.booleans(), st.booleans())
def test_json_is_found_among_chatter(value: object, chatter: str, fenced: bool, pretty: bool) -> None:
    text = json.dumps(value, indent=2 if pretty else None, ensure_ascii=False)
    block = f"```json\n{text}\n```" if fenced else text
    assert read_json(f"{chatter}:\n{block}\n{chatter}") == value
    assert json.loads(read_attempt(f"{chatter}.\nAnswer: {text}", "json").answer) == value


@given(st.text())
def test_no_reply_breaks_the_reader(text: str) -> None:
    for kind in ("number", "json", "text"):
        read_attempt(text, kind)


def test_trailing_commas_are_forgiven_outside_strings_only() -> None:
    assert read_json('Here: {"a": "1,}", "b": [1, 2,],}') == {"a": "1,}", "b": [1, 2]}


def test_a_bare_value_is_json_too() -> None:
    assert read_json("```json\n[1, 2]\n```") == [1, 2]
    assert read_json("45") == 45


@pytest.mark.parametrize("text", ["", "no", "{", "```json\n```", '{"a": }', "[" * 100_000])
def test_what_is_no_json_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        read_json(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Hint: Look at the 15 guests.", "Look at the 15 guests."),
        ("The student forgot them.\n**Hint:** Look at\nthe 15 guests.", "Look at the 15 guests."),
        ('"Look at the 15 guests."', "Look at the 15 guests."),
        ("<hint>Look at the 15 guests.</hint>", "Look at the 15 guests."),
        ("Working: 240 - 15 = 225\nWrong: 240 pay.\nHint: Look at the 15 guests.", "Look at the 15 guests."),
        ("**Working:** 240 - 15 = 225\nWrong: 240", ""),
        ("<Working> 240 - 15 = 225</Working> <Wrong> 240 </Wrong> Look at the 15 guests.", "Look at the 15 guests."),
        ("<Working> 240 - 15 = 225", ""),
        ('"It has to" is no reason: name one.', '"It has to" is no reason: name one.'),
        ('Look at the line "Boot mode"', 'Look at the line "Boot mode"'),
    ],
)
def test_hints_lose_their_wrapping(text: str, hint: str) -> None:
    assert read_hint(text) == hint


VERDICT = {
    "student": "12", "reference": "12", "right": True,
    "facts": 1, "steps": 0.5, "reaches": 1.0, "concise": 0.5, "critique": "Fine.",
}  # fmt: skip


def test_a_verdict_has_a_mean_of_its_four_scores() -> None:
    verdict = Verdict.model_validate(VERDICT)
    assert verdict.mean == 0.75
    assert verdict.scores == {"facts": 1.0, "steps": 0.5, "reaches": 1.0, "concise": 0.5}


@pytest.mark.parametrize("score", [-0.1, 1.1, 5, 85, float("nan"), float("inf"), "high", None])
def test_a_score_out_of_range_is_no_verdict(score: object) -> None:
    with pytest.raises(ValidationError):
        Verdict.model_validate(VERDICT | {"steps": score})


@pytest.mark.parametrize("field", VERDICT)
def test_every_field_of_a_verdict_is_required(field: str) -> None:
    with pytest.raises(ValidationError):
        Verdict.model_validate({k: v for k, v in VERDICT.items() if k != field})


def test_the_schema_makes_the_judge_compare_before_it_scores() -> None:
    schema = Verdict.model_json_schema()
    assert list(schema["properties"])[:3] == ["student", "reference", "right"]
    assert schema["required"] == list(schema["properties"])
    assert schema["additionalProperties"] is False
