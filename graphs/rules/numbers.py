"""Finds the numbers in a text, in digits or in words, each with its exact value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_UNITS: Final = {
    w: n
    for n, w in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS: Final = {
    w: 10 * n
    for n, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2)
}
_SCALES: Final = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_SUFFIXES: Final = {"k": 1000, "thousand": 1000, "m": 10**6, "million": 10**6, "bn": 10**9, "billion": 10**9}
_WORDS: Final = {**_UNITS, **_TENS, **_SCALES}

_PLAIN: Final = r"(?:\d{1,3}(?:[,  _]\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
_DIGITS: Final = re.compile(
    rf"(?<![\w.])(?P<currency>[$€£¥]|(?:usd|eur|gbp)\s?)?(?:(?P<whole>\d+)\s+(?=\d+/\d))?(?P<number>{_PLAIN})"
    r"(?:e(?P<power>[+-]?\d{1,2})(?!\w))?"
    r"(?:\s?/\s?(?P<below>\d+)(?![\d/.]*\d))?(?:\s?(?P<percent>%|percent\b|per\s?cent\b))?"
    r"(?:\s?(?P<suffix>thousand|million|billion|k|bn|m)\b)?",
    re.I,
)
_WORD: Final = rf"(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})"
_SPELLED: Final = re.compile(
    rf"\b(?:(?:a\s+)(?=hundred|thousand|million))?{_WORD}(?:(?:\s+and\s+|[\s-]+){_WORD})*\b", re.I
)
_LATEX: Final = re.compile(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}")


LONGEST: Final = 60
"""Characters of the longest number read as one; what is longer is an identifier, or an attack."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number in a text: its exact value, whether a percent sign follows, and the span it fills."""

    value: Fraction
    percent: bool
    start: int
    end: int


def plain(text: str) -> str:
    """The text with LaTeX fractions, escaped signs and typographic minus made plain."""
    text = _LATEX.sub(r"\1/\2", text)
    return re.sub(r"\\([$%,!])", lambda m: m[1] if m[1] in "$%" else "", text).replace("−", "-")


def digits_in(text: str) -> list[Number]:
    """The numbers written in digits, in order: 1,250.50, $3, 40 %, 1/2, 2 1/2, 1e3, 3 million."""
    found = []
    for m in _DIGITS.finditer(text):
        if m.end() - m.start() > LONGEST:
            continue
        value = Fraction(re.sub(r"[,  _]", "", m["number"])) * Fraction(10) ** int(m["power"] or 0)
        if m["below"]:
            if int(m["below"]) == 0:
                continue
            value = value / int(m["below"])
        if m["whole"]:
            value += int(m["whole"])
        if m["suffix"]:
            value *= _SUFFIXES[m["suffix"].lower()]
        # A sign stands right before its number: a window keeps the search linear in the text.
        if _is_negative(text[max(0, m.start() - 12) : m.start()]):
            value = -value
        found.append(Number(value, m["percent"] is not None, m.start(), m.end()))
    return found


def _is_negative(before: str) -> bool:
    """A minus stands right before and takes nothing away from a number: "-4", "to -4", "$-4", not "10 - 4", "3-4"."""
    sign = re.search(r"[-–]\s?[$€£¥]?$", before)
    if sign is None:
        return False
    left = before[: sign.start()]
    return re.search(r"\w$|[\d)\]%]\s*$", left) is None


def words_in(text: str) -> list[Number]:
    """The numbers written in words, in order: "forty-five", "one hundred and five", "a thousand". No fractions."""
    return [Number(_spoken(m[0]), False, m.start(), m.end()) for m in _SPELLED.finditer(text)]


def numbers_in(text: str) -> list[Number]:
    """All numbers of the text, digits and words, in order."""
    return sorted([*digits_in(text), *words_in(text)], key=lambda n: n.start)


def _spoken(words: str) -> Fraction:
    total = part = 0
    for word in re.split(r"[\s-]+", words.lower()):
        if word in _SCALES:
            scale = _SCALES[word]
            if scale == 100:
                part = max(part, 1) * 100
            else:
                total, part = total + max(part, 1) * scale, 0
        else:
            part += _WORDS.get(word, 0)
    return Fraction(total + part)
