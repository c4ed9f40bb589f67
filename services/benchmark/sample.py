"""The sample task: what every model is asked, and what can be known of its reply without asking anybody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from agents.prompting import Prompt, render
from agents.replies import read_json

PROMPT: Final = "benchmark_chat"
PARTS: Final = ("user", "assistant")
_WORD: Final = re.compile(r"\w+")
_THOUGHT: Final = re.compile(r"<(think(?:ing)?)>.*?(?:</\1>|\Z)", re.IGNORECASE | re.DOTALL)


def sample(examples: int) -> Prompt:
    """The task as it is sent."""
    return render(PROMPT, examples=examples)


def for_pasting(prompt: Prompt) -> str:
    """The task as one text for a chat window, which has no place for a system message."""
    return f"{prompt.system}\n\n{prompt.user}"


@dataclass(frozen=True, slots=True)
class Form:
    """How well a reply keeps the form. `examples`: those that can be used; `score` 1.0 to 5.0; `reason` a sentence."""

    examples: int
    score: float
    reason: str


def check_form(reply: str, wanted: int, task: str, *, cut: bool) -> Form:
    """Compares a reply with the form asked for: one JSON array of `wanted` objects, nothing around it.

    What only repeats words of the `task`, as very small models do, is no example. `cut`: the reply ended at the token
    limit. Thinking that a model writes into its reply is not held against it.
    """
    said = _THOUGHT.sub("", reply).strip()
    ended = ", and it was cut off at the token limit" if cut else ""
    try:
        value = read_json(said)
    except ValueError:
        return Form(0, 1.0, f"no JSON can be read in it{ended}")
    rows: list[Any] = value if isinstance(value, list) else [value]
    complete = [row for row in rows if _complete(row)]
    if not complete:
        return Form(0, 1.0, f"its JSON holds no object with both keys and text in them{ended}")
    given = _words(task)
    usable = [row for row in complete if not any(_words(row[part]) in given for part in PARTS)]
    if not usable:
        return Form(0, 1.0, f"its questions or answers are copied from the task{ended}")
    found = f"{len(usable)} of {wanted} {'example' if wanted == 1 else 'examples'}"
    if len(usable) < len(rows):
        wrong = f"{len(rows) - len(usable)} incomplete or copied from the task"
        return Form(len(usable), 2.0, f"{found} usable, {wrong}{ended}")
    if len(usable) != wanted:
        return Form(len(usable), 3.0, f"{found}{ended}")
    extra = any(set(row) != set(PARTS) for row in usable)
    if extra or not isinstance(value, list) or not (said.startswith("[") and said.endswith("]")):
        about = "keys beside the two" if extra else "more around the array, or no array"
        return Form(len(usable), 4.0, f"{found}, with {about}")
    return Form(len(usable), 5.0, f"exactly the array of {found.partition(' of ')[2]} that was asked for")


def visible(reply: str) -> str:
    """A reply without the thinking written into it."""
    return _THOUGHT.sub("", reply).strip()


def _words(text: str) -> str:
    """Its words in lower case between single spaces, with one at either end: so that words match as wholes."""
    return f" {' '.join(_WORD.findall(text.lower()))} "


def _complete(row: object) -> bool:
    return isinstance(row, dict) and all(isinstance(text := row.get(part), str) and text.strip() for part in PARTS)
