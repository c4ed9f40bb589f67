"""Rows and the prompts made of them. One function, `render`, makes every prompt: to train, to evaluate, to prefer.

Six shapes are read (`parse`); each becomes a prompt, which is a list of messages, and what has to follow it: one
completion (`Row`), or one that is preferred to another (`Pair`). This module loads without torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from training import templates, thinking
from training.errors import InvalidInput

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Thinking = Literal["keep", "drop"]
"""Whether the thinking that a row has is part of its completion."""

INSTRUCTION_SYSTEM: Final = "Translate the request into one command of the command line interface, written as JSON."
"""The system message of every `{instruction, context, output}` row: short, and the same wherever such a row is used."""

_ROLES: Final = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "model": "assistant",
    "tool": "tool",
}  # fmt: skip


class RowError(InvalidInput):
    """A row that can't be used; the message names the field and what to do, and, read from a file, file and line."""

    def __init__(self, field: str, message: str, place: str = "") -> None:
        super().__init__(f"{place}{field}: {message}")
        self.field = field
        self.reason = message


class Message(BaseModel):
    """Who says what: role `system`, `user`, `assistant` or `tool`."""

    model_config = ConfigDict(frozen=True)

    role: str
    content: str


class Row(BaseModel):
    """What is learnt by heart: the completion, given the prompt."""

    model_config = ConfigDict(frozen=True)

    prompt: tuple[Message, ...]
    completion: str
    """The answer, with the thinking before it in think tags where the row has any."""
    source: dict[str, Any]
    """The row as it was read."""

    @property
    def answer(self) -> str:
        """The completion without its thinking."""
        return thinking.split(self.completion)[1]


class Pair(BaseModel):
    """What is preferred: `chosen` to `rejected`, given the prompt."""

    model_config = ConfigDict(frozen=True)

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str
    source: dict[str, Any]
    """The row as it was read."""


def parse(value: Mapping[str, Any], *, think: Thinking = "keep") -> Row | Pair:
    """Reads one row, in whichever of the shapes it is:

    - `{messages}`, the last one the assistant's; the thinking in that turn (think tags, `thinking` or
      `reasoning_content`), in `metadata.thinking` or beside the messages; a `context` joins the system message;
    - `{prompt, completion}` and `{prompt, chosen, rejected}`, texts or lists of messages;
    - `{instruction, context, output}`; `input` for `context`, and a `system` of the row's own, are read too;
    - `{messages, expected_response, system_context}`, as the installer's rows are;
    - `{input: {messages}, preferred_output, non_preferred_output}`, as OpenAI has preferences.

    Args:
        value: the row, decoded.
        think: `drop` leaves the thinking out of completions.

    Raises:
        RowError: the field that is wrong or missing, and what it has to be.
    """
    for marks, read_shape in _SHAPES:
        if all(mark in value for mark in marks):
            return read_shape(dict(value), think)
    raise RowError(
        "row",
        "is none of the known shapes; it needs `messages`, or `prompt` with `completion` or with `chosen` and "
        f"`rejected`, or `instruction` with `output`; it has {', '.join(sorted(map(str, value))) or 'nothing'}",
    )


def read(path: Path, *, think: Thinking = "keep") -> Iterator[Row | Pair]:
    """The rows of a file, JSONL or one JSON array, in its order; of JSONL one line is in memory at a time.

    Raises:
        RowError: a row that can't be used, with file and line (in an array: the row's number).
        InvalidInput: no such file, or it is not UTF-8.
    """
    for _, row in read_placed(path, think=think):
        yield row


def read_placed(path: Path, *, think: Thinking = "keep") -> Iterator[tuple[str, Row | Pair]]:
    """As `read`, each row with its place, as "train.jsonl, line 7"."""
    for place, value in _values(path):
        if not isinstance(value, dict):
            raise RowError("row", f"has to be a JSON object, not {type(value).__name__}", f"{place}: ")
        try:
            yield place, parse(value, think=think)
        except RowError as error:
            raise RowError(error.field, error.reason, f"{place}: ") from None


