"""What can be known about an answer, and what is left to a judge."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agents.question import AnswerKind
from graphs.rules.numbers import numbers_in
from graphs.rules.oracle import compare, kind_of

RIGHT = [
    ("45", "45"),
    ("45.", "45"),
    (" 45.00 ", "45"),
    ("$45", "45"),
    ("45 dollars", "45"),
    ("She needs 45 more dollars.", "45"),
    ("45 = 45.0", "45"),
    ("forty-five", "45"),
    ("1,234", "1234"),
    ("1234", "$1,234"),
    ("1 234 567", "1,234,567"),
    ("1/2", "0.5"),
    ("0.5", "1/2"),
    (".5", "0.5"),
    ("2 1/2 cups", "2.5"),
    ("\\frac{1}{2}", "0.5"),
    ("\\$45", "45"),
    ("50%", "50"),
    ("50 percent", "50%"),
    ("0.5", "50%"),
    ("3 million", "3000000"),
    ("1e3", "1000"),
    ("-5", "-5"),
    ("−5", "-5"),
    ('{"b": [1, 2], "a": 1.0}', '{"a": 1, "b": [1, 2]}'),
    ('```json\n{"a": 1,}\n```', '{"a": 1}'),
    ("Paris", "Paris"),
    ("paris.", "Paris"),
    ('"Olive  wood"', "olive wood"),
    ("Yes, because it floats.", "yes"),
    ("False", "no"),
    ("B) the second", "B"),
    ("March 5, 2021", "2021-03-05"),
    ("5th of March 2021", "March 5, 2021"),
    ("45", "45 dollars"),
    ("45 dollar", "45 dollars"),
    ("lsblk  -f", "lsblk -f"),
]
WRONG = [
    ("450", "45"),
    ("4.5", "45"),
    ("145", "45"),
    ("45,000", "45"),
    ("-45", "45"),
    ("45 or 46", "45"),
    ("30 + 15 = 45", "45"),
    ("40-45", "45"),
    ("1/2/45", "45"),
    ("I do not know", "45"),
    ("", "45"),
    ("45 million", "45"),
    ("45k", "45"),
    ("4 5", "45"),
    ("10:45", "45"),
    ("", "Paris"),
    ("not json", '{"a": 1}'),
    ('{"a": true}', '{"a": 1}'),
    ('{"a": 1, "b": 2}', '{"a": 1}'),
    ('{"a": [2, 1]}', '{"a": [1, 2]}'),
    ("No, it sinks.", "yes"),
    ("true", "False"),
    ("C", "B"),
    ("2021-03-06", "March 5, 2021"),
    ("46 dollars", "45 dollars"),
    ("46", "45 dollars"),
]
OPEN = [
    ("London", "Paris"),
    ("automobile", "car"),
    ("Paris, France", "Paris"),
    ("It depends.", "yes"),
    ("The kiln burns olive wood.", "olive wood"),
    ("lsblk -F", "lsblk -f"),
    ("45 euros", "45 dollars"),
    ("3,5", "3.5"),
    ("yesterday", "2021-03-05"),
    ("jamming and spoofing", "signal interception, jamming, and spoofing attacks"),
]


@pytest.mark.parametrize(("answer", "reference"), RIGHT)
def test_known_to_be_right(answer: str, reference: str) -> None:
    assert compare(answer, reference) is True


@pytest.mark.parametrize(("answer", "reference"), WRONG)
def test_known_to_be_wrong(answer: str, reference: str) -> None:
    assert compare(answer, reference) is False


@pytest.mark.parametrize(("answer", "reference"), OPEN)
def test_only_a_judge_can_tell(answer: str, reference: str) -> None:
    assert compare(answer, reference) is None


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ("45", "number"),
        ("$1,234.50", "number"),
        ("-3", "number"),
        ("50%", "number"),
        ("1/2", "number"),
        ("45.", "number"),
        ("45 dollars", "text"),
        ("10:30", "text"),
        ("2021-03-05", "text"),
        ("1, 2, 3", "text"),
        ("B12", "text"),
        ("", "text"),
        ('{"a": 1}', "json"),
        ("[1, 2]", "json"),
        ("[citation needed]", "text"),
        ("Paris", "text"),
    ],
)
def test_the_kind_of_a_reference(reference: str, kind: AnswerKind) -> None:
    assert kind_of(reference) == kind


whole = st.integers(-(10**9), 10**9)
SPELLINGS = [
    "{n}", "{n:,}", "{n}.00", " {n}. ", "{n} dollars", "{n:,} km", "**{n}**", "about {n}", "= {n}",
]  # fmt: skip


@given(whole, st.sampled_from(SPELLINGS))
def test_every_spelling_of_a_number_is_right(number: int, spelling: str) -> None:
    assert compare(spelling.format(n=number), str(number)) is True


@given(whole, whole, st.sampled_from(SPELLINGS))
def test_no_other_number_is_right_in_any_spelling(number: int, other: int, spelling: str) -> None:
    assume(number != other)
    assert compare(spelling.format(n=other), str(number)) is not True


@given(whole, whole)
def test_two_numbers_are_no_answer(number: int, other: int) -> None:
    assume(number != other)
    assert compare(f"{number} and {other}", str(number)) is False


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_fractions_are_equal_by_value(above: int, below: int) -> None:
    value = Fraction(above, below)
    assert compare(f"{above}/{below}", f"{value.numerator}/{value.denominator}") is True


scalars = st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5)
values = st.dictionaries(st.text(max_size=4), scalars | st.lists(scalars, max_size=3), max_size=4)


@given(values, values)
def test_json_is_right_exactly_where_it_is_equal(answer: dict[str, object], reference: dict[str, object]) -> None:
    same = json.dumps(answer, sort_keys=True) == json.dumps(reference, sort_keys=True)
    assert compare(json.dumps(answer, indent=1), json.dumps(reference)) is same


@given(st.text(min_size=1))
def test_a_text_is_always_its_own_answer(text: str) -> None:
    assume(text.strip())
    assert compare(text, text) is True


@given(st.text(), st.text())
def test_no_pair_of_texts_breaks_the_oracle(answer: str, reference: str) -> None:
    assert compare(answer, reference) in (True, False, None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("one hundred and five", [105]),
        ("two thousand three hundred forty-five", [2345]),
        ("a thousand", [1000]),
        ("twelve of the 30", [12, 30]),
        ("someone stood alone", []),
        ("v2 and B12", []),
        ("$3.50 and 4%", [Fraction(7, 2), 4]),
        ("3-4", [3, 4]),
        ("10 - 4", [10, 4]),
        ("it fell to -4", [-4]),
    ],
)
def test_numbers_are_found(text: str, found: list[Fraction]) -> None:
    assert [n.value for n in numbers_in(text)] == found
