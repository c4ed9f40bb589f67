"""What one answer is worth, by cases made by hand; each differs from the reference in one way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from training.metrics import Judgement, judge, parse

REFERENCE: dict[str, Any] = {
    "type": "command",
    "command": "brew",
    "subcommand": "pour",
    "args": {"number": 12, "size": "small"},
    "flags": ["milk", "sugar"],
    "confidence": 0.96,
}
QUESTION: dict[str, Any] = {
    "type": "clarification",
    "message": "Which brew do you mean?",
    "suggestions": [{"label": "View a brew", "command": "brew", "subcommand": "view"}],
    "confidence": 0.45,
}


def judged(answer: dict[str, Any] | str, reference: dict[str, Any] = REFERENCE) -> Judgement:
    """An object, or a text as it is, beside the reference."""
    return judge(answer if isinstance(answer, str) else json.dumps(answer), json.dumps(reference))


def changed(**fields: Any) -> dict[str, Any]:
    """The reference with other values; None takes a field away."""
    return {key: value for key, value in {**REFERENCE, **fields}.items() if value is not None}


def test_the_reference_itself_is_right_in_everything() -> None:
    told = judged(REFERENCE)
    assert told == Judgement(True, True, True, True, False, arguments=4, right=4, invented=0)


def test_the_order_of_keys_and_of_flags_means_nothing() -> None:
    turned = dict(reversed(list(changed(flags=["sugar", "milk"], args={"size": "small", "number": 12}).items())))
    assert judged(turned).exact
    assert judged(json.dumps(REFERENCE, indent=4)).exact


def test_the_order_of_other_lists_does() -> None:
    two = [*QUESTION["suggestions"], {"label": "List brews", "command": "brew", "subcommand": "list"}]
    asked = {**QUESTION, "suggestions": two}
    told = judged({**asked, "suggestions": two[::-1]}, asked)
    assert (told.exact, told.structural, told.same_call) == (False, True, False)


@pytest.mark.parametrize("number", ["12", True, 12.5, 13, None, [12]])
def test_a_value_of_another_type_or_size_is_wrong_in_an_unharmed_shape(number: Any) -> None:
    told = judged(changed(args={"number": number, "size": "small"}))
    assert (told.exact, told.same_call, told.right, told.invented) == (False, False, 3, 0)
    assert told.structural is not isinstance(number, list) or number == [12]


def test_a_number_is_equal_however_it_is_written() -> None:
    assert judged(json.dumps(REFERENCE).replace("12", "12.0").replace("0.96", "9.6e-1")).exact


def test_true_is_not_one() -> None:
    flag = {**REFERENCE, "args": {"on": True}}
    assert not judged({**flag, "args": {"on": 1}}, flag).exact
    assert judged({**flag, "args": {"on": 1}}, flag).right == 2


def test_an_extra_key_breaks_the_shape_and_is_counted_as_invented() -> None:
    told = judged(changed(args={"number": 12, "size": "small", "cups": 3}))
    assert (told.exact, told.structural, told.right, told.invented) == (False, False, 4, 1)
    told = judged(changed(note="hello"))
    assert (told.exact, told.structural, told.same_call, told.invented) == (False, False, True, 0)


def test_a_missing_key_breaks_the_shape() -> None:
    told = judged(changed(args={"number": 12}))
    assert (told.exact, told.structural, told.right) == (False, False, 3)
    assert not judged(changed(confidence=None)).structural


def test_a_missing_or_other_flag_is_a_wrong_argument_and_no_other_shape() -> None:
    told = judged(changed(flags=["milk"]))
    assert (told.exact, told.structural, told.right, told.invented) == (False, True, 3, 0)
    told = judged(changed(flags=["milk", "lemon"]))
    assert (told.right, told.invented) == (3, 1)
    assert not judged(changed(flags=["milk", "sugar", "sugar"])).exact


def test_another_command_has_none_of_the_arguments_right() -> None:
    told = judged(changed(subcommand="view"))
    assert (told.exact, told.structural, told.same_call, told.right, told.arguments) == (False, False, False, 0, 4)


def test_another_confidence_is_no_exact_match_and_the_same_call() -> None:
    told = judged(changed(confidence=0.9))
    assert (told.exact, told.structural, told.same_call, told.right) == (False, True, True, 4)


def test_a_question_is_the_same_where_it_offers_the_same() -> None:
    told = judged({**QUESTION, "message": "Which one?"}, QUESTION)
    assert (told.exact, told.structural, told.same_call, told.arguments) == (False, True, True, 0)
    assert not judged({**QUESTION, "suggestions": []}, QUESTION).structural
    assert not judged(REFERENCE, QUESTION).structural
    assert not judged(QUESTION).same_call


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{",
        '{"type": "command",}',
        "{'type': 'command'}",
        'Sure! {"type": "command"}',
        '{"type": "command"} Done.',
        '{"type": NaN}',
        '{"a": 1, "a": 1}',
        '"brew"',
        "12",
        "[" * 100_000,
    ],
)
def test_what_only_nearly_is_json_is_none(answer: str) -> None:
    assert parse(answer) is None
    told = judged(answer)
    assert (told.exact, told.valid_json, told.structural, told.same_call, told.right) == (False,) * 4 + (0,)
    assert told.arguments == 4


def test_a_code_fence_is_told_and_not_forgiven() -> None:
    told = judged(f"```json\n{json.dumps(REFERENCE)}\n```")
    assert (told.exact, told.valid_json, told.fenced) == (False, False, True)
    assert judged("```\nnot json\n```").fenced is False


def test_thinking_is_put_away_before_the_answer_is_judged() -> None:
    assert judged(f"<think>\nFour cups, and milk.\n</think>\n\n{json.dumps(REFERENCE)}").exact
    assert judged(f"  <thinking>x</thinking>{json.dumps(REFERENCE)}").exact
    assert not judged(f"<think>it never ends {json.dumps(REFERENCE)}").valid_json
    with_thinking = f"<think>\na\n</think>\n\n{json.dumps(REFERENCE)}"
    assert judge(json.dumps(REFERENCE), with_thinking).exact


def test_an_array_is_json_without_a_call() -> None:
    told = judge("[1, 2]", "[1, 2]")
    assert (told.exact, told.valid_json, told.structural, told.same_call) == (True, True, True, None)
    assert not judge('{"a": 1}', "[1, 2]").structural
