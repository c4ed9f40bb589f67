"""The GGUF format around the tensors: read without loading them, written byte for byte as llama.cpp writes it.

The `gguf` library's reader makes a Python object of every token of the vocabulary, which takes ten seconds for a small
model; here the values that nobody asks for stay the bytes they are.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Self

from training.errors import InvalidInput

ALIGNMENT: Final = 32
"""Bytes; every tensor starts at a multiple of it. Files may say another one; what is written here never does."""

_MAGIC: Final = b"GGUF"
_VERSION: Final = 3
_SCALARS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_UINT32: Final = 4
_STRING: Final = 8
_ARRAY: Final = 9


class Tensor(NamedTuple):
    """One tensor of a file. `shape` in ggml's order: the length of a row first; `offset` from the file's start."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int

    @property
    def rows(self) -> int:
        """How many rows there are over all further dimensions."""
        count = 1
        for length in self.shape[1:]:
            count *= length
        return count


class GgufFile:
    """A GGUF file, open for reading. Raises InvalidInput for what is none, or is cut off.

    `facts` maps each key to its whole entry (key, type, value) in bytes, in the file's order; `value` decodes one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            try:
                self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as error:
                raise InvalidInput(f"{path}: the file is empty") from error
        try:
            self._read()
        except (struct.error, IndexError, UnicodeDecodeError, KeyError) as error:
            self.data.close()
            raise InvalidInput(f"{path}: not a whole GGUF file: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.data.close()

    def value(self, key: str, default: Any = None) -> Any:
        """The value under `key`: a number, a bool, a string or a list of these; `default` where there is none."""
        if key not in self.facts:
            return default
        start = 8 + len(key.encode())
        raw = self.facts[key]
        (kind,) = struct.unpack_from("<I", raw, start)
        return _decode(raw, start + 4, kind)[0]

    def _read(self) -> None:
        magic, version, tensors, facts = struct.unpack_from("<4sIQQ", self.data, 0)
        if magic != _MAGIC:
            raise InvalidInput(f"{self.path}: not a GGUF file")
        if version not in (2, _VERSION):
            raise InvalidInput(f"{self.path}: GGUF version {version}; versions 2 and 3 can be read")
        at = 24
        self.facts: dict[str, bytes] = {}
        for _ in range(facts):
            start = at
            key, at = _string(self.data, at)
            (kind,) = struct.unpack_from("<I", self.data, at)
            at = _skip(self.data, at + 4, kind)
            self.facts[key] = self.data[start:at]
        infos = []
        for _ in range(tensors):
            name, at = _string(self.data, at)
            (dimensions,) = struct.unpack_from("<I", self.data, at)
            *shape, kind, offset = struct.unpack_from(f"<{dimensions}QIQ", self.data, at + 4)
            at += 4 + 8 * dimensions + 12
            while len(shape) > 1 and shape[-1] == 1:  # ggml counts no such dimension
                shape.pop()
            infos.append((name, tuple(shape), kind, offset))
        start = _padded(at, self.value("general.alignment", ALIGNMENT))
        self.tensors = [Tensor(name, shape, kind, start + offset) for name, shape, kind, offset in infos]


def uint32(key: str, value: int) -> bytes:
    """The entry of an unsigned number of 32 bits."""
    return _bytes(key) + struct.pack("<II", _UINT32, value)


def string(key: str, value: str) -> bytes:
    """The entry of a string."""
    return _bytes(key) + struct.pack("<I", _STRING) + _bytes(value)


def strings(key: str, values: Sequence[str]) -> bytes:
    """The entry of a list of strings."""
    listed = b"".join(_bytes(value) for value in values)
    return _bytes(key) + struct.pack("<IIQ", _ARRAY, _STRING, len(values)) + listed


def write_header(file: IO[bytes], facts: Iterable[bytes], tensors: Iterable[tuple[Tensor, int, int]]) -> None:
    """Writes all that stands before the tensors' data, which must follow in this order, each padded to ALIGNMENT.

    `tensors`: each with the type and the size in bytes it will have; their `type` and `offset` count no more.
    """
    facts, tensors = list(facts), list(tensors)
    parts = [struct.pack("<4sIQQ", _MAGIC, _VERSION, len(tensors), len(facts)), *facts]
    offset = 0
    for tensor, kind, size in tensors:
        shape = tensor.shape
        parts += (_bytes(tensor.name), struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset))
        offset += _padded(size)
    header = b"".join(parts)
    file.write(header + bytes(_padded(len(header)) - len(header)))


def padding(size: int) -> bytes:
    """The zeros that follow `size` bytes of a tensor."""
    return bytes(_padded(size) - size)


def _padded(size: int, alignment: int = ALIGNMENT) -> int:
    return -(-size // alignment) * alignment


def _bytes(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def _string(data: bytes | mmap.mmap, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<Q", data, at)
    if at + 8 + length > len(data):
        raise IndexError("a string goes beyond the end")
    return data[at + 8 : at + 8 + length].decode(), at + 8 + length


def _skip(data: bytes | mmap.mmap, at: int, kind: int) -> int:
    """Where the value that starts at `at` ends."""
    if kind == _STRING:
        return at + 8 + int(struct.unpack_from("<Q", data, at)[0])
    if kind != _ARRAY:
        return at + struct.calcsize(_SCALARS[kind])
    inner, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if inner in _SCALARS:
        return int(at + count * struct.calcsize(_SCALARS[inner]))
    for _ in range(count):
        at = _skip(data, at, inner)
    return at


def _decode(data: bytes | mmap.mmap, at: int, kind: int) -> tuple[Any, int]:
    if kind == _STRING:
        return _string(data, at)
    if kind != _ARRAY:
        (value,) = struct.unpack_from(f"<{_SCALARS[kind]}", data, at)
        return value, at + struct.calcsize(_SCALARS[kind])
    inner, count = struct.unpack_from("<IQ", data, at)
    at += 12
    values = []
    for _ in range(count):
        value, at = _decode(data, at, inner)
        values.append(value)
    return values, at
