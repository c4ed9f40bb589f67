"""What a row's text may not hold, found before anything recurses into it or stores it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from services.datasets.errors import DatasetError

MAX_DEPTH = 64
"""Levels of objects and arrays. Real rows have about five."""

# A string that is never closed runs to the end of the text: that keeps the search linear.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_FORBIDDEN = re.compile("[\0\ud800-\udfff]")


class _Pairs(list[tuple[str, object]]):
    """An object's members, doubled keys included."""


# Not strict, so that a raw NUL inside a string can be told by its field; numbers do not matter here.
_decoder = json.JSONDecoder(object_pairs_hook=_Pairs, strict=False, parse_int=str, parse_float=str)


def check(text: str) -> None:
    """Raises DatasetError where `text` nests deeper than MAX_DEPTH or holds, raw or escaped, a NUL or a lone surrogate.

    Text that is no JSON passes: whoever decodes it says so better.
    """
    check_depth(text)
    if "\0" in text or ("\\u" in text and _ESCAPED.search(text)) or (not text.isascii() and _FORBIDDEN.search(text)):
        _check_characters(text)


def check_depth(text: str) -> None:
    """Raises DatasetError where `text` nests objects and arrays deeper than MAX_DEPTH; linear in its length."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        mark = text[found.start()]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise DatasetError(
                    f"nested deeper than {MAX_DEPTH} levels at column {found.start() + 1}; flatten the row"
                )
        elif mark in "]}":
            depth -= 1


def _check_characters(text: str) -> None:
    try:
        value = _decoder.decode(text)
    except ValueError:
        if found := _FORBIDDEN.search(text):
            raise DatasetError(
                f"{_name(found[0])} at column {found.start() + 1}, in no readable field; is the file UTF-8 text?"
            ) from None
        return
    for path, string in _strings(value, ""):
        if found := _FORBIDDEN.search(string):
            raise DatasetError(f"{path or 'the row'} holds {_name(found[0])}; take it out")


def _strings(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, _Pairs):
        for key, inner in value:
            yield f"the name of a field{' in ' + path if path else ''}", key
            yield from _strings(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _strings(inner, f"{path}[{index}]")


def _name(character: str) -> str:
    return "a NUL character" if character == "\0" else f"a lone surrogate (\\u{ord(character):04x})"