def render(tokenizer: PreTrainedTokenizerBase, prompt: Sequence[Message]) -> str:
    """The prompt as the model reads it: its chat template, up to where the assistant begins to speak.

    The text already holds every special token, so it is tokenised with `add_special_tokens=False`. Where the template
    knows no system message (Gemma's, say), what that says stands at the head of the first message that it knows.

    Raises:
        InvalidInput: the tokenizer has no chat template, or the template refuses these messages.
    """
    from jinja2 import TemplateError  # comes with transformers

    if not tokenizer.chat_template:
        raise InvalidInput(
            f"{tokenizer.name_or_path}: the tokenizer has no chat template, so prompts can't be written for this "
            "model; name its instruct variant as model.name"
        )
    try:
        text = _rendered(tokenizer, prompt)
        if prompt[0].role != "system" or prompt[0].content.strip() in text:
            return text
    except TemplateError as error:
        if prompt[0].role != "system" or len(prompt) < 2:
            raise InvalidInput(f"{tokenizer.name_or_path}: the chat template refuses the messages: {error}") from None
    system, first, *others = prompt
    try:
        return _rendered(tokenizer, [Message(role=first.role, content=f"{system.content}\n\n{first.content}"), *others])
    except TemplateError as error:
        raise InvalidInput(f"{tokenizer.name_or_path}: the chat template refuses the messages: {error}") from None


@lru_cache(maxsize=4)
def opener(tokenizer: PreTrainedTokenizerBase) -> str:
    """The thinking tag that every prompt of this tokenizer ends with; empty where its chat template writes none."""
    return templates.opened(render(tokenizer, [Message(role="user", content="?")]))


def _rendered(tokenizer: PreTrainedTokenizerBase, prompt: Sequence[Message]) -> str:
    messages = [message.model_dump() for message in prompt]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert isinstance(text, str)
    return text


