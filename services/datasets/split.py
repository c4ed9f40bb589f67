"""Bytes to rows, streaming: what is held at any time is one chunk and one row."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from services.datasets.errors import DatasetError
from services.datasets.frames import SPACE, Array, Frame, Lines
from services.datasets.guard import check

MAX_ROW_BYTES = 8 * 1024 * 1024

_FOREIGN_MARKS = (  # UTF-32 before UTF-16: its little-endian mark begins with the other's
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class Raw(NamedTuple):
    """One row's text as it stood in the file. `line` counts from 1; in an array it is the element's first line."""

    line: int
    text: str


class BadRow(NamedTuple):
    """A row that could not be used: what is wrong and what to write instead."""

    file: str
    line: int
    reason: str


class Splitter:
    """Cuts one file, pushed in chunks of any size, into rows.

    JSONL or a JSON array, told by the first byte that is no space. `file` is used in messages only. Run what `feed` and
    `finish` return to its end before the next call.
    """

    def __init__(self, file: str, max_row_bytes: int = MAX_ROW_BYTES) -> None:
        self._file = file
        self._limit = max_row_bytes
        self._head = b""
        """The first bytes, until there are enough of them to know a byte order mark."""
        self._begun = self._foreign = False
        self._line, self._offset = 1, 0
        self._framing: Lines | Array | None = None
        self._rows = 0

    def feed(self, chunk: bytes) -> Iterator[Raw | BadRow]:
        """The rows that end within this chunk."""
        if not self._begun:
            self._head += chunk
            if len(self._head) < 4:
                return
            yield from self._begin()
        else:
            yield from self._frames(chunk)

    def finish(self) -> Iterator[Raw | BadRow]:
        """The last row. Raises DatasetError where the file held none, good or bad."""
        if not self._begun:
            yield from self._begin()
        if self._framing is not None:
            for frame in self._framing.finish():
                yield self._row(frame)
        if not self._rows:
            raise DatasetError(f"{self._file} is empty: it holds no rows")

    def _begin(self) -> Iterator[Raw | BadRow]:
        self._begun = True
        head, self._head = self._head, b""
        for mark, name in _FOREIGN_MARKS:
            if head.startswith(mark):
                self._foreign = True
                yield self._bad(1, f"the file is {name} (byte order mark at byte offset 0); save it as UTF-8")
                return
        if head.startswith(codecs.BOM_UTF8):
            head = head[len(codecs.BOM_UTF8) :]
            self._offset = len(codecs.BOM_UTF8)
        yield from self._frames(head)

    def _frames(self, data: bytes) -> Iterator[Raw | BadRow]:
        if self._foreign:
            return
        if self._framing is None:
            bare = data.lstrip(SPACE)
            self._line += data.count(b"\n", 0, len(data) - len(bare))
            self._offset += len(data) - len(bare)
            if not bare:
                return
            kind = Array if bare.startswith(b"[") else Lines
            self._framing, data = kind(self._line, self._offset, self._limit), bare
        for frame in self._framing.feed(data):
            yield self._row(frame)

    def _row(self, frame: Frame) -> Raw | BadRow:
        if frame.fault:
            return self._bad(frame.line, frame.fault)
        try:
            text = _decode(frame)
            check(text)
        except DatasetError as error:
            return self._bad(frame.line, str(error))
        self._rows += 1
        return Raw(frame.line, text)

    def _bad(self, line: int, reason: str) -> BadRow:
        self._rows += 1
        return BadRow(self._file, line, reason)


def split(chunks: Iterable[bytes], file: str, max_row_bytes: int = MAX_ROW_BYTES) -> Iterator[Raw | BadRow]:
    """The rows of one file, in order, each as `Raw` or with the reason why not.

    `chunks` may end anywhere, within a character too. Memory: one chunk and at most `max_row_bytes` of one row. Raises
    DatasetError where the file holds no row at all.
    """
    splitter = Splitter(file, max_row_bytes)
    for chunk in chunks:
        yield from splitter.feed(chunk)
    yield from splitter.finish()


def _decode(frame: Frame) -> str:
    try:
        return frame.data.decode()
    except UnicodeDecodeError as error:
        at, byte = frame.offset + error.start, frame.data[error.start]
    try:
        # Surrogates written as bytes are readable enough for `check` to name their field.
        return frame.data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise DatasetError(f"byte 0x{byte:02x} at byte offset {at} is not UTF-8; save the file as UTF-8") from None
