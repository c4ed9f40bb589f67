"""Bytes to rows: any chunks, any damage, flat memory."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.datasets.errors import DatasetError
from services.datasets.split import BadRow, Raw, split
from tests.datasets.raw import quick

MIB = 1024 * 1024

LINES = [
    b'{"a": "x"}',
    b'  {"a": ["}", "\\"", "\\\\"]}  ',
    '{"é": "漢字 😀"}'.encode(),
    b"",
    b"   ",
    b'{"a": "cut',
    b'{"a": "\xff"}',
    b'{"note": "\\u0000"}',
    b'{"a": "' + b"long" * 40 + b'"}',
    b"not json",
    b"]}{[",
    b'"\\',
]
ELEMENTS = [
    b'{"a": "x"}',
    b'{\n  "a": ["}", "\\"", "\\\\", ",]"]\n}\r\n',
    '{"é": "漢字 😀"}'.encode(),
    b"",
    b"\n \n",
    b'{"a": "\xff"}',
    b'{"note": "\\u0000"}',
    b'{"a": "' + b"long" * 40 + b'"}',
    b"nonsense",
    b'{"a": ]}',
    b'{"a": [1, 2, [3]]}',
]


def whole(data: bytes, limit: int = 120) -> list[Raw | BadRow]:
    return list(split([data], "f.jsonl", limit))


def cut(data: bytes, at: Iterable[int]) -> Iterator[bytes]:
    start = 0
    for end in sorted(at):
        yield data[start:end]
        start = end
    yield data[start:]


@quick
@given(
    st.lists(st.sampled_from(LINES), min_size=1, max_size=8),
    st.sampled_from([b"\n", b"\r\n"]),
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\n\n ", b"\xef\xbb\xbf\n"]),
    st.data(),
)
def test_lines_do_not_depend_on_chunks(lines: list[bytes], end: bytes, before: bytes, data: st.DataObject) -> None:
    content = before + b'{"first": 1}' + end + end.join(lines)
    places = data.draw(st.sets(st.integers(0, len(content)), max_size=6) | st.just(set(range(len(content)))))
    assert list(split(cut(content, places), "f.jsonl", 120)) == whole(content)


@quick
@given(
    st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=8),
    st.sampled_from([b"[", b"\xef\xbb\xbf[", b"\n [ \n"]),
    st.sampled_from([b"]", b"]\n", b"", b"\n] x", b"]]", b',"open']),
    st.data(),
)
def test_arrays_do_not_depend_on_chunks(parts: list[bytes], begin: bytes, end: bytes, data: st.DataObject) -> None:
    content = begin + b",".join(parts) + end
    places = data.draw(st.sets(st.integers(0, len(content)), max_size=6) | st.just(set(range(len(content)))))
    try:
        expected = whole(content)
    except DatasetError:
        with pytest.raises(DatasetError):
            list(split(cut(content, places), "f.jsonl", 120))
        return
    assert list(split(cut(content, places), "f.jsonl", 120)) == expected


def test_lines_keep_their_numbers_and_text() -> None:
    content = b'\xef\xbb\xbf\n{"a":1}\r\n\n  \n{"b": 1.0 }\nbroken\n{"c":3}'
    assert whole(content) == [Raw(2, '{"a":1}'), Raw(5, '{"b": 1.0 }'), Raw(6, "broken"), Raw(7, '{"c":3}')]


def test_elements_keep_the_line_on_which_they_begin() -> None:
    rows = [{"a": 1, "b": ["x", "]"]}, {"c": "é"}, {}]
    found = whole(json.dumps(rows, indent=2, ensure_ascii=False).encode())
    assert [json.loads(row.text) for row in found if isinstance(row, Raw)] == rows
    assert [row.line for row in found] == [2, 9, 12]


def test_a_row_beside_a_broken_one_is_read() -> None:
    found = whole(b'[{"a": 1},\n{"a": ]},\n,\n{"b": 2},\n]')
    assert [row for row in found if isinstance(row, Raw)] == [
        Raw(1, '{"a": 1}'),
        Raw(2, '{"a": ]}'),
        Raw(4, '{"b": 2}'),
    ]
    assert [row.line for row in found if isinstance(row, BadRow)] == [3, 5]
    assert all("comma" in row.reason for row in found if isinstance(row, BadRow))


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b'{"a":1}\n{"a":"\xff"}', 2, "byte 0xff at byte offset 14 is not UTF-8"),
        ('{"a":"é"}'.encode("latin-1"), 1, "byte 0xe9 at byte offset 6 is not UTF-8"),
        (b'\xef\xbb\xbf{"a":"\xff"}', 1, "byte offset 9 "),
        ('{"a":1}\n'.encode("utf-16"), 1, "UTF-16"),
        (b"\xfe\xff" + '{"a":1}\n'.encode("utf-16-be"), 1, "UTF-16"),
        ('{"a":1}\n'.encode("utf-32"), 1, "UTF-32"),
        ('{"a":1}'.encode("utf-16-le"), 1, "a NUL character at column 2, in no readable field"),
        (b'{"a":{"b":["x","\\u0000"]}}', 1, r"a\.b\[1\] holds a NUL character"),
        (b'{"a":{"b":"\x00"}}', 1, r"a\.b holds a NUL character"),
        (b'{"a":"\\ud800"}', 1, r"a holds a lone surrogate \(\\ud800\)"),
        (b'{"a":"\\uDC00 \\ud83d\\ude00"}', 1, r"a holds a lone surrogate \(\\udc00\)"),
        (b'{"a":[{"b":"\xed\xa0\x80"}]}', 1, r"a\[0\]\.b holds a lone surrogate"),
        (b'{"m":{"x\\u0000":1}}', 1, "the name of a field in m holds a NUL"),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", 1, "nested deeper than 64 levels at column 69"),
        (b'{"a":"' + b"x" * 200 + b'"}', 1, "the row has 208 bytes, 150 are allowed"),
        (b'[{"a":1}] \n x', 2, "after the array's closing bracket"),
        (b'[{"a":1}, {"b"', 1, "array is not closed"),
        (b'[{"a":1}, {"b":"]', 1, "array is not closed"),
        (b'[{"a":1},]', 1, "missing beside a comma"),
    ],
)
def test_damage_is_told_by_line_and_reason(content: bytes, line: int, reason: str) -> None:
    bad = [row for row in whole(content, limit=150) if isinstance(row, BadRow)]
    assert len(bad) == 1
    assert (bad[0].file, bad[0].line) == ("f.jsonl", line)
    with pytest.raises(DatasetError, match=reason):
        raise DatasetError(bad[0].reason)
    assert "\n" not in bad[0].reason


@pytest.mark.parametrize(
    "text", ['{"a":"\\ud83d\\ude00"}', '{"a":"\\\\u0000"}', '{"a":"😀 \\\\ud800"}', '{"a":' + "[" * 63 + "]" * 63 + "}"]
)
def test_what_only_looks_like_damage_passes(text: str) -> None:
    assert whole(text.encode(), limit=300) == [Raw(1, text)]


def test_many_brackets_side_by_side_are_not_deep() -> None:
    text = '{"a": [' + ", ".join(["[]", '"[[[[ \\" {{{{"'] * 100) + "]}"
    assert whole(text.encode(), limit=10_000) == [Raw(1, text)]


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b" \n\t\r\n", b"[]", b" [ \n ] "])
def test_an_empty_file_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(DatasetError, match=r"f\.jsonl is empty"):
        whole(content)


@pytest.mark.parametrize("begin", [b"", b"["])
def test_a_row_of_fifty_megabytes_is_refused_unheld(begin: bytes) -> None:
    def chunks() -> Iterator[bytes]:
        yield begin + b'{"a": "'
        piece = b"xy\\n" * (16 * 1024)
        for _ in range(50 * MIB // len(piece)):
            yield piece
        yield b'"}' + (b",\n" if begin else b"\n") + b'{"b": 1}' + (b"]" if begin else b"")

    tracemalloc.start()
    try:
        found = list(split(chunks(), "f.jsonl"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    bad, good = found
    assert isinstance(bad, BadRow)
    assert (bad.line, good) == (1, Raw(2, '{"b": 1}'))
    assert str(50 * MIB + 9) in bad.reason
    assert peak < 12 * MIB  # the allowed 8 MiB of a row and what growing it takes


@pytest.mark.parametrize("begin", [b"", b"["])
def test_memory_stays_flat_however_long_the_file(begin: bytes) -> None:
    row = json.dumps({"a": "x" * 30_000, "b": [{"c": i} for i in range(50)]}).encode()

    def chunks() -> Iterator[bytes]:
        yield begin
        for _ in range(1024):
            yield row + (b",\n" if begin else b"\n")
        yield row + (b"]" if begin else b"")

    tracemalloc.start()
    try:
        count = sum(isinstance(row, Raw) for row in split(chunks(), "f.jsonl"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 1025
    assert peak < MIB


def test_a_bomb_of_brackets_is_given_up_on() -> None:
    began = time.process_time()
    found = list(split((b"[" * 65536 for _ in range(320)), "f.jsonl"))
    assert [row.reason for row in found if isinstance(row, BadRow)] == [
        "nested deeper than 10000 levels; nothing after it is read"
    ]
    assert time.process_time() - began < 5


def test_quotes_without_end_take_linear_time() -> None:
    began = time.process_time()
    found = list(split([b'{"a": [' + b"[]," * 40, b'\\"' * (2 * MIB)], "f.jsonl"))
    assert len(found) == 1
    assert time.process_time() - began < 5
