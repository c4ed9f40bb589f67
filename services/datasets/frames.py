"""Where a row begins and ends in a stream of bytes, without decoding it and without holding more than one.

Two framings, fed the same way: `Lines` for JSONL, `Array` for a JSON array. Both are pushed (`feed`, `finish`), so that
a caller may read from a file, a thread or an event loop; run what `feed` returns to its end before the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

SPACE = b" \t\r\n"
"""What JSON calls white space."""

# What can be stepped over, whole strings included: between the elements of the array, and inside one.
_BETWEEN = re.compile(rb'(?:[^"\[\]{},]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_INSIDE = re.compile(rb'(?:[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_HOPELESS = 10_000
"""Levels at which an array is a bomb and following it to its end would only cost time."""
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_QUOTE, _COMMA, _BACKSLASH = b'",\\'


class Frame(NamedTuple):
    """The bytes of one row, or the reason why there are none."""

    line: int
    """From 1, where the row's first byte stands."""
    offset: int
    """Of the row's first byte in the file, in bytes from 0."""
    data: bytes
    fault: str = ""


class _Row:
    """The row being gathered: never more than `limit` bytes of it. Space before it is skipped, not held."""

    def __init__(self, line: int, offset: int, limit: int) -> None:
        self.line, self.offset = line, offset
        self._limit = limit
        self._held = bytearray()
        self._size = 0
        self._breaks = 0

    def add(self, piece: bytes) -> None:
        if not self._size:
            bare = piece.lstrip(SPACE)
            skipped = len(piece) - len(bare)
            self.line += piece.count(b"\n", 0, skipped)
            self.offset += skipped
            piece = bare
        self._size += len(piece)
        self._breaks += piece.count(b"\n")
        if self._size <= self._limit:
            self._held += piece
        else:
            self._held = bytearray()

    @property
    def blank(self) -> bool:
        return not self._size

    def frame(self) -> Frame:
        if self._size > self._limit:
            fault = f"the row has {self._size} bytes, {self._limit} are allowed; shorten it"
            return Frame(self.line, self.offset, b"", fault)
        return Frame(self.line, self.offset, bytes(self._held.rstrip(SPACE)))

    def next(self, separator: bytes) -> _Row:
        line = self.line + self._breaks + separator.count(b"\n")
        return _Row(line, self.offset + self._size + len(separator), self._limit)


class Lines:
    """JSONL: a row ends where its line ends. Blank lines are no rows."""

    def __init__(self, line: int, offset: int, limit: int) -> None:
        self._row = _Row(line, offset, limit)

    def feed(self, data: bytes) -> Iterator[Frame]:
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._row.add(data[start:end])
            yield from self.finish()
            self._row = self._row.next(b"\n")
            start = end + 1
        self._row.add(data[start:])

    def finish(self) -> Iterator[Frame]:
        if not self._row.blank:
            yield self._row.frame()


class Array:
    """A JSON array: a row ends at a comma between elements or at the closing bracket.

    Only strings and depth are followed, so an element that is broken inside is still cut off at its comma and the next
    ones are read.
    """

    def __init__(self, line: int, offset: int, limit: int) -> None:
        self._row = _Row(line, offset, limit)
        self._depth = 0
        self._in_string = self._escaped = self._closed = self._past_end = False
        self._separated = False
        """Whether a comma stands before the row being gathered."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        if self._past_end:
            return
        at = start = 0
        while at < len(data) and not self._closed:
            if self._in_string:
                at = self._through_string(data, at)
                continue
            found = (_INSIDE if self._depth > 1 else _BETWEEN).match(data, at)
            at = (found.end() if found else at) + 1
            mark = data[at - 1 : at]
            if mark == b'"':  # of a string that goes on in the next chunk
                self._in_string = True
            elif mark in (b"[", b"{"):
                self._depth += 1
                if self._depth == 1:  # the array's own bracket
                    self._row, start = self._row.next(mark), at
                elif self._depth > _HOPELESS:
                    yield from self._give_up()
                    return
            elif mark in (b"]", b"}") and self._depth > 1:
                self._depth -= 1
            elif mark in (b",", b"]") and self._depth == 1:
                self._row.add(data[start : at - 1])
                yield from self._element(mark)
                self._row, start = self._row.next(mark), at
        self._row.add(data[start:])
        if self._closed and not self._row.blank:
            self._past_end = True
            yield Frame(
                self._row.line, self._row.offset, b"", "something stands after the array's closing bracket; remove it"
            )

    def finish(self) -> Iterator[Frame]:
        if not self._closed:
            fault = "the array is not closed: the file is cut off, or a bracket or quote is missing from here on"
            yield Frame(self._row.line, self._row.offset, b"", fault)

    def _give_up(self) -> Iterator[Frame]:
        fault = f"nested deeper than {_HOPELESS} levels; nothing after it is read"
        yield Frame(self._row.line, self._row.offset, b"", fault)
        self._closed = self._past_end = True

    def _element(self, mark: bytes) -> Iterator[Frame]:
        if not self._row.blank:
            yield self._row.frame()
        elif mark == b"," or self._separated:
            yield Frame(
                self._row.line, self._row.offset, b"", "an array element is missing beside a comma; remove the comma"
            )
        self._separated = mark == b","
        self._closed = mark == b"]"

    def _through_string(self, data: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        found = _IN_STRING.match(data, at)
        end = found.end() if found else at
        if end < len(data):
            if data[end] == _QUOTE:
                self._in_string = False
            else:  # a backslash whose character comes with the next chunk
                self._escaped = True
            end += 1
        return end
