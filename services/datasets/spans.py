"""JSON edited as text, so that what is not meant to change keeps its bytes.

Decoding a row and encoding it again loses escapes, `1.0`, big integers and doubled keys. Here an object is cut into the
raw text of its values, and a new row is spliced together from the pieces. Where a key stands twice its last value
counts, as in every common reader. Meant for text that `guard.check` let pass: nesting is followed without a limit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, NoReturn

from services.datasets.errors import DatasetError

_SPACE = re.compile(r"[ \t\n\r]*")
_LINE_BREAK = re.compile(r"[\n\r][ \t\n\r]*")
_CHARACTER = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|.", re.DOTALL)
"""One decoded character of a raw string; a surrogate pair is one."""
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


def _refuse_constant(name: str) -> NoReturn:
    raise DatasetError(f"{name} is not JSON; write null or a string")


# Numbers are only stepped over: as `str` they cost nothing and know no limit of digits.
_scan = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant).raw_decode


class _Member(NamedTuple):
    key: str
    start: int
    """Where the key's opening quote stands."""
    value: int
    end: int


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _expect(text: str, at: int, mark: str) -> int:
    at = _after_space(text, at)
    if text[at : at + 1] != mark:
        raise DatasetError(f"not valid JSON: expected {mark!r} at column {at + 1}")
    return at + 1


def _value(text: str, at: int) -> tuple[Any, int]:
    """The value that begins at `at`, and where it ends."""
    try:
        return _scan(text, at)
    except json.JSONDecodeError as error:
        raise DatasetError(f"not valid JSON: {error.msg} at column {error.pos + 1}") from None


def _end(text: str, at: int) -> None:
    if (at := _after_space(text, at)) != len(text):
        raise DatasetError(f"not valid JSON: something follows at column {at + 1}")


def _object(text: str) -> list[_Member]:
    found: list[_Member] = []
    at = _after_space(text, _expect(text, 0, "{"))
    if text[at : at + 1] == "}":
        _end(text, at + 1)
        return found
    while True:
        start = _expect(text, at, '"') - 1
        key, at = _value(text, start)
        value = _after_space(text, _expect(text, at, ":"))
        _, end = _value(text, value)
        found.append(_Member(key, start, value, end))
        at = _after_space(text, end)
        if text[at : at + 1] == "}":
            _end(text, at + 1)
            return found
        at = _expect(text, at, ",")


def _array(text: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    at = _after_space(text, _expect(text, 0, "["))
    if text[at : at + 1] == "]":
        _end(text, at + 1)
        return found
    while True:
        start = _after_space(text, at)
        _, end = _value(text, start)
        found.append((start, end))
        at = _after_space(text, end)
        if text[at : at + 1] == "]":
            _end(text, at + 1)
            return found
        at = _expect(text, at, ",")


def members(text: str) -> list[tuple[str, str]]:
    """An object's keys, decoded, each with the raw text of its value, in order; `dict()` keeps the last of equal keys.

    Raises DatasetError where `text` is no JSON object.
    """
    return [(member.key, text[member.value : member.end]) for member in _object(text)]


def elements(text: str) -> list[str]:
    """The raw text of an array's elements. Raises DatasetError where `text` is no JSON array."""
    return [text[start:end] for start, end in _array(text)]


def replace_members(text: str, changes: Mapping[str, str]) -> str:
    """The object with the raw values in `changes`: in place where the key is there, at the end where it is not.

    Works inside out for nested objects: `replace_members(row, {"metadata": replace_members(metadata, ...)})`.
    """
    found = _object(text)
    last = {member.key: member for member in found}
    pieces: list[str] = []
    at = 0
    for member in sorted((last[key] for key in changes if key in last), key=lambda member: member.value):
        pieces += [text[at : member.value], changes[member.key]]
        at = member.end
    added = [f"{quote(key)}: {raw}" for key, raw in changes.items() if key not in last]
    if added:
        close = found[-1].end if found else text.index("{") + 1
        pieces += [text[at:close], ", " if found else "", ", ".join(added)]
        at = close
    return "".join([*pieces, text[at:]])


def remove_members(text: str, keys: Collection[str]) -> str:
    """The object without `keys`; what stays keeps its bytes and its own separators."""
    found = _object(text)
    kept = [index for index, member in enumerate(found) if member.key not in keys]
    if len(kept) == len(found):
        return text
    if not kept:
        return "{}"
    pieces = [text[: found[0].start]]
    for index in kept:
        member = found[index]
        before = found[index - 1].end if index != kept[0] else member.start
        pieces.append(text[before : member.end])
    return "".join([*pieces, text[found[-1].end :]])


def replace_last(text: str, raw: str) -> str:
    """The array with `raw` as its last element. Raises DatasetError where it has none."""
    if not (found := _array(text)):
        raise DatasetError("the array is empty")
    start, end = found[-1]
    return text[:start] + raw + text[end:]


def quote(value: str) -> str:
    """A JSON string, letters of every script as they are.

    What no UTF-8 file can hold (lone surrogates) and what databases refuse (NUL) becomes U+FFFD: nobody meant it.
    """
    return json.dumps(_UNWRITABLE.sub("\ufffd", value), ensure_ascii=False)


def join_strings(*raws: str) -> str:
    """JSON strings run together into one, each keeping its escapes."""
    return '"' + "".join(raw[1:-1] for raw in raws) + '"'


def split_string(raw: str, count: int) -> tuple[str, str]:
    """A raw JSON string cut after `count` decoded characters into two, their escapes kept."""
    at = 1
    for _ in range(count):
        found = _CHARACTER.match(raw, at, len(raw) - 1)
        if found is None:
            break
        at = found.end()
    return raw[:at] + '"', '"' + raw[at:]


def one_line(text: str) -> str:
    """A valid JSON text on one line. JSON strings hold no raw line breaks, so only the space between tokens changes."""
    return _LINE_BREAK.sub(" ", text) if "\n" in text or "\r" in text else text
