"""Exact and near duplicates among many texts: MinHash signatures in banded tables, every hit compared exactly.

Two texts are near duplicates where their sets of n-grams have a Jaccard index of at least 0.8. Of such pairs less than
one in ten thousand is missed (32 bands of 6 rows), fewer the more alike they are. Nothing depends on Python's own
`hash`, so that every process finds the same.
"""

from __future__ import annotations

import random
import re
import tempfile
import unicodedata
import weakref
import zlib
from typing import Final

import numpy as np
import numpy.typing as npt

Grams = npt.NDArray[np.uint64]
"""The distinct n-grams of a text as sorted hashes, (n,), n > 0."""
Rows = npt.NDArray[np.int32]

THRESHOLD: Final = 0.8
BANDS: Final = 32
ROWS: Final = 6
_LONGEST_CHAIN: Final = 128
"""Texts that share a bucket and are looked at, the newest first: thousands made from one template stay linear."""
_IN_MEMORY: Final = 16 * 2**20
"""Bytes of the texts themselves; beyond that they are on disk, and the tables take some 450 bytes a text."""
_WORD: Final = re.compile(r"\w+")
_LOW32: Final = np.uint64(0xFFFFFFFF)
_ODD: Final = random.Random(20260101)  # noqa: S311 - fixed multipliers, no secret
_FACTORS: Final = np.array([[_ODD.getrandbits(32) | 1] for _ in range(BANDS * ROWS)], np.uint32)
_OFFSETS: Final = np.array([[_ODD.getrandbits(32)] for _ in range(BANDS * ROWS)], np.uint32)
_FOLD: Final = np.array([_ODD.getrandbits(64) | 1 for _ in range(ROWS)], np.uint64)
_TRIPLE: Final = [np.uint64(_ODD.getrandbits(64) | 1) for _ in range(3)]


def normal(words: str) -> str:
    """Text for comparison: compatible forms made one, lower case, words and numbers alone, single spaces."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", words).casefold()))


def grams(text: str) -> Grams:
    """The 3-grams of a normal text's words: any two texts of prose share most of their characters' 3-grams."""
    return _triples(np.array([zlib.crc32(word.encode("utf-8", "replace")) for word in text.split()], np.uint64))


def jaccard(one: Grams, other: Grams) -> float:
    """The size of the intersection over that of the union, 0..1."""
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)


class NearDuplicates:
    """The texts seen so far."""

    def __init__(self) -> None:
        self._count = 0
        self._keys: npt.NDArray[np.uint32] = np.empty((1024, BANDS), np.uint32)
        self._older: Rows = np.empty((1024, BANDS), np.int32)
        self._newest: Rows = np.full((BANDS, 1024), -1, np.int32)
        self._spans: list[int] = [0]
        self._texts = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - lives as long as the index
        weakref.finalize(self, self._texts.close)

    def __len__(self) -> int:
        """How many texts are kept; duplicates are not."""
        return self._count

    def add(self, words: str) -> str | None:
        """Takes a text in and returns None, or the words of the earlier text that it is a near duplicate of."""
        mine = grams(normal(words))
        keys = _keys(mine)
        for row in self._candidates(keys):
            earlier = self._text(row)
            known = grams(normal(earlier))
            shorter, longer = sorted((len(known), len(mine)))
            if shorter >= THRESHOLD * longer and jaccard(known, mine) >= THRESHOLD:
                return earlier
        self._keep(words, keys)
        return None

    def _candidates(self, keys: npt.NDArray[np.uint32]) -> list[int]:
        """Rows that share a band, those that share most first. Where there are many, one band alone is chance."""
        bands = np.arange(BANDS)
        rows = self._newest[bands, self._buckets(keys)]
        found = []
        for _ in range(_LONGEST_CHAIN):
            there = rows >= 0
            bands, rows = bands[there], rows[there]
            if not len(rows):
                break
            found.append(rows[self._keys[rows, bands] == keys[bands]])
            rows = self._older[rows, bands]
        if not found:
            return []
        seen, shared = np.unique(np.concatenate(found), return_counts=True)
        if len(seen) > ROWS * 4:
            seen, shared = seen[shared > 1], shared[shared > 1]
        order: list[int] = seen[np.argsort(-shared, kind="stable")].tolist()
        return order

    def _keep(self, words: str, keys: npt.NDArray[np.uint32]) -> None:
        if self._count == len(self._keys):
            self._grow()
        row, bands, buckets = self._count, np.arange(BANDS), self._buckets(keys)
        self._keys[row] = keys
        self._older[row] = self._newest[bands, buckets]
        self._newest[bands, buckets] = row
        self._texts.seek(self._spans[-1])
        self._spans.append(self._spans[-1] + self._texts.write(words.encode("utf-8", "surrogatepass")))
        self._count += 1

    def _text(self, row: int) -> str:
        self._texts.seek(self._spans[row])
        return self._texts.read(self._spans[row + 1] - self._spans[row]).decode("utf-8", "surrogatepass")

    def _buckets(self, keys: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        return keys & np.uint32(self._newest.shape[1] - 1)

    def _grow(self) -> None:
        """Twice the room; the chains are laid anew, for a bucket's number depends on how many there are."""
        size = 2 * len(self._keys)
        self._keys = np.concatenate([self._keys, np.empty_like(self._keys)])
        self._older = np.empty((size, BANDS), np.int32)
        self._newest = np.full((BANDS, size), -1, np.int32)
        bands = np.arange(BANDS)
        for row in range(self._count):
            buckets = self._buckets(self._keys[row])
            self._older[row] = self._newest[bands, buckets]
            self._newest[bands, buckets] = row


def _triples(units: npt.NDArray[np.uint64]) -> Grams:
    """Hashes of three in a row; of fewer, of what there is."""
    short = 3 - len(units)
    if short > 0:
        units = np.concatenate([units, np.full(short, 0x110000, np.uint64)])
    mixed = sum(units[i : len(units) - 2 + i] * factor for i, factor in enumerate(_TRIPLE))
    return np.unique(_mixed(np.asarray(mixed, np.uint64)))


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Every bit of a value made to depend on all of them (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _keys(of: Grams) -> npt.NDArray[np.uint32]:
    """(BANDS,): one key for each band of the MinHash signature."""
    hashed = of.astype(np.uint32) * _FACTORS  # 32 bits: several at a time in one instruction
    hashed += _OFFSETS
    least = hashed.min(axis=1).reshape(BANDS, ROWS).astype(np.uint64)
    return (_mixed((least * _FOLD).sum(axis=1, dtype=np.uint64)) & _LOW32).astype(np.uint32)
