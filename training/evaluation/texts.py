"""Answers that are not JSON: thinking put away, equal texts, equal final numbers with their units.

- **exact match**: equal after Unicode compatibility forms (NFKC), case, white space, quotation marks and the full stop
  at the end are put away. Commands of a shell keep their case: `lsblk -F` is not `lsblk -f`.
- **number**: where the reference gives one final number. It is, in this order: what stands in the last `\\boxed{}`,
  the first number behind the last `####` or "answer:" or "answer is", else the last number of the text. Equal by value
  ("1,250.00" is 1250, "1/2" is 0.5), percent sign alike, and by unit where both name one ("3 km" is not "3 m").
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import Final, NamedTuple

_THINKING: Final = re.compile(r"\s*<(think|thinking)>.*?</\1>", re.S)
_OPEN: Final = re.compile(r"\s*<(?:think|thinking)>")
_CODE: Final = re.compile(r"(?:^|\s)-{1,2}[A-Za-z]|[\\|<>={}]|(?<!\d)/|/(?!\d)|\$(?!\s?\d)|&&|\w_\w")
_BOXED: Final = re.compile(r"\\boxed\{([^{}]*)\}")
_CUE: Final = re.compile(r"####|\banswer(?:\s+is)?\s*[:=]?(?=\s)", re.I)
_NUMBER: Final = re.compile(
    r"(?<![\w.,])(?P<sign>[-+−]\s?)?(?P<currency>[$€£¥]\s?)?(?P<sign2>[-−])?"
    r"(?P<whole>\d{1,3}(?:[,  _]\d{3})+(?!\d)|\d+)?(?P<rest>\.\d+)?(?<=\d)"
    r"(?:e(?P<power>[+-]?\d{1,2})(?!\w))?(?:\s?/\s?(?P<below>[1-9]\d*)(?![\d/]))?"
    r"\s?(?P<unit>%|°?[^\W\d_]+(?:[/²³]+[^\W\d_]*)?)?",
    re.I,
)
_LONGEST: Final = 4000
"""Characters at an answer's end that are searched for its number: more is a text that never ends."""
_NO_UNIT: Final = frozenset(
    re.findall(
        r"\S+",
        """a an and are as at because but by each every for from had has have he in is it less more of on or per so she
    than that the then there they this to was we were when which while who will with you""",
    )
)
_UNITS: Final = {
    alias: name
    for name, aliases in {
        "%": "percent percentage pct",
        "$": "dollar usd", "€": "euro eur", "£": "pound gbp", "¥": "yen jpy",
        "m": "metre meter", "km": "kilometre kilometer", "cm": "centimetre centimeter", "mm": "millimetre millimeter",
        "kg": "kilogram kilo", "g": "gram", "l": "litre liter", "ml": "millilitre milliliter",
        "h": "hour hr", "min": "minute", "s": "second sec", "d": "day",
    }.items()
    for alias in aliases.split()
}  # fmt: skip


class Quantity(NamedTuple):
    """A number with what is counted; the unit is empty where none is named."""

    value: Fraction
    unit: str


def without_thinking(text: str) -> str:
    """What is said behind the thinking. Thinking that is never closed leaves nothing: there is no answer."""
    rest = text
    while found := _THINKING.match(rest):
        rest = rest[found.end() :]
    return "" if _OPEN.match(rest) else rest.strip()


def same(answer: str, reference: str) -> bool:
    """Whether two texts are equal once what carries no meaning is put away."""
    if _CODE.search(reference):
        return " ".join(answer.split()) == " ".join(reference.split())
    return bool(answer.strip()) and normal(answer) == normal(reference)


def normal(text: str) -> str:
    """A text for comparison."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[\"'`“”‘’«»*]", "", text).split()).rstrip(". ")


def same_number(answer: str, reference: str) -> bool | None:
    """Whether the final numbers agree; None where the reference gives none."""
    known = final(reference)
    if known is None or not (_marked(reference) or _alone(reference)):
        return None
    said = final(answer)
    if said is None or said.value != known.value:
        return False
    return "%" not in (said.unit, known.unit) if not (said.unit and known.unit) else said.unit == known.unit


def final(text: str) -> Quantity | None:
    """The number that a text comes to; None where it has none."""
    text = text[-_LONGEST:]
    if boxed := _BOXED.findall(text):
        found = _numbers(boxed[-1])
        return found[-1] if found else None
    cues = list(_CUE.finditer(text))
    if cues and (found := _numbers(text[cues[-1].end() :])):
        return found[0]
    found = _numbers(text)
    return found[-1] if found else None


def _alone(reference: str) -> bool:
    """Whether a reference is about one number: short, and with no other in it."""
    return len(reference) <= 100 and len({n.value for n in _numbers(reference)}) == 1 and not _CODE.search(reference)


def _marked(reference: str) -> bool:
    return bool(_BOXED.search(reference) or "####" in reference)


def _numbers(text: str) -> list[Quantity]:
    found = []
    for m in _NUMBER.finditer(text):
        value = Fraction(re.sub(r"[,  _]", "", m["whole"] or "0") + (m["rest"] or "")) * Fraction(10) ** int(
            m["power"] or 0
        )
        if m["below"]:
            value /= int(m["below"])
        if m["sign2"] or (m["sign"] and m["sign"][0] in "-−" and not _takes_away(text[: m.start()])):
            value = -value
        found.append(Quantity(value, _unit(m["currency"] or m["unit"] or "")))
    return found


def _takes_away(before: str) -> bool:
    """Whether a minus stands between two numbers ("10 - 4")."""
    return re.search(r"\w$|[\d)\]%]\s*$", before[-12:]) is not None


def _unit(word: str) -> str:
    word = word.strip().casefold()
    if word in _NO_UNIT:
        return ""
    singular = word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
    return _UNITS.get(singular, singular)
