"""What a prompt for a request tells, line by line, and the draws that its wording decides."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from random import Random
from typing import Final, NamedTuple, TypeVar

from agents.offline.tags import Sheet

T = TypeVar("T")
_DETAIL: Final = re.compile(r"^(Which|With|Point|Extra) ([^\s:]+): (.*?)(?: \(([^()]*)\))?$")

_WORD: Final = re.compile(r"[a-z]+")
_BLANK: Final = re.compile(r"\{\w+\}")
_SMALL: Final = frozenset(["a", "an", "the", "to", "on", "in", "of", "for", "me", "my", "i", "you", "up", "at"])


@lru_cache(maxsize=4096)
def _words(option: str) -> frozenset[str]:
    return frozenset(_WORD.findall(_BLANK.sub(" ", option).casefold()))


class Detail(NamedTuple):
    """One line of the details: an argument and its value, how it is pointed at, or a flag and its phrases."""

    name: str
    value: str
    told: str


@dataclass(frozen=True)
class Brief:
    """A prompt for a request."""

    fields: dict[str, str]
    which: Detail | None
    given: tuple[Detail, ...]
    points: tuple[Detail, ...]
    extras: tuple[Detail, ...]
    verb: str
    noun: str
    slip: tuple[str, str]
    draws: Random
    complaints: str

    def one(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[int(self.draws.random() * len(options))]

    def free(self, options: Sequence[str]) -> str:
        """One of the options that has none of the program's words in it."""
        fit = [o for o in options if not self._own & _words(o)]
        return self.one(fit or options)

    @cached_property
    def _own(self) -> set[str]:
        told = [*self.many("Avoid"), *self.many("Doing"), *self.many("Thing"), self.verb, self.noun]
        return {w for entry in told for w in _WORD.findall(entry.casefold())} - _SMALL

    def chance(self, share: float) -> bool:
        """True in this share of the prompts."""
        return self.draws.random() < share

    def many(self, field: str) -> list[str]:
        """The entries of a field, which bars part."""
        return [w for w in self.fields.get(field, "").split(" | ") if w]


def brief(sheet: Sheet) -> Brief:
    """The brief of a prompt. Equal prompts have equal draws."""
    fields = dict(line.partition(": ")[::2] for line in f"{sheet.source}\n{sheet.rules}".splitlines() if ": " in line)
    found: dict[str, list[Detail]] = {"Which": [], "With": [], "Point": [], "Extra": []}
    for line in sheet.reference.splitlines():
        if match := _DETAIL.match(line):
            found[match[1]].append(Detail(match[2], match[3], match[4] or ""))
    verb, _, noun = fields.get("Words", "").partition(", ")
    right, _, wrong = fields.get("Misspell", "").partition(" as ")
    digest = hashlib.blake2b(sheet.user.encode(), digest_size=8).digest()
    return Brief(
        fields,
        found["Which"][0] if found["Which"] else None,
        tuple(found["With"]),
        tuple(found["Point"]),
        tuple(found["Extra"]),
        verb,
        noun,
        (right, wrong),
        Random(int.from_bytes(digest, "big")),  # noqa: S311, the draws have to repeat
        sheet.critique,
    )
