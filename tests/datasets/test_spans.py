"""Cutting JSON into raw spans and splicing it together again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.datasets.errors import DatasetError
from services.datasets.spans import (
    elements,
    join_strings,
    members,
    one_line,
    quote,
    remove_members,
    replace_last,
    replace_members,
    split_string,
)
from tests.datasets import raw

fields = st.lists(st.tuples(raw.keys, st.sampled_from(raw.SOLID)), max_size=5)


@raw.quick
@given(st.data(), fields)
def test_members_are_the_raw_values_in_order_with_doubled_keys(
    data: st.DataObject, pairs: list[tuple[str, str]]
) -> None:
    assert members(data.draw(raw.objects(pairs, breaks=True))) == pairs


@raw.quick
@given(st.data(), fields, st.dictionaries(raw.keys, st.sampled_from(['"new"', "[2.50]", "{}"]), max_size=3))
def test_replacing_changes_the_last_of_equal_keys_and_nothing_else(
    data: st.DataObject, pairs: list[tuple[str, str]], changes: dict[str, str]
) -> None:
    text = data.draw(raw.objects(pairs, breaks=True))
    expected = list(pairs)
    for key, value in changes.items():
        places = [i for i, (name, _) in enumerate(expected) if name == key]
        if places:
            expected[places[-1]] = (key, value)
        else:
            expected.append((key, value))
    out = replace_members(text, changes)
    assert members(out) == expected
    if not changes.keys() - {key for key, _ in pairs}:
        for value in changes.values():
            out = out.replace(value, "")
        for _, value in pairs:
            out, text = out.replace(value, ""), text.replace(value, "")
        assert out == text  # the space between tokens and the spelling of the keys stayed


@raw.quick
@given(st.data(), fields, st.sets(raw.keys, max_size=3))
def test_removing_takes_every_value_of_the_keys(
    data: st.DataObject, pairs: list[tuple[str, str]], gone: set[str]
) -> None:
    out = remove_members(data.draw(raw.objects(pairs, breaks=True)), gone)
    assert members(out) == [(key, value) for key, value in pairs if key not in gone]


def test_a_removed_member_takes_its_own_comma() -> None:
    text = '{ "a": 1,\t"b": 2 , "c": 3 }'
    assert remove_members(text, {"b"}) == '{ "a": 1 , "c": 3 }'
    assert remove_members(text, {"a"}) == '{ "b": 2 , "c": 3 }'
    assert remove_members(text, {"c"}) == '{ "a": 1,\t"b": 2 }'


def test_elements_and_the_last_of_them() -> None:
    text = '[ {"a":1.0} ,\n"x, ]", 3]'
    assert elements(text) == ['{"a":1.0}', '"x, ]"', "3"]
    assert replace_last(text, "[4]") == '[ {"a":1.0} ,\n"x, ]", [4]]'
    assert elements(" [ ] ") == []
    with pytest.raises(DatasetError, match="empty"):
        replace_last("[]", "1")


@raw.quick
@given(st.data(), raw.texts, st.integers(0, 30))
def test_a_string_is_cut_between_characters_with_its_escapes(data: st.DataObject, value: str, count: int) -> None:
    text = data.draw(raw.strings(value))
    head, tail = split_string(text, count)
    assert (json.loads(head), json.loads(tail)) == (value[:count], value[count:])
    assert join_strings(head, tail) == text


@raw.quick
@given(st.text())
def test_what_a_model_wrote_becomes_a_string_that_utf8_can_hold(value: str) -> None:
    written = quote(value)
    written.encode()
    assert len(json.loads(written)) == len(value)
    assert "\0" not in json.loads(written)


def test_one_line_touches_only_the_space_between_tokens() -> None:
    text = '{\r\n  "a": "x  \\n y",\n\t"b": [1,\n2]\n}'
    assert one_line(text) == '{ "a": "x  \\n y", "b": [1, 2] }'
    assert one_line('{"a":  1}') == '{"a":  1}'


@pytest.mark.parametrize(
    "text",
    ["", "[1]", "{", '{"a"}', '{"a":}', '{"a":1,}', '{"a":1 "b":2}', '{"a":1} x', "{1:2}", '{"a":NaN}', '{"a":"\n"}'],
)
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="JSON"):
        members(text)


@pytest.mark.parametrize("text", ["", "{}", "[", "[1", "[1,]", "[1 2]", "[] x", "[-Infinity]"])
def test_what_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="JSON"):
        elements(text)
