"""What a row is: its shape, its question, its known answer, and the thinking it came with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from agents.question import AnswerKind, Question, Turn
from graphs.records import Task
from graphs.rules.oracle import kind_of
from services.datasets.errors import DatasetError
from services.datasets.guard import check, check_depth
from services.datasets.identity import Occurrences, decode, identity
from services.datasets.rows import InstallerRow, Message, QARow, read_row

__all__ = ["Item", "Occurrences", "Place", "Shape", "Tagged", "parse", "untag"]

Shape = Literal["qa", "installer"]
Place = Literal["metadata", "thinking", "reasoning_content", "tags", "top", "expected_response"]
"""Where a row keeps its thinking: `metadata.thinking`, a field of the assistant message, tags before its content, the
row's own `thinking`, or `expected_response.thinking`."""

_TAGS = re.compile(r"\s*<(think|thinking)>(.*?)</\1>\s*", re.DOTALL)
_LONGEST_NUMBER = 100
"""Characters. Longer answers are not looked through for the one number they could be."""
_kind_of_short = lru_cache(maxsize=4096)(kind_of)  # short answers are often the same ones
_OPEN_TAG = re.compile(r"\s*<(think|thinking)>")


@dataclass(frozen=True, slots=True)
class Item:
    """One usable source row."""

    identity: str
    """The same for the source row and for every output made of it; equal rows share it (see Occurrences)."""
    task: Task
    shape: Shape
    place: Place
    annotated: bool
    """Finished by an earlier run, so there is nothing to pay for: a Q&A row that tells its rounds and did not fail, an
    installer row with thinking."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A message that begins with think tags: `content[start:end]` is the thinking, `content[rest:]` the answer.

    The space around the thinking is outside the span; with nothing but space inside the tags, the span is that space.
    """

    tag: str
    thinking: str
    start: int
    end: int
    rest: int


def parse(raw: str) -> Item:
    """Reads one row: Q&A (`messages`, the last one the assistant's; optional `context`, `metadata`) or installer
    (`messages`, `expected_response`, optional `system_context`).

    Raises DatasetError with a one-line reason that names the field.
    """
    check(raw)
    row = decode(raw)
    record = read_row(row)
    item = _installer(record) if isinstance(record, InstallerRow) else _qa(record)
    task, shape, place, annotated = item
    return Item(identity(row, task.reference), task, shape, place, annotated)


def untag(content: str) -> Tagged | None:
    """The think tags an assistant message begins with, or None. Raises DatasetError where one is never closed."""
    if "<think" not in content:
        return None
    if found := _TAGS.match(content):
        inside = found[2]
        start, end = found.span(2)
        if thinking := inside.strip():
            start += len(inside) - len(inside.lstrip())
            end = start + len(thinking)
        return Tagged(found[1], thinking, start, end, found.end())
    if found := _OPEN_TAG.match(content):
        raise DatasetError(f"the assistant message opens <{found[1]}> and never closes it; close it before the answer")
    return None


def _qa(row: QARow) -> tuple[Task, Shape, Place, bool]:
    _check_messages(row.messages, last=("assistant",), why="the assistant's answer")
    *asked, last = row.messages
    at = f"messages[{len(asked)}].content"
    tagged = untag(last.content)
    reference = last.content[tagged.rest :] if tagged else last.content
    if not reference.strip():
        raise DatasetError(f"{at} holds {'only thinking' if tagged else 'nothing'}; write the assistant's answer")
    metadata = row.metadata
    place, thinking = _find_thinking(row, last, tagged)
    task = Task(
        mode="solve",
        question=_question(asked, row.context or "", reference),
        reference=reference,
        thinking=thinking,
    )
    # What did not converge is worth another try, by another teacher or with more rounds; by the same ones it is known.
    annotated = (
        metadata is not None
        and metadata.thinking_iterations is not None
        and metadata.thinking_outcome not in ("failed", "stalled", "exhausted")
    )
    return task, "qa", place, annotated


def _find_thinking(row: QARow, last: Message, tagged: Tagged | None) -> tuple[Place, str]:
    """The row's thinking and where else than in `metadata` it stands.

    Where several places disagree, `metadata.thinking` counts, then the message, then the row; a place that says
    something else is not the one to write to.
    """
    first = row.metadata.thinking if row.metadata and row.metadata.thinking else ""
    elsewhere = list(_elsewhere(row, last, tagged))
    thinking = first or next((text for _, text in elsewhere if text), "")
    place: Place = next((place for place, text in elsewhere if text == thinking), "metadata")
    return place, thinking


def _elsewhere(row: QARow, last: Message, tagged: Tagged | None) -> Iterator[tuple[Place, str]]:
    if last.thinking is not None:
        yield "thinking", last.thinking
    if last.reasoning_content is not None:
        yield "reasoning_content", last.reasoning_content
    if tagged:
        yield "tags", tagged.thinking
    if row.thinking is not None:
        yield "top", row.thinking


def _installer(row: InstallerRow) -> tuple[Task, Shape, Place, bool]:
    _check_messages(row.messages, last=("user", "tool"), why="the request that expected_response answers")
    expected = row.expected_response
    field = "command" if expected.type == "command" else "response"
    reference = expected.command if expected.type == "command" else expected.response
    if reference is None or not reference.strip():
        fault = "missing" if reference is None else "empty"
        raise DatasetError(f'expected_response.{field} is {fault}, but type is "{expected.type}"; write the {field}')
    task = Task(
        mode="rationalise",
        question=_question(row.messages, row.system_context or "", reference),
        reference=reference,
        response_kind=expected.type,
        thinking=expected.thinking or "",
    )
    return task, "installer", "expected_response", bool(task.thinking.strip())


def _check_messages(messages: Sequence[Message], last: tuple[str, ...], why: str) -> None:
    if not messages:
        raise DatasetError("messages is empty; write at least what the user says")
    if (role := messages[-1].role) not in last:
        raise DatasetError(f"messages[{len(messages) - 1}] is the {role}'s; the last message must be {why}")
    if not any(message.role == "user" and message.content.strip() for message in messages):
        raise DatasetError("messages has no user message; write what is asked")


def _question(messages: Sequence[Message], context: str, reference: str) -> Question:
    turns = tuple(Turn(role=message.role, content=message.content) for message in messages)
    return Question(turns=turns, context=context, answer_kind=_answer_kind(reference))


def _answer_kind(reference: str) -> AnswerKind:
    if reference.lstrip()[:1] in ("{", "["):
        try:
            check_depth(reference)  # whoever compares answers decodes the reference again
        except DatasetError as error:
            raise DatasetError(f"the answer is {error}") from None
        return kind_of(reference)
    return _kind_of_short(reference) if len(reference) <= _LONGEST_NUMBER else "text"