def _values(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = next((character for line in file if (character := line.strip()[:1])), "")
            file.seek(0)
            if first == "[":
                yield from _array(path, file.read())
                return
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{path}, line {number}", _decode(line, f"{path}, line {number}: ")
    except FileNotFoundError:
        raise InvalidInput(f"{path}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise InvalidInput(f"{path}: can't be read: {error.strerror}") from None


def _array(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    for number, value in enumerate(_decode(text, f"{path}: "), 1):
        yield f"{path}, row {number}", value


def _decode(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RowError("row", f"is not JSON: {error}", place) from None


def _messages(value: dict[str, Any], think: Thinking) -> Row:
    turns = _turns(value["messages"], "messages")
    if len(turns) < 2 or turns[-1].role != "assistant":
        raise RowError("messages", "the last message has to be the assistant's answer to what stands before it")
    prompt = _with_system(turns[:-1], value.get("context"), "context")
    last = value["messages"][-1]
    metadata = value.get("metadata")
    held = metadata if isinstance(metadata, dict) else {}
    inside, answer = thinking.split(turns[-1].content)
    places = [held.get("thinking"), last.get("thinking"), last.get("reasoning_content"), inside, value.get("thinking")]
    thought = next((text for text in places if isinstance(text, str) and text.strip()), "")
    return _row(prompt, thought, answer, value, think, "messages")


def _installer(value: dict[str, Any], think: Thinking) -> Row:
    expected = value["expected_response"]
    if not isinstance(expected, dict):
        raise RowError("expected_response", "has to be an object with `type` and `command` or `response`")
    field = "command" if expected.get("type", "command") == "command" else "response"
    prompt = _with_system(_turns(value["messages"], "messages"), value.get("system_context"), "system_context")
    if prompt[-1].role == "assistant":
        raise RowError("messages", "the last message has to be what expected_response answers")
    answer = _text(expected.get(field), f"expected_response.{field}")
    return _row(prompt, expected.get("thinking") or "", answer, value, think, "expected_response")


def _completion(value: dict[str, Any], think: Thinking) -> Row:
    thought, answer = _said(value["completion"], "completion")
    return _row(_prompt(value["prompt"], "prompt"), thought, answer, value, think, "completion")


def _instruction(value: dict[str, Any], think: Thinking) -> Row:
    asked = _text(value["instruction"], "instruction")
    given = value.get("context") if value.get("context") is not None else value.get("input") or None
    if given is not None:
        asked += f"\n\nContext:\n{given if isinstance(given, str) else _compact(given)}"
    output = value["output"] if isinstance(value["output"], str) else _compact(value["output"])
    thought, answer = thinking.split(_text(output, "output"))
    system = _text(value.get("system") or INSTRUCTION_SYSTEM, "system")
    prompt = (Message(role="system", content=system), Message(role="user", content=asked))
    return _row(prompt, thought, answer, value, think, "output")


def _pair(value: dict[str, Any], think: Thinking) -> Pair:
    return _preference(value, _prompt(value["prompt"], "prompt"), ("chosen", "rejected"), think)


def _openai_pair(value: dict[str, Any], think: Thinking) -> Pair:
    asked = value["input"]
    if not isinstance(asked, dict) or "messages" not in asked:
        raise RowError("input", "has to be an object with `messages`")
    prompt = _prompt(asked["messages"], "input.messages")
    return _preference(value, prompt, ("preferred_output", "non_preferred_output"), think)


_SHAPES: Final[tuple[tuple[tuple[str, ...], Callable[[dict[str, Any], Thinking], Row | Pair]], ...]] = (
    (("prompt", "chosen", "rejected"), _pair),
    (("input", "preferred_output", "non_preferred_output"), _openai_pair),
    (("messages", "expected_response"), _installer),
    (("prompt", "completion"), _completion),
    (("instruction", "output"), _instruction),
    (("messages",), _messages),
)


def _preference(value: dict[str, Any], prompt: tuple[Message, ...], fields: tuple[str, str], think: Thinking) -> Pair:
    sides = [_row(prompt, *_said(value[field], field), value, think, field).completion for field in fields]
    if sides[0] == sides[1]:
        raise RowError(fields[1], f"is the same as {fields[0]}, so nothing is preferred; leave the row out")
    return Pair(prompt=prompt, chosen=sides[0], rejected=sides[1], source=value)


def _row(
    prompt: tuple[Message, ...], thought: str, answer: str, source: dict[str, Any], think: Thinking, field: str
) -> Row:
    if not answer.strip():
        raise RowError(field, "holds no answer; write what the model has to say")
    completion = thinking.join(thought, answer) if think == "keep" else answer
    return Row(prompt=prompt, completion=completion, source=source)


def _prompt(value: Any, field: str) -> tuple[Message, ...]:
    if isinstance(value, str):
        return (Message(role="user", content=_text(value, field)),)
    turns = _turns(value, field)
    if turns[-1].role == "assistant":
        raise RowError(field, "ends with the assistant's turn; it has to end with what is answered")
    return turns


def _said(value: Any, field: str) -> tuple[str, str]:
    """Thinking and answer of a completion: a text, or a list of the one message that the assistant says."""
    if isinstance(value, str):
        return thinking.split(_text(value, field))
    turns = _turns(value, field)
    if len(turns) != 1 or turns[0].role != "assistant":
        raise RowError(field, "has to be a text, or a list of one message of the assistant's")
    inside, answer = thinking.split(turns[0].content)
    apart = value[0].get("thinking") or value[0].get("reasoning_content") or ""
    return (apart if isinstance(apart, str) and apart else inside), answer


def _turns(value: Any, field: str) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        raise RowError(field, "has to be a list of messages that is not empty")
    turns = []
    for number, message in enumerate(value):
        at = f"{field}[{number}]"
        if not isinstance(message, dict):
            raise RowError(at, "has to be an object with `role` and `content`")
        role = _ROLES.get(str(message.get("role")))
        if role is None:
            raise RowError(f"{at}.role", f"{message.get('role')!r} is not system, user, assistant or tool")
        turns.append(Message(role=role, content=_text(message.get("content"), f"{at}.content")))
    return tuple(turns)


def _with_system(turns: Sequence[Message], context: Any, field: str) -> tuple[Message, ...]:
    """The turns with a context in the system message: after what that says already, or as one of its own."""
    if context is None or context == "":
        return tuple(turns)
    said = context if isinstance(context, str) else _compact(context)
    said = _text(said, field)
    if turns and turns[0].role == "system":
        return (Message(role="system", content=f"{turns[0].content}\n\n{said}"), *turns[1:])
    return (Message(role="system", content=said), *turns)


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise RowError(field, f"has to be a text, not {'missing' if value is None else type(value).__name__}")
    if not value.strip():
        raise RowError(field, "is empty")
    return value


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
