"""Compares an answer with the known one where that can be known: numbers, JSON, closed and equal texts.

`None` means that only a judge can tell. The line is drawn conservatively: a wrong True would put a wrong example into
the data, a wrong False would throw a right one away, None costs one call.
"""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from agents.question import AnswerKind
from agents.replies import read_json
from graphs.rules.numbers import Number, digits_in, plain, words_in

_UNIT: Final = r"[^\W\d_]+(?:[ -][^\W\d_]+){0,2}"
_YES: Final = frozenset({"yes", "true", "correct"})
_NO: Final = frozenset({"no", "false", "incorrect"})
_FIRST_WORD: Final = re.compile(r"\W*(\w+)")
_CHOICE: Final = re.compile(r"\(?([A-H])\)?(?=$|[).:,])")
_CODE: Final = re.compile(r"(?:^|\s)-{1,2}\w|[/\\|<>$={}]|&&|\w\.\w+\(|\w_\w")
_YEAR: Final = re.compile(r"\d{4}")
_DATES: Final = ("%Y-%m-%d", "%d %B %Y", "%B %d %Y", "%d %b %Y", "%b %d %Y")


LONGEST: Final = 4000
"""Characters of an answer that are compared by value; more is no answer where a number or short JSON is known."""


@lru_cache(maxsize=4096)  # a loop asks of the same few references again and again
def kind_of(reference: str) -> AnswerKind:
    """The shape of a known answer: one bare number (currency, percent sign allowed), a JSON object or array, text."""
    text = plain(reference).strip()
    if text[:1] in ("{", "["):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return "text"
        return "json"
    if len(text) > 100:
        return "text"
    found = digits_in(text)
    if len(found) == 1 and re.fullmatch(r"[-+]?\s?\W?", text[: found[0].start]) and text[found[0].end :] in ("", "."):
        return "number"
    return "text"


def compare(answer: str, reference: str) -> bool | None:
    """Whether `answer` says what `reference` says: True, False, or None where only a judge can tell.

    - number: equal value in any spelling ("$1,250.00", "1250 dollars", "1/2", "0.5", "50%"); an answer with several
      different numbers is wrong, whatever they are.
    - JSON: deep equality, `true` is not `1`; what can't be read is wrong.
    - yes/no and true/false, a choice letter A-H, a full date with its month in words or ISO: right or wrong by value.
    - "45 dollars" as reference: another amount is wrong, the same amount without or with the same unit is right.
    - other text: equal words are right; anything else is None, one word included, for synonyms are many.
    """
    if not answer.strip():
        return False
    kind = kind_of(reference)
    if kind != "text" and len(answer) > max(LONGEST, 2 * len(reference)):
        return False
    if kind == "number":
        return _numbers(plain(answer), plain(reference))
    if kind == "json":
        try:
            return _same(read_json(answer), json.loads(reference))
        except (ValueError, RecursionError):
            return False
    return _texts(answer, reference)


def _numbers(answer: str, reference: str) -> bool | None:
    known = digits_in(reference)[0]
    found = digits_in(answer) or words_in(answer)
    # "3,5" is 3.5 in half of the world. Three digits after the comma are thousands.
    decimal_comma = re.fullmatch(r"\D*(\d+),(\d|\d\d|\d{4,})\D*", answer)
    if decimal_comma:
        return None if _worth(digits_in(f"{decimal_comma[1]}.{decimal_comma[2]}")[0], known) else False
    if not found or len({n.value for n in found}) > 1:
        return False
    return _worth(found[0], known)


def _worth(found: Number, known: Number) -> bool:
    """Equal values; where only one side has a percent sign, it may be read as a unit or as a hundredth."""
    if found.value == known.value:
        return True
    if found.percent == known.percent:
        return False
    return found.value / 100 == known.value if found.percent else found.value == known.value / 100


def _same(a: object, b: object) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return a == b


def _texts(answer: str, reference: str) -> bool | None:
    if " ".join(answer.split()) == " ".join(reference.split()):
        return True
    said, known = normal(answer), normal(reference)
    if said == known:
        # Case and punctuation carry meaning in a command: lsblk -F is not lsblk -f.
        return None if _CODE.search(reference) else True
    for closed in (_agreement, _choice, _dates, _quantities):
        verdict = closed(answer, reference)
        if verdict is not None:
            return verdict
    return None


@lru_cache(maxsize=1024)
def normal(text: str) -> str:
    """Text for comparison: case folded, one space between words, quotes and sentence punctuation gone, signs kept."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"[\"'`“”‘’«»*]", "", text)
    text = re.sub(r"[.,;:!?]+(?=\s|$)", " ", text)
    return " ".join(text.split()).strip("()[] ")


def _agreement(answer: str, reference: str) -> bool | None:
    known = normal(reference)
    first = _FIRST_WORD.match(answer)
    if known not in _YES | _NO or first is None:
        return None
    word = first[1].casefold()
    return (word in _YES) == (known in _YES) if word in _YES | _NO else None


def _choice(answer: str, reference: str) -> bool | None:
    known, said = re.fullmatch(r"\(?([A-H])[).]?", reference.strip()), _CHOICE.match(answer.strip())
    return known[1] == said[1] if known and said else None


def _dates(answer: str, reference: str) -> bool | None:
    known = _date(reference)
    said = _date(answer) if known else None
    return known == said if known and said else None


def _date(text: str) -> date | None:
    if len(text) > 40 or _YEAR.search(text) is None:
        return None
    bare = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b|\bof\b", "", text.strip().rstrip("."))
    bare = " ".join(bare.replace(",", " ").split())
    for form in _DATES:
        try:
            return datetime.strptime(bare, form).date()
        except ValueError:
            continue
    return None


def _quantities(answer: str, reference: str) -> bool | None:
    """Amount and unit on both sides, as in "45 dollars"."""
    known = _quantity(reference)
    said = _quantity(answer) if known else None
    if known is None or said is None:
        return None
    if said[1] not in ("", known[1]):
        return None
    return said[0] == known[0]


@lru_cache(maxsize=1024)
def _quantity(text: str) -> tuple[Decimal, str] | None:
    if len(text) > 80 or not any(map(str.isdigit, text)):
        return None
    text = plain(text).strip().rstrip(".")
    found = digits_in(text)
    if len(found) != 1 or text[: found[0].start].strip():
        return None
    unit = text[found[0].end :].strip().casefold()
    if unit and not re.fullmatch(_UNIT, unit):
        return None
    value = found[0].value
    return Decimal(value.numerator) / Decimal(value.denominator), unit.removesuffix("s")
