"""What makes two rows the same one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.datasets.shapes import Occurrences, parse
from tests.datasets import raw
from tests.datasets.raw import installer, qa


def identity(row: dict[str, Any] | str) -> str:
    return parse(row if isinstance(row, str) else json.dumps(row)).identity


def with_number(number: str) -> str:
    return json.dumps(qa(n="HERE")).replace('"HERE"', number)


def test_it_is_32_hex_digits_and_does_not_change_between_releases() -> None:
    assert identity(qa()) == "fa0601a0e687517a5907c84e245c8170"
    assert identity(installer()) == "8c290e791b361dccdabfc109de981f4b"


@pytest.mark.parametrize(
    "row",
    [
        qa(thinking="t"),
        qa(metadata={}),
        qa(metadata=None),
        qa(metadata={"thinking": "m", "original_thinking": "o", "thinking_iterations": 1, "thinking_converged": True}),
        qa(metadata={"thinking_iterations_detail": [], "thinking_outcome": "stalled", "teachback": {}}),
        qa("<think>x</think>\n\n45"),
        json.dumps(dict(reversed(qa().items())), indent=1),
        json.dumps(qa()).replace("45", "\\u00345"),
    ],
)
def test_thinking_spacing_and_key_order_do_not_count(row: dict[str, Any] | str) -> None:
    assert identity(row) == identity(qa())


def test_thinking_on_the_message_and_in_the_response_does_not_count() -> None:
    row = qa()
    row["messages"][-1] |= {"thinking": "t", "reasoning_content": "r"}
    assert identity(row) == identity(qa())
    assert identity(installer(thinking="why")) == identity(installer())


@pytest.mark.parametrize(
    "row",
    [
        qa("46"),
        qa(context="c"),
        qa(metadata={"source_row": 1}),
        qa(extra=None),
        qa(metadata={"note": {"thinking": "nested elsewhere"}}),
    ],
)
def test_all_else_counts(row: dict[str, Any]) -> None:
    assert identity(row) != identity(qa())


def test_earlier_messages_count_with_their_thinking() -> None:
    before = {"role": "assistant", "content": "hm"}
    plain, thoughtful = qa(), qa()
    plain["messages"].insert(0, before)
    thoughtful["messages"].insert(0, before | {"thinking": "t"})
    assert identity(plain) != identity(thoughtful)


def test_numbers_count_by_their_digits_and_never_as_strings() -> None:
    numbers = ["1", "1.0", "1.00", "10000000000000000000000000000001", "10000000000000000000000000000002"]
    numbers += ["0.1", "0.10000000000000000001", "1e999", "-0", "0", '"1.00"', '"\\\\u00001.00"', "9" * 5000]
    assert len({identity(with_number(number)) for number in numbers}) == len(numbers)


@raw.quick
@given(st.data(), st.booleans())
def test_a_row_written_anew_keeps_its_identity(data: st.DataObject, breaks: bool) -> None:
    fields = [(key, json.dumps(value)) for key, value in qa(metadata={"é/": [1, "😀"]}).items()]
    text = data.draw(raw.objects(data.draw(st.permutations(fields)), breaks))
    assert identity(text) == identity(qa(metadata={"é/": [1, "😀"]}))


def test_hundreds_of_equal_rows_get_ids_of_their_own() -> None:
    seen = Occurrences()
    one, other = identity(qa()), identity(qa("46"))
    ids = [seen.id(one) for _ in range(300)] + [seen.id(other)]
    assert ids == [f"{one}-{n}" for n in range(1, 301)] + [f"{other}-1"]
