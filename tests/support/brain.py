"""What the far model knows. Every reply follows from the request alone, so that runs repeat.

The tag in a row's question says which entry it is about, how many hints the student needs, and how it behaves:
`[[n=7 need=2]]`. The tag holds no answer: the student computes that from `n` once it has been given enough hints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal

Part = Literal[
    "attempt",
    "verify",
    "judge",
    "coach",
    "consolidate",
    "explain",
    "respond",
    "judge_thinking",
    "coach_thinking",
    "propose",
    "rate",
    "other",
]

TAG = re.compile(r"\[\[n=(\d+) need=(\d+)(?: (stuck|word))?\]\]")
PARTS: dict[str, Part] = {
    "You are the student who solves a task": "attempt",
    "You are the student who finishes a task": "verify",
    "You are the examiner who compares": "judge",
    "You are the teacher who gives a student": "coach",
    "You are the editor who turns": "consolidate",
    "You are the assistant who explains": "explain",
    "You are the assistant who acts": "respond",
    "You are the examiner who judges": "judge_thinking",
    "You are the teacher who helps": "coach_thinking",
    "Make an example": "propose",
    "Rate an example": "rate",
}
"""The first words of a prompt (agents/prompts/README.md) and whose part they give; the last two are the tests' own."""
HINTS = ("Read the line about the shelves again.", "The rows are added to the shelf.", "Take seven for each row.")
THIN = "Thin."
"""A thinking from which nobody reaches anything."""


def part_of(system: str) -> Part:
    """Whose part a system prompt gives."""
    return next((part for start, part in PARTS.items() if system.startswith(start)), "other")


def number(n: int) -> int:
    """The known answer of entry `n`."""
    return 1000 + 7 * n


def word(n: int) -> str:
    """The known answer of entry `n` where it is free text, so that only a judge can tell."""
    return f"the gate of field {n} was mended with oak"


def reply(messages: Sequence[Mapping[str, str]]) -> str:
    """What the far model says to a conversation in OpenAI's shape."""
    system = messages[0]["content"] if messages[0]["role"] == "system" else ""
    user = next(m["content"] for m in messages if m["role"] == "user")
    found = TAG.search(user)
    n, need, manner = (int(found[1]), int(found[2]), found[3]) if found else (0, 0, None)
    right = word(n) if manner == "word" else str(number(n))
    match part_of(system):
        case "attempt":
            return _attempt(n, need, manner, right, user.count("<hint>"))
        case "verify":
            return f"The last step is carried out.\nAnswer: {'unknown' if THIN in element(user, 'notes') else right}"
        case "judge":
            return _verdict(element(user, "answer"), element(user, "reference"))
        case "coach":
            return f"Hint: {HINTS[user.count('<hint>') % len(HINTS)]}"
        case "consolidate":
            return f"{_steps(n)} Taken together that is {right}."
        case _:
            return "I have nothing to say to that."


def _steps(n: int) -> str:
    return f"The shelf of entry {n} stands first.\nThe rows come to 7 * {n} = {7 * n} and are added to it."


def _attempt(n: int, need: int, manner: str | None, right: str, hints: int) -> str:
    turns = f"It takes {'another ' * hints}look at the line.\n" if hints else ""  # no two rounds think the same
    if hints >= need:
        return f"{turns}{_steps(n)}\nSo the result is {right}.\nAnswer: {right}"
    wrong = "a wall of brick" if manner == "stuck" else str(5000 + 10 * n + hints)
    return f"{turns}{_steps(n)}\nAnswer: {wrong}"


def _verdict(answer: str, reference: str) -> str:
    right = answer == reference
    return json.dumps(
        {
            "student": answer[:40],
            "reference": reference[:40],
            "right": right,
            "facts": 0.9,
            "steps": 0.9,
            "reaches": 0.9 if right else 0.2,
            "concise": 0.8,
            "critique": "Clear enough." if right else "The shelf is left out.",
        }
    )


def element(text: str, tag: str) -> str:
    """What stands in an element of a prompt."""
    found = re.search(rf"<{tag}>\n(.*?)\n</{tag}>", text, re.DOTALL)
    return found[1] if found else ""
