"""Sums that a thinking states and that do not come out. What can't be read with certainty is passed over.

Read are plain numbers alone: a sum of words, units, percentages, powers or LaTeX may be right in a way that is not
written out, and a sum that is off by a factor of two or more may be in another unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Final

from agents.offline.arithmetic import NUMBER, evaluate, number

WINDOW: Final = 160
"""Characters before an equals sign in which its sum begins."""
_TERM: Final = rf"\(*[$€£]?(?:{NUMBER})\)*"
_LEFT: Final = re.compile(rf"{_TERM}(?:\s*[-+*/×·÷−x]\s*{_TERM})+\s*$")
_RIGHT: Final = re.compile(rf"\s*[$€£]?({NUMBER})(?![\w,.]*\d)(.{{0,30}})")
_MAY_BEGIN: Final = re.compile(
    r"(?:^\s*|[a-z][,;:.] |\b(?:is|are|was|were|so|makes?|gives?|totals?|gets?|that|then|therefore|calculate|worth"
    r"|have|has|leaving|leaves|be|altogether|hence|thus) )$",
    re.IGNORECASE,
)
"""What stands before a sum that begins where it is read to begin."""
_NO_CLAIM: Final = re.compile(
    r"\?|n['’]t\b|\b(?:not?|if|whether|wrong|suppose|instead|mistake|incorrect|actually|wait|says|false|would|remainder|mod"
    r"|about|approx\w*|roughly|nearly|almost|rounded|around)\b|or so\b|ish\b|[≈~%^]",
    re.IGNORECASE,
)
"""A line that asks, doubts, corrects itself or rounds claims no sum."""
_GOES_ON: Final = re.compile(
    r"\s*(?:[-+*/×·÷−:!(\\²³⁰¹⁴-⁹½¼¾]|x\b|\d|million|billion|thousand|hundred|dozen|[ap]\.?m\b)", re.I
)


def false_sums(thinking: str) -> list[str]:
    """Every sum that is wrong, as it stands there ("10500 / 7 = 1571.43"), in order."""
    return list(dict.fromkeys(f"{left} = {right}" for left, right in _false(thinking)))


def slip_hint(thinking: str) -> str:
    """What to say to whoever wrote a wrong sum, without its result; empty where all come out."""
    return next((f"Work out {left} once more: it does not come to {right}." for left, right in _false(thinking)), "")


def _false(thinking: str) -> Iterator[tuple[str, str]]:
    for line in thinking.splitlines():
        if "=" not in line or _NO_CLAIM.search(line):
            continue
        for before, after in pairwise(line.split("=")):
            window = before[-WINDOW:]
            left, right = _LEFT.search(window), _RIGHT.match(after)
            if left is None or right is None or _GOES_ON.match(right[2]):
                continue
            if not _MAY_BEGIN.search(window[: left.start()]) or (len(before) > WINDOW and not left.start()):
                continue
            value, stated = evaluate(re.sub(r"[$€£]", "", left[0]).strip()), number(right[1])
            if value is not None and stated is not None and _wrong(value, stated, left[0]):
                yield " ".join(left[0].split()), right[1]


def _wrong(value: Fraction, stated: Fraction, left: str) -> bool:
    if value == stated or value <= 0 or stated <= 0 or not value / 2 < stated < value * 2:
        return False
    # Decimals and quotients are rounded on the way, or at the end.
    inexact = value.denominator != 1 or "." in left or stated.denominator != 1
    return abs(value - stated) > (max(value / 50, Fraction(1, 2)) if inexact else 0)
