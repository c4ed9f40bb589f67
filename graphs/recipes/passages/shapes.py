"""The three shapes of an example, read out of what teachers really write and told apart again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from agents.replies import read_json
from graphs.recipes.base import Example, Unreadable
from graphs.recipes.passages.templates import Shape

_ROLES: Final = {
    "human": "human", "user": "human", "person": "human",
    "assistant": "ai", "gpt": "ai", "ai": "ai", "model": "ai", "bot": "ai",
    "system": "system",
}  # fmt: skip
_NAMED: Final = ("from", "role", "speaker")
_SAID: Final = ("value", "content", "text", "message")
STATE: Final = ("emotional_state", "uncertainty_level", "certainty")
THINKING: Final = re.compile(r"\s*<thinking>(.*?)</thinking>(.*)", re.S)
_LOOSE_THINKING: Final = re.compile(r"<(/?)(?:thinking|think|inner_monologue|inner monologue|internal)\s*>", re.I)


class Said(NamedTuple):
    """One turn. `who` is "human", "ai" or "system"."""

    who: str
    text: str
    state: Mapping[str, Any]


def read(text: str, shapes: tuple[Shape, ...]) -> Example:
    """The example in a reply, in one of our shapes with its keys in their order. Raises Unreadable."""
    try:
        value = read_json(text)
    except ValueError as error:
        raise Unreadable(f"The reply has to be one JSON object in the shape {' or '.join(shapes)}; {error}.") from error
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list) and all(isinstance(v, dict) for v in value):
        value = {"messages": value}
    if not isinstance(value, dict):
        raise Unreadable("The reply has to be one JSON object.")
    if isinstance(inner := value.get("example"), dict):
        value = inner
    if isinstance(value.get("turns"), list) and any(
        "assistant_response" in t for t in value["turns"] if isinstance(t, dict)
    ):
        value = {"conversations": _from_turns(value["turns"])}
    for key in ("conversations", "messages", "conversation", "dialogue"):
        if isinstance(turns := value.get(key), list):
            unnamed = key in ("conversation", "dialogue") and "conversations" in shapes
            return _conversation("conversations" if unnamed or key == "conversations" else "messages", turns)
    return _instruction(value)


def turns(example: Example) -> list[Said]:
    """The example as a conversation; an instruction's is the human's turn and its output the AI's."""
    if "output" in example:
        asked = "\n\n".join(part for part in (example["instruction"], example["input"]) if part)
        return [Said("human", asked, {}), Said("ai", example["output"], _state(example))]
    spoken = example.get("conversations") or example["messages"]
    return [Said(_ROLES[t.get("from") or t["role"]], t.get("value") or t["content"], _state(t)) for t in spoken]


def shape_of(example: Example) -> Shape:
    """Which of the three it is."""
    return "instruction" if "output" in example else "conversations" if "conversations" in example else "messages"


def _instruction(value: dict[str, Any]) -> Example:
    output = value.get("output") or value.get("response")
    if isinstance(output, dict) and len(output) == 1:  # {"inner_monologue": "..."}
        (output,) = output.values()
    instruction = value.get("instruction")
    if not isinstance(instruction, str) or not instruction.strip():
        raise Unreadable('The object has to have an "instruction", a text, or "conversations" or "messages", a list.')
    if not isinstance(output, str) or not output.strip():
        raise Unreadable('The object has to have an "output" that is a text and is not empty.')
    given = value.get("input") or ""
    if not isinstance(given, str):
        raise Unreadable('"input" has to be a text; it may be empty.')
    example: Example = {"instruction": instruction.strip(), "input": given.strip(), "output": _tagged(output)}
    state = _state(value)
    return {**example, "metadata": state} if state else example


def _conversation(shape: Shape, spoken: list[Any]) -> Example:
    found: list[dict[str, Any]] = []
    for number, turn in enumerate(spoken, 1):
        if not isinstance(turn, dict):
            raise Unreadable(f"Turn {number} has to be an object that says who speaks and what.")
        named = next((turn[k] for k in _NAMED if isinstance(turn.get(k), str)), "")
        said = next((turn[k] for k in _SAID if isinstance(turn.get(k), str)), "")
        who = _ROLES.get(named.strip().lower())
        if who is None:
            raise Unreadable(
                f'Turn {number} has to say who speaks: "from" (human, assistant) or "role" (user, assistant).'
            )
        if not said.strip():
            raise Unreadable(f"Turn {number} says nothing.")
        words = _tagged(said) if who == "ai" else said.strip()
        if shape == "conversations":
            entry: dict[str, Any] = {"from": {"ai": "assistant"}.get(who, who), "value": words}
        else:
            entry = {"role": {"ai": "assistant", "human": "user"}.get(who, who), "content": words}
        state = _state(turn)
        found.append({**entry, "metadata": state} if state else entry)
    if not found:
        raise Unreadable("The conversation has no turns.")
    return {shape: found}


def _state(holder: dict[str, Any]) -> dict[str, Any]:
    """The state beside a turn or within its metadata, as it was written."""
    inside = [holder[k] for k in ("metadata", "state", "assistant_internal") if isinstance(holder.get(k), dict)]
    return {k: place[k] for k in STATE for place in (*inside, holder) if k in place}


def _from_turns(told: list[Any]) -> list[dict[str, Any]]:
    """Turns with `user`, `assistant_internal` and `assistant_response` as a conversation with thinking."""
    spoken: list[dict[str, Any]] = []
    for turn in told:
        if not isinstance(turn, dict):
            raise Unreadable("Each of the turns has to be an object.")
        spoken.append({"from": "human", "value": turn.get("user", "")})
        inner = turn.get("assistant_internal")
        thoughts = inner.get("thoughts", "") if isinstance(inner, dict) else inner
        thought = " ".join(map(str, thoughts)) if isinstance(thoughts, list) else str(thoughts or "")
        words = str(turn.get("assistant_response", ""))
        whole = f"<thinking>{thought}</thinking>\n\n{words}" if thought else words
        spoken.append({"from": "assistant", "value": whole, "metadata": _state(turn)})
    return spoken


def _tagged(text: str) -> str:
    """The AI's words with thinking tags spelt alike and a blank line behind them."""
    plain = _LOOSE_THINKING.sub(r"<\1thinking>", text.strip())
    whole = THINKING.fullmatch(plain)
    return f"<thinking>{whole[1].strip()}</thinking>\n\n{whole[2].strip()}" if whole else plain
