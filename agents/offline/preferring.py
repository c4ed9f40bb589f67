"""The rule-based examiner of a model's answers: are two texts the same, and if not, how much do they share."""

from __future__ import annotations

import re
from typing import Final

from agents.offline import arithmetic
from agents.offline.evaluator import same
from agents.offline.tags import Sheet
from agents.offline.words import content, plain, shorten
from agents.verdict import Comparison

_REFUSES: Final = re.compile(
    r"^\W*(?:i['’]?m sorry|sorry\b|i apologi[sz]e|as an ai\b|i (?:can(?:not|['’]t)|do(?: not|n['’]t) know))", re.I
)
_UNEQUAL: Final = 0.8
"""The most that an answer gets which does not say the same."""


def compare(sheet: Sheet) -> str:
    """The comparison as JSON. An ideal that refuses or calculates wrong is none; nothing else is held against it."""
    flaw = _flaw(sheet.reference)
    right = same(sheet.answer, sheet.reference, sheet.question)
    shared = _shared(sheet.answer, sheet.reference)
    critique = (
        f"The ideal answer itself is wrong: {flaw}."
        if flaw
        else "Both say the same."
        if right
        else "There is no answer."
        if not sheet.answer.strip()
        else f"It shares {shared:.0%} of its words with the ideal answer and says something else."
    )
    return Comparison(
        answer=shorten(sheet.answer, 80) or "nothing",
        reference=shorten(sheet.reference, 80) or "nothing",
        right=right,
        answer_score=0.2 if right and flaw else 1.0 if right else round(_UNEQUAL * shared, 3),
        reference_score=0.2 if flaw else 1.0,
        critique=critique,
    ).model_dump_json()


def _flaw(reference: str) -> str:
    if _REFUSES.match(reference):
        return "it refuses"
    for one in arithmetic.equations(reference):
        if one.value is not None and abs(one.value - one.right) > abs(one.value) / 100:
            return f"{one.left} is not {arithmetic.show(one.right)}"
    return ""


def _shared(answer: str, reference: str) -> float:
    """Of the words with a meaning in both texts, the share that stands in both, 0..1."""
    said, known = (content(text) or set(plain(text).split()) for text in (answer, reference))
    return len(said & known) / len(said | known) if said | known else 0.0
