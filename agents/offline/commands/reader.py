"""Reads a request by rules: which commands its words name, which values it gives, and whether that is the response."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from agents.offline.tags import Sheet

_LINE: Final = re.compile(r"^( *)([^\s:(]+)(?: \(([^)]*)\))?(?:: (.*))?$")
_TWICE: Final = re.compile(r"\b(\w+) \1\b", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """A command, or a subcommand of one: its words, and the arguments that a subcommand needs."""

    name: str
    words: tuple[str, ...]
    needs: tuple[str, ...]
    parts: tuple[Entry, ...] = ()


def rate(sheet: Sheet) -> str:
    """The rating of a request as JSON, with the reading that it rests on."""
    known = _commands(sheet.source)
    try:
        response = json.loads(sheet.response)
    except ValueError:
        response = {}
    if not isinstance(response, dict):
        response = {}
    same, reading, critique = _read(known, sheet.question, sheet.conversation, response)
    natural = _natural(sheet.question)
    if natural < 1 and same == 1:
        critique = "A person would hardly type that."
    return json.dumps({"reading": reading, "same": same, "natural": natural, "critique": critique})


def _read(known: tuple[Entry, ...], text: str, context: str, response: dict[str, Any]) -> tuple[float, str, str]:
    named = [c for c in known if _any(text, c.words)]
    if response.get("type") == "clarification":
        calls = [(c, s) for c in named for s in c.parts if _any(text, s.words)]
        has_value = bool(re.search(r"\d", text))
        if len(calls) == 1 and (has_value or not calls[0][1].needs) and not _slips(text, response):
            (one, part), *_ = calls
            if part.name not in [s.get("subcommand") for s in _list(response.get("suggestions"))]:
                return 0.3, f"{one.name} {part.name}", "This can be carried out as it stands."
        return 1.0, "It has to be asked back.", "Nothing to add."
    wanted = (response.get("command"), response.get("subcommand"))
    pairs = [(c, s) for c in known for s in c.parts if (c.name, s.name) == wanted]
    if not pairs:
        return 0.0, "no such command", "The response names no command of the program."
    (command, sub), *_ = pairs
    reading = f"{command.name} {sub.name}"
    if named and command not in named and not _near(text, command.words):
        return 0.2, f"{named[0].name}", f"The request speaks of {named[0].name}, not of {command.name}."
    args = response.get("args")
    for name, value in (args if isinstance(args, dict) else {}).items():
        if not _given(text, context, value):
            return 0.3, reading, f"The value of {name} is neither said nor known."
    rivals = [s.name for s in command.parts if s != sub and _any(_unquoted(text), s.words)]
    own = _any(text, sub.words) or _near(text, sub.words)
    if rivals and not own and not response.get("args") and not response.get("flags"):
        return 0.3, f"{command.name} {rivals[0]}", f"The request can as well mean {rivals[0]}."
    if not named and not own and not _near(text, command.words):
        return 0.4, "unclear", "Neither the thing nor the action is named."
    return 1.0, reading, "Nothing to add."


def _list(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _given(text: str, context: str, value: object) -> bool:
    said = str(value)
    if said == "@me":
        return bool(re.search(r"\b(?:my|mine|me|myself|i)\b", text, re.IGNORECASE))
    if _has(text, said) or _has(text, said.replace("_", " ")):
        return True
    # A value out of the context stands there whole, or in parts ("owner/name", a list of files).
    return all(f'"{p}"' in context or re.search(rf": {re.escape(p)}\b", context) for p in re.split(r"[/ ]", said)) or (
        f'"{said}"' in context
    )


def _natural(text: str) -> float:
    words = text.split()
    letters = sum(c.isalpha() or c.isspace() for c in text) / max(1, len(text))
    flaws = [_TWICE.search(text), len(words) > 45, letters < 0.4, re.search(r"[,;]\s*[,;.]|\(\s*\)|\.\.\.\.", text)]
    return 1.0 - 0.4 * sum(map(bool, flaws[:2])) - 0.3 * sum(map(bool, flaws[2:]))


@lru_cache(maxsize=64)
def _commands(source: str) -> tuple[Entry, ...]:
    found: list[tuple[str, tuple[str, ...], list[Entry]]] = []
    for line in source.splitlines():
        match = _LINE.match(line)
        if not match:
            continue
        words = (match[2], *(w for w in (match[3] or "").split(", ") if w))
        if match[1] and found:
            args = re.findall(r"([^\s,]+)!", match[4] or "")
            found[-1][2].append(Entry(match[2], words, tuple(args)))
        else:
            found.append((match[2], words, []))
    return tuple(Entry(name, words, (), tuple(subs)) for name, words, subs in found)


@lru_cache(maxsize=4096)
def _finder(words: tuple[str, ...]) -> re.Pattern[str]:
    each = "|".join(re.escape(w) for w in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![\w/-])(?:{each})(?:e?s)?(?![\w/-])", re.IGNORECASE)


def _any(text: str, words: tuple[str, ...]) -> bool:
    return _finder(words).search(text) is not None


def _has(text: str, phrase: str) -> bool:
    return re.search(rf"(?<![\w/]){re.escape(phrase)}(?![\w/])", text, re.IGNORECASE) is not None


def _near(text: str, words: tuple[str, ...]) -> bool:
    """Whether a word of the text is one of these with a letter doubled, lost, or two of them swapped."""
    typed = set(re.findall(r"[a-z]{3,}", text.casefold()))
    long = [w for w in words if len(w) > 3]
    return (
        bool({_bones(t) for t in typed} & {_bones(w) for w in long})
        or bool({"".join(sorted(t)) for t in typed} & {"".join(sorted(w)) for w in long})
        or bool(typed & {w[:i] + w[i + 1 :] for w in long for i in range(len(w))})
    )


def _bones(word: str) -> str:
    return re.sub(r"(.)\1", r"\1", word)


def _slips(text: str, response: dict[str, Any]) -> bool:
    return any(f'"{w}"' in str(response.get("message", "")) for w in text.casefold().split())


def _unquoted(text: str) -> str:
    return "".join(text.split('"')[::2])
