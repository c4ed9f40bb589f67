"""Sums that a thinking states and that do not come out. What can't be read with certainty is passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Final

from agents.offline.arithmetic import NUMBER, evaluate

WINDOW: Final = 160
"""Characters before an equals sign in which its sum begins."""
_WORD: Final = r"[A-Za-z][A-Za-z'’]+"
_UNIT: Final = rf"(?:[ -]?(?!(?:x|times|plus|minus|divided|by)\b){_WORD}(?:/{_WORD})*){{0,3}}(?:/{_WORD})*"
_TERM: Final = rf"\(*[$€£]?(?:{NUMBER}){_UNIT}\)*"
_SIGN: Final = r"\s*(?:[-+*/×·÷−]|\bx\b|\btimes\b|\bplus\b|\bminus\b|\bdivided by\b)\s*"
_LEFT: Final = re.compile(rf"{_TERM}(?:{_SIGN}{_TERM})+\s*$", re.IGNORECASE)
_RIGHT: Final = re.compile(
    rf"\s*(?P<about>about |approximately |roughly )?[$€£]?(?P<value>-?(?:{NUMBER}))(?P<after>.{{0,40}})", re.IGNORECASE
)
_BEGINS_BEFORE: Final = re.compile(
    r"(?:[-+*/×·÷−^%(<>\d.,$€£]|\b\w|\b(?:of|half|third|quarter|twice|double|triple|times|plus|minus|by|than|percent"
    r"|root|over|dozen|hundred|thousand|million|each|per|another|and)) ?$|[\w:]$",
    re.IGNORECASE,
)
"""What a sum has before it that begins further to the left than it was read."""
_UNREAD: Final = re.compile(
    r"\b(?:of|half|twice|double|triple|than|percent|dozen|hundred|thousand|million|billion|each|squared|cubed)\b|%",
    re.I,
)
_GOES_ON: Final = re.compile(
    rf"^(?:[%:^!]|{_UNIT}{_SIGN}|\s*(?:[ap]\.?m\b|o'clock|remainder|rest|r\b|hundred|thousand|million|billion|dozen|mod))",
    re.IGNORECASE,
)
_CONVERTS: Final = frozenset(Fraction(n) for n in (7, 12, 24, 30, 52, 60, 365, 366, 3600))
_SPAN: Final = re.compile(r"^\d+[-−–]\d+\s*$")
_NAME: Final = re.compile(_WORD)


def false_sums(thinking: str) -> list[str]:
    """Every sum that is wrong, as it stands there ("10500 / 7 = 1571.43"), in order.

    Rounded results pass, and those that may be in another unit than their sum (cents and dollars, minutes and hours).
    """
    return list(dict.fromkeys(f"{left} = {right}" for left, right in _false(thinking)))


def slip_hint(thinking: str) -> str:
    """What to say to whoever wrote a wrong sum, without its result; empty where all come out."""
    return next((f"Work out {left} once more: it does not come to {right}." for left, right in _false(thinking)), "")


def _false(thinking: str) -> Iterator[tuple[str, str]]:
    for line in thinking.splitlines():
        parts = line.split("=")
        for before, after in pairwise(parts):
            window = before[-WINDOW:]
            left, right = _LEFT.search(window), _RIGHT.match(after)
            if left is None or right is None or _BEGINS_BEFORE.search(window[: left.start()]):
                continue
            if _UNREAD.search(left[0]) or _GOES_ON.match(right["after"]):
                continue
            value = evaluate(" ".join(_NAME.sub(_sign, re.sub(rf"[$€£]|/{_WORD}", "", left[0])).split()))
            if value is None or (_SPAN.search(left[0]) and _of_a_span(value, right["value"])):
                continue
            if not _comes_to(value, right["value"], about=right["about"] is not None):
                yield " ".join(left[0].split()), right["value"]


def _sign(word: re.Match[str]) -> str:
    return word.group() if word.group().lower() in {"times", "plus", "minus", "divided", "by"} else " "


def _of_a_span(value: Fraction, stated: str) -> bool:
    """Whether a span comes to so much ("pages 10-15 = 6", "9-5 = 8 hours")."""
    right = Fraction(stated.replace(",", ""))
    return abs(value) + 1 == right or abs(value) + right in (12, 24)


def _comes_to(value: Fraction, stated: str, *, about: bool) -> bool:
    right = Fraction(stated.replace(",", ""))
    places = len(stated.partition(".")[2])
    if abs(value) == abs(right):
        return True
    # Rounded, up or down, to the places it is written with.
    if (value.denominator != 1 or places) and abs(value - right) < Fraction(1, 10**places):
        return True
    if about and abs(value - right) * 20 < abs(value):
        return True
    if not right or not value:
        return False
    ratio = max(abs(value / right), abs(right / value))
    return ratio in _CONVERTS or (ratio.denominator == 1 and re.fullmatch(r"100+", str(ratio.numerator)) is not None)
