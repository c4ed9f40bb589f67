"""What each kind of source file holds, as items. Rows and chunks are streamed; a schema and a book are read whole."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from services.datasets.errors import DatasetError
from services.datasets.shapes import parse
from services.datasets.split import BadRow
from services.views import DatasetKind

WHOLE: Final = frozenset({"schema", "passages", "text"})
"""Kinds whose files are documents, not rows."""
LARGEST_DOCUMENT: Final = 64 * 2**20
"""Bytes of a document: a long book has 4 MiB."""


class Found(NamedTuple):
    """One item. `identity` is 32 hex digits: equal items have equal ones."""

    identity: str
    raw: str
    line: int
    annotated: bool = False


def read_row(kind: DatasetKind, text: str, line: int) -> Found:
    """The item in one row of JSON. Raises DatasetError."""
    if kind == "chunks":
        from graphs.recipes.personas.chunks import read_chunk

        try:
            chunk = read_chunk(text)
        except ValueError as error:
            raise DatasetError(str(error)) from None
        return _found(chunk.model_dump_json(), line)
    if kind == "training":
        return _found(_training(text), line)
    item = parse(text)
    return Found(item.identity, text, line, item.annotated)


def _training(text: str) -> str:
    """The row, which the trainer can read. Raises DatasetError."""
    from training.rows import RowError
    from training.rows import parse as read

    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"the row is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise DatasetError("the row is no object; write one of the shapes that the trainer reads")
    try:
        read(value)
    except RowError as error:
        raise DatasetError(str(error)) from None
    return text


def read_document(kind: DatasetKind, name: str, data: bytes, quoted: str = "") -> Iterator[Found | BadRow]:
    """The items of one document; passages are held to `quoted`, the text they come from, where it is given.

    Raises DatasetError where it is none of this kind.
    """
    text = read_text(data)
    yield from _passages(name, text, quoted) if kind == "passages" else _READERS[kind](name, text)


def is_quoted_text(name: str, data: bytes | bytearray) -> bool:
    """Whether a file among passages is what they quote: a .txt without a passage's heading."""
    return name.lower().endswith(".txt") and not re.search(rb"^#+\s*passage\b", data, re.I | re.M)


def read_text(data: bytes) -> str:
    """The text of a document. Raises DatasetError, with the line, where it is none."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DatasetError(f"line {line} is not UTF-8; save the file as UTF-8") from None
    if "\0" in text:
        raise DatasetError(f"line {text[: text.index(chr(0))].count(chr(10)) + 1} holds a NUL; is this a text file?")
    if not text.strip():
        raise DatasetError("the file is empty")
    return text


def _schema(name: str, text: str) -> Iterator[Found | BadRow]:
    from graphs.recipes.commands.schema import SchemaError, read_schema

    try:
        read_schema(text, name)
    except SchemaError as error:
        yield BadRow(name, error.line, error.reason)
    else:
        yield _found(text, 1)


def _passages(name: str, text: str, quoted: str) -> Iterator[Found | BadRow]:
    from graphs.recipes.passages.blocks import not_in, read

    blocks, faults = read(text, without_templates=True)
    wrong = not_in(blocks, quoted) if quoted else []
    bad: dict[int, list[str]] = {}
    first: dict[int, int] = {}
    for fault in sorted([*faults, *wrong]):  # a block is one bad row, however much is wrong in it
        line = first.setdefault(fault.block, fault.line)
        bad.setdefault(fault.block, []).append(f"{'' if fault.line == line else f'line {fault.line}: '}{fault.reason}")
    for at, reasons in bad.items():
        yield BadRow(name, first[at], "; ".join(reasons))
    for block in blocks:
        if block.line not in bad:
            yield _found(block.passage.model_dump_json(), block.line)


def _text(name: str, text: str) -> Iterator[Found | BadRow]:
    from graphs.recipes.passages.windows import windows

    for window in windows(text, name):
        yield _found(window.model_dump_json(), window.line)


_READERS: Final = {"schema": _schema, "text": _text}


def _found(raw: str, line: int) -> Found:
    return Found(hashlib.sha256(raw.encode()).hexdigest()[:32], raw, line)
