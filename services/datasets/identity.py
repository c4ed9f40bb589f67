"""What a row *is*, its thinking aside: the same before and after the thinking was worked on, wherever that was done."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NoReturn

from services.datasets.errors import DatasetError

THINKING_FIELDS = frozenset(
    {
        "thinking",
        "original_thinking",
        "thinking_iterations",
        "thinking_converged",
        "thinking_iterations_detail",
        "thinking_outcome",
        "thinking_reason",
        "thinking_labels",
        "teachback",
    }
)
"""Fields of a row, its `metadata` and its `expected_response` that are, or tell about, thinking."""
MESSAGE_FIELDS = frozenset({"thinking", "reasoning_content"})
"""The same on an assistant message."""


class _Number:
    """A number that Python would not write back as it stood."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _int(text: str) -> int | _Number:
    return int(text) if len(text) < 20 and text != "-0" else _Number(text)


def _float(text: str) -> float | _Number:
    value = float(text)
    return value if repr(value) == text else _Number(text)


def _refuse_constant(name: str) -> NoReturn:
    raise DatasetError(f"{name} is not JSON; write null or a string")


def _mark(number: object) -> str:
    # No string of a row can look like this, because a row with a NUL is refused.
    return f"\0{number.text}" if isinstance(number, _Number) else str(number)


_decode = json.JSONDecoder(parse_int=_int, parse_float=_float, parse_constant=_refuse_constant).decode
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_mark).encode


def decode(text: str) -> Any:
    """JSON with every number kept to its last digit. Raises DatasetError, with the column, where it is no JSON."""
    try:
        return _decode(text)
    except json.JSONDecodeError as error:
        hint = "; a JSONL file holds one whole object a line" if error.pos >= len(text) else ""
        raise DatasetError(f"not valid JSON: {error.msg} at column {error.pos + 1}{hint}") from None


def identity(row: dict[str, Any], reference: str) -> str:
    """The first 32 hex digits of the SHA-256 over the row's canonical JSON without any thinking.

    Keys are sorted and space is dropped, so a file written anew by another tool keeps its identities; numbers count by
    their digits. `reference` stands in for the last message's content where that one is the assistant's: it is the same
    without leading think tags. An absent, null and empty `metadata` are one.
    """
    bare = _without(row, THINKING_FIELDS)
    match bare.get("metadata"):
        case dict() as metadata if kept := _without(metadata, THINKING_FIELDS):
            bare["metadata"] = kept
        case dict() | None:
            bare.pop("metadata", None)
    if isinstance(response := bare.get("expected_response"), dict):
        bare["expected_response"] = _without(response, THINKING_FIELDS)
    *earlier, last = bare["messages"]
    if last["role"] == "assistant":
        bare["messages"] = [*earlier, {**_without(last, MESSAGE_FIELDS), "content": reference}]
    return hashlib.sha256(_encode(bare).encode()).hexdigest()[:32]


def _without(fields: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key not in names}


class Occurrences:
    """Numbers equal rows, so that each of hundreds of duplicates is an item of its own.

    One counter for all files of a dataset. Memory: about 150 bytes a distinct row.
    """

    def __init__(self) -> None:
        self._seen: dict[bytes, int] = {}

    def id(self, identity: str) -> str:
        """`{identity}-{n}`, n from 1 in the order of asking."""
        key = bytes.fromhex(identity)
        number = self._seen[key] = self._seen.get(key, 0) + 1
        return f"{identity}-{number}"
