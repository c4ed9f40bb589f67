"""Any finished example as a conversation, from which every format is written."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

_ROLES: Final = {
    "system": "system",
    "human": "user", "user": "user",
    "assistant": "assistant", "gpt": "assistant", "model": "assistant", "ai": "assistant",
}  # fmt: skip


class BadExample(ValueError):
    """An example that is none of the known shapes; the message says what it lacks."""


class Conversation(NamedTuple):
    """Turns of (role, content), roles `system`, `user` and `assistant`; the last one is the assistant's."""

    turns: list[tuple[str, str]]
    instruction: str = ""
    """Of an example that came as instruction and input, to be written so again."""
    given: str = ""
    origin: str = ""
    """What it was made from, by which training and validation are split; empty: not known."""

    @property
    def system(self) -> str:
        """The system message, or nothing."""
        return self.turns[0][1] if self.turns[0][0] == "system" else ""

    @property
    def spoken(self) -> list[tuple[str, str]]:
        """The turns without the system message."""
        return self.turns[1:] if self.turns[0][0] == "system" else self.turns

    @property
    def answer(self) -> str:
        """The last turn, which is what is learnt."""
        return self.turns[-1][1]


def read(example: Any) -> Conversation:
    """The conversation of an example: `instruction` with `input` or `context` and `output`, or a list of turns.

    An `output` that is JSON stays the text it is, or becomes one. Raises BadExample.
    """
    if not isinstance(example, dict):
        raise BadExample("an example has to be a JSON object")
    origin = _origin(example)
    if "output" in example:
        return _instruction(example, origin)
    for key in ("messages", "conversations"):
        if isinstance(turns := example.get(key), list):
            return Conversation(_turns(turns), origin=origin)
    raise BadExample('an example has "instruction" and "output", or "messages", or "conversations"')


def _instruction(example: dict[str, Any], origin: str) -> Conversation:
    instruction, output = example.get("instruction"), example["output"]
    if not isinstance(instruction, str) or not instruction.strip():
        raise BadExample('"instruction" has to be a text that is not empty')
    given = example.get("input") or example.get("context") or ""
    texts = [v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in (given, output)]
    if not texts[1].strip():
        raise BadExample('"output" is empty')
    asked = f"{instruction}\n\n{texts[0]}" if texts[0] else instruction
    return Conversation([("user", asked), ("assistant", texts[1])], instruction, texts[0], origin)


def _turns(told: list[Any]) -> list[tuple[str, str]]:
    turns: list[tuple[str, str]] = []
    for number, turn in enumerate(told, 1):
        if not isinstance(turn, dict):
            raise BadExample(f"turn {number} has to be an object")
        role = _ROLES.get(str(turn.get("role", turn.get("from", ""))).lower())
        content = turn.get("content", turn.get("value"))
        if role is None:
            raise BadExample(f"turn {number} does not say who speaks (user, assistant, system)")
        if not isinstance(content, str) or not content.strip():
            raise BadExample(f"turn {number} says nothing")
        if role == "system" and number > 1:
            raise BadExample(f"turn {number} is a system message; one may only stand first")
        turns.append((role, content))
    while turns and turns[-1][0] != "assistant":  # a question that nobody answers teaches nothing
        turns.pop()
    if not any(role == "user" for role, _ in turns):
        raise BadExample("the conversation has no answer to anybody")
    return turns


def _origin(example: dict[str, Any]) -> str:
    """Passage, chunk or schema row that an example was made from."""
    places = [m for m in (example.get("metadata"), example.get("provenance"), example) if isinstance(m, dict)]
    keys = ("passage", "chunk_id", "source_chunk_id", "source_id", "source_row")
    found = ((p.get("source", ""), p[k]) for k in keys for p in places if isinstance(p.get(k), (str, int)))
    return next((f"{where}/{what}" for where, what in found), "")
