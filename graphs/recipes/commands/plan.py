"""The plan of one example: what is meant, what the words have to say, and the finished output."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from random import Random
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from graphs.recipes.commands.tree import Command, Sub

Kind = Literal[
    "with_context", "without_context",
    "ambiguous_command", "missing_required", "unclear_intent", "off_topic", "multiple_interpretations", "unclear_typo",
]  # fmt: skip
Level = Literal["full", "partial", "none"]
Tone = Literal["casual", "plain", "formal"]
Order = Literal["order", "thing_first", "question", "terse"]
Pointing = Literal["this", "current", "it", "them", "implied"]
"""How a value that the context holds is spoken of; "implied": not at all."""

POSITIVE: Final[tuple[Kind, ...]] = ("with_context", "without_context")
CASES: Final[tuple[Kind, ...]] = (
    "ambiguous_command", "missing_required", "unclear_intent", "off_topic", "multiple_interpretations", "unclear_typo",
)  # fmt: skip
TONES: Final[tuple[Tone, ...]] = ("casual", "plain", "formal")
ORDERS: Final[tuple[Order, ...]] = ("order", "thing_first", "question", "terse")
SHARES: Final[dict[Tone, tuple[int, ...]]] = {
    "casual": (42, 12, 20, 26), "plain": (48, 12, 24, 16), "formal": (72, 0, 28, 0),
}  # fmt: skip
"""How often each order is drawn, by tone: nobody formal types three words."""
POINTING: Final = re.compile(r"\b(?:this|these|those|current|it|its|them)\b", re.IGNORECASE)
"""Words that mean something only where the context tells what."""


class Plan(BaseModel):
    """One example before its words. Equal plans have equal outputs; the seed decides the rest."""

    model_config = ConfigDict(frozen=True)

    number: int
    """Place in the first plan, from 0; a replacement keeps it."""
    nth: int
    """The how many-th of its kind: decides what it is about, so that everything has its turn."""
    wave: int = 0
    kind: Kind
    level: Level
    context: dict[str, dict[str, Any]] | None
    output: dict[str, Any]
    command: str = ""
    """What it is about; empty where about nothing in particular."""
    subcommand: str = ""
    pointing: dict[str, Pointing] = {}
    """Arguments whose values are not said, and how they are spoken of. In a clarification: what is missing."""
    tone: Tone
    order: Order
    mood: str = ""
    """How the person feels or stands; keeps two requests for the same apart."""
    verb: str = ""
    noun: str = ""
    slip: str = ""
    """How `verb` or `noun`, whichever is nearer, is misspelt; empty: not at all."""
    topic: str = ""
    """A few words on what the request is about where no subcommand tells."""

    @property
    def positive(self) -> bool:
        """Whether the request means a call."""
        return self.kind in POSITIVE

    @property
    def args(self) -> dict[str, str | int]:
        """The arguments of the call; none for a clarification."""
        return self.output.get("args", {}) if self.positive else {}

    @property
    def said(self) -> dict[str, str | int]:
        """The arguments that the words have to give."""
        return {k: v for k, v in self.args.items() if k not in self.pointing}

    @property
    def flags(self) -> list[str]:
        """The flags of the call."""
        return self.output.get("flags", []) if self.positive else []


def draws(seed: int, *place: object) -> Random:
    """The draws of one place in the plan: always the same, and unrelated to any other's."""
    return Random(":".join(map(str, (seed, *place))))  # noqa: S311, nobody has to be unable to guess


def call(command: str, sub: str, args: dict[str, str | int], flags: Iterable[str], confidence: float) -> dict[str, Any]:
    """The output for a clear request, its fields in the order of the format."""
    return {
        "type": "command", "command": command, "subcommand": sub, "args": args, "flags": list(flags),
        "confidence": confidence,
    }  # fmt: skip


def clarification(message: str, options: Iterable[tuple[Command, Sub]], confidence: float) -> dict[str, Any]:
    """The output for a request that has to be asked about."""
    offered = [{"label": label(c, s), "command": c.name, "subcommand": s.name} for c, s in options]
    return {"type": "clarification", "message": message, "suggestions": offered, "confidence": confidence}


def label(command: Command, sub: Sub) -> str:
    """What a suggestion is called on a button."""
    return sub.description.rstrip(".") or f"{sub.name} {command.name}".capitalize()


def example(plan: Plan, instruction: str) -> dict[str, Any]:
    """The finished example, its output a string of JSON."""
    return {
        "instruction": instruction,
        "context": plan.context,
        "output": json.dumps(plan.output, ensure_ascii=False),
    }
