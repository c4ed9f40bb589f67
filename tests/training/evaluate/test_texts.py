"""Answers that are not JSON."""

from __future__ import annotations

import time

import pytest

from training.evaluation.texts import final, same, same_number, without_thinking
from training.metrics import judge


@pytest.mark.parametrize(
    ("answer", "reference"),
    [("Paris", "paris."), ("  The\n old mill ", "the old mill"), ("“ready”", "ready"), ("ﬁne", "fine")],
)
def test_what_carries_no_meaning_is_put_away(answer: str, reference: str) -> None:
    assert same(answer, reference)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [("Paris, France", "Paris"), ("", ""), ("lsblk -F", "lsblk -f"), ("no", "yes"), ("-5", "5"), ("a b", "ab")],
)
def test_what_carries_meaning_is_not(answer: str, reference: str) -> None:
    assert not same(answer, reference)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("51", "51"),
        ("7 * 8 is 56, less 5 that is 51.", "51"),
        ("The answer is 51, and 3 are left over.", "51"),
        ("#### 51", "51"),
        (r"So \boxed{51} of 80.", "51"),
        ("1,250.00", "1250"),
        ("$1,250", "1250"),
        ("$45", "45 dollars"),
        ("0.5", "1/2"),
        ("-4", "-4"),
        ("it falls to −4", "-4"),
        ("1e3", "1000"),
        ("3 kilometres", "3 km"),
        ("120 pages", "120"),
        ("She reads 120 in all", "120 pages"),
        ("45%", "45 percent"),
        ("12 steps", "#### 12"),
    ],
)
def test_equal_numbers(answer: str, reference: str) -> None:
    assert same_number(answer, reference) is True


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("52", "51"),
        ("", "51"),
        ("many", "51"),
        ("51 or 52", "51"),
        ("3 m", "3 km"),
        ("45 euros", "45 dollars"),
        ("45%", "45"),
        ("4", "-4"),
        ("510", "51"),
        ("5.1", "51"),
        ("1250", "1.250"),
    ],
)
def test_other_numbers(answer: str, reference: str) -> None:
    assert same_number(answer, reference) is False


@pytest.mark.parametrize(
    "reference", ["Paris", "between 3 and 5", "parted -s /dev/sda mkpart 1", "In 1812 he left, and in 1815 came back."]
)
def test_a_reference_without_one_number_has_none_to_compare(reference: str) -> None:
    assert same_number("3", reference) is None


def test_a_minus_between_numbers_takes_away() -> None:
    told = final("10 - 4")
    assert told is not None
    assert told.value == 4


def test_thinking_that_never_ends_leaves_no_answer() -> None:
    assert without_thinking("<think>so, 51") == ""
    assert without_thinking("<think>a</think><think>b</think> c ") == "c"
    assert without_thinking("I <think>") == "I <think>"


def test_a_row_of_text_is_judged_with_its_thinking_put_away() -> None:
    told = judge("<think>7 * 8 = 56</think>\n\n51", "<think>\nother\n</think>\n\n51")
    assert (told.exact, told.number, told.valid_json) == (True, True, None)


def test_long_answers_take_no_time() -> None:
    started = time.perf_counter()
    for text in (
        "1" * 200_000,
        "1,111" * 40_000,
        "- " * 100_000,
        "<think>" * 50_000,
        '"' * 200_000,
        "```json\n" * 30_000,
    ):
        judge(text, "51")
        judge(text, '{"a": 1}')
    assert time.perf_counter() - started < 5
