"""JSON out of facts: which keys are asked for, and which line or sentence of the source gives each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from agents.offline import facts
from agents.offline.arithmetic import number
from agents.offline.words import content, sentences, stem, tokens

_LINE: Final = re.compile(r"^\W*([A-Za-z][\w /()-]{0,40}?)\s*[:=]\s*(\S.*)$", re.MULTILINE)
_KEYS: Final = re.compile(r"\b(?:keys?|fields?)\b:?\s+(.+?)(?:[.?!;](?:\s|$)|$)", re.IGNORECASE | re.DOTALL)
_TEMPLATE: Final = re.compile(r"[\"']([A-Za-z_]\w*)[\"']\s*:")
_KEY: Final = re.compile(r"[A-Za-z_]\w*")
_NUMERIC: Final = frozenset(
    re.findall(
        r"\w+", "year number count total mass kg g km m cm height length depth width age moons pages price weight"
    )
)
_JOINERS: Final = frozenset(["and", "or", "the", "as", "a", "an"])


@dataclass(frozen=True, slots=True)
class Field:
    """A key with the line of the source that gives its value; both empty where nothing was found."""

    key: str
    line: str
    value: object

    @property
    def found(self) -> bool:
        """Whether the source gave a value."""
        return bool(self.line)


def keys_in(request: str) -> list[str]:
    """The keys a request asks for, in its order; empty where it names none."""
    if templated := _TEMPLATE.findall(request):
        return list(dict.fromkeys(templated))
    named = _KEYS.search(request)
    if not named:
        return []
    words = _KEY.findall(re.sub(r"\([^)]*\)", "", named.group(1)))
    return list(dict.fromkeys(w for w in words if w.lower() not in _JOINERS))


def fill(key: str, source: str, label: str = "") -> Field:
    """The field for one key. `label` says where to look: the name of a line, or the words a sentence begins with."""
    lines = _LINE.findall(source)
    if label:
        for name, value in lines:
            if name.casefold() == label.casefold():
                return Field(key, f"{name}: {value}", typed(key, value))
        said = sentences(source)
        place, _, noun = label.partition(" ")
        if noun == "sentence" and place in facts.ORDINALS and facts.ORDINALS.index(place) < len(said):
            return _from_sentence(key, said[facts.ORDINALS.index(place)])
        sentence = next((s for s in said if s.casefold().startswith(label.rstrip("…").casefold())), "")
        return _from_sentence(key, sentence) if sentence else Field(key, "", None)
    asked = {stem(p) for p in key.split("_")}
    for name, value in lines:
        if asked == {stem(w) for w in tokens(name)}:
            return Field(key, f"{name}: {value}", typed(key, value))
    best = max(sentences(source), key=lambda s: len(asked & content(s)), default="")
    # A line "Label: value" under another label is not what the key names; prose may well be.
    if lines or not asked & content(best):
        return Field(key, "", None)
    return _from_sentence(key, best)


def typed(key: str, value: str) -> object:
    """A value as JSON has it: a bare number, or a measured one under a numeric key; true or false for yes and no."""
    text = value.strip().rstrip(".").strip()
    if text.lower() in {"yes", "no"}:
        return text.lower() == "yes"
    first = re.match(r"-?\d[\d,]*(?:\.\d+)?", text.replace("−", "-"))
    if first and (first.group() == text or numeric(key)):
        exact = first.group().replace(",", "")
        return float(exact) if "." in exact else int(exact)
    return text


def numeric(key: str) -> bool:
    """Whether a key's name asks for a number."""
    return bool(_NUMERIC & {p.lower() for p in key.split("_")})


def written(fields: list[Field]) -> str:
    """The JSON object of the fields that were found, on one line."""
    return json.dumps({f.key: f.value for f in fields if f.found}, ensure_ascii=False)


def labels(source: str) -> list[tuple[str, str]]:
    """The "Label: value" lines of a source."""
    return [(name, value) for name, value in _LINE.findall(source)]


def _from_sentence(key: str, sentence: str) -> Field:
    if numeric(key):
        asked = "in which year" if "year" in key.lower() else f"how much {key.replace('_', ' ')}"
        value = facts.extract(asked, sentence)
        exact = number(value.split(" ")[0]) if value else None
        if exact is None:
            return Field(key, "", None)
        return Field(key, sentence, int(exact) if exact.denominator == 1 else float(exact))
    value = facts.extract(f"which {key.replace('_', ' ')}", sentence)
    return Field(key, sentence, value) if value else Field(key, "", None)
