"""One row of each training format. A row holds the answer where it is learnt and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, get_args

from services.formats.conversation import Conversation

Format = Literal["alpaca", "chatml", "sharegpt", "trl", "openai"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
CONTINUE: Final = "Give the assistant's next turn in this conversation."
"""The instruction of an Alpaca row that was made of a conversation of several turns."""


def alpaca(conversation: Conversation) -> dict[str, Any]:
    """`instruction, input, output`. Of several turns the last answer is the output, all before it the input."""
    if conversation.instruction:
        row = {"instruction": conversation.instruction, "input": conversation.given, "output": conversation.answer}
    elif len(conversation.spoken) == 2:
        row = {"instruction": conversation.spoken[0][1], "input": "", "output": conversation.answer}
    else:
        named = {"user": "Human", "assistant": "Assistant"}
        before = "\n\n".join(f"{named[role]}: {said}" for role, said in conversation.spoken[:-1])
        row = {"instruction": CONTINUE, "input": before, "output": conversation.answer}
    return {**row, "system": conversation.system} if conversation.system else row


def chatml(conversation: Conversation) -> dict[str, Any]:
    """`messages` of role and content, every turn of it."""
    return {"messages": _messages(conversation.turns)}


def sharegpt(conversation: Conversation) -> dict[str, Any]:
    """`conversations` of from and value; the system message beside them, where there is one."""
    named = {"user": "human", "assistant": "gpt"}
    row: dict[str, Any] = {"conversations": [{"from": named[r], "value": said} for r, said in conversation.spoken]}
    return {**row, "system": conversation.system} if conversation.system else row


def trl(conversation: Conversation) -> dict[str, Any]:
    """`prompt` and `completion`, both lists of messages: only the completion is trained."""
    return {"prompt": _messages(conversation.turns[:-1]), "completion": _messages(conversation.turns[-1:])}


WRITERS: Final[dict[Format, Callable[[Conversation], dict[str, Any]]]] = {
    "alpaca": alpaca,
    "chatml": chatml,
    "sharegpt": sharegpt,
    "trl": trl,
    "openai": chatml,  # its fine-tuning takes the same rows, and no other keys in them
}


def _messages(turns: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"role": role, "content": said} for role, said in turns]
