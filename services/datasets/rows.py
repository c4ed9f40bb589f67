"""What a source row may say, as pydantic reads it, and its mistakes in one line each.

Only the fields the project reads are declared; every other field is carried along unread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from agents.question import ResponseKind, Role
from services.datasets.errors import DatasetError

_QUESTIONS = ("question", "prompt", "instruction", "input", "query", "problem")
_ANSWERS = ("answer", "response", "output", "completion", "solution")
_KINDS = {"str": "a string", "dict": "an object", "list": "an array", "NoneType": "null", "bool": "a boolean"}


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class Message(_Record):
    role: Role
    content: str
    thinking: str | None = None
    reasoning_content: str | None = None


class Metadata(_Record):
    thinking: str | None = None
    thinking_iterations: Any = None
    thinking_outcome: Any = None


class QARow(_Record):
    messages: list[Message]
    metadata: Metadata | None = None
    thinking: str | None = None
    context: str | None = None


class Response(_Record):
    type: ResponseKind
    command: str | None = None
    response: str | None = None
    thinking: str | None = None


class InstallerRow(_Record):
    system_context: str | None = None
    messages: list[Message]
    expected_response: Response


def read_row(row: object) -> QARow | InstallerRow:
    """A decoded row under its shape, which its keys tell: `expected_response` makes an installer row, else `messages` a
    Q&A row. Raises DatasetError."""
    if not isinstance(row, dict):
        raise DatasetError(f"the row is {_kind(row)}; write an object with messages")
    try:
        if "expected_response" in row:
            return InstallerRow.model_validate(row)
        if "messages" in row:
            return QARow.model_validate(row)
    except ValidationError as error:
        raise DatasetError(_reason(error.errors(include_url=False)[0])) from None
    raise DatasetError(_without_messages(row))


def _without_messages(row: Mapping[str, object]) -> str:
    if "conversations" in row:
        return 'no messages: rename conversations to messages, and in it from and value to "role" and "content"'
    question = next((key for key in _QUESTIONS if key in row), "your question")
    answer = next((key for key in _ANSWERS if key in row), "your answer")
    return (
        f'no messages: write {{"messages": [{{"role": "user", "content": <{question}>}}, '
        f'{{"role": "assistant", "content": <{answer}>}}]}}'
    )


def _reason(error: ErrorDetails) -> str:
    path = ""
    for step in error["loc"]:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    found, expected = error["input"], (error.get("ctx") or {}).get("expected", "")
    match error["type"]:
        case "missing":
            return f"{path} is missing; add it"
        case "string_type":
            return f"{path} is {_kind(found)}; write a string"
        case "literal_error" if isinstance(found, str):
            return f"{path} is {_short(found)}; write {expected}"
        case "literal_error":
            return f"{path} is {_kind(found)}; write {expected}"
        case "list_type":
            return f"{path} is {_kind(found)}; write an array of messages"
        case "model_type":
            return f"{path} is {_kind(found)}; write an object"
        case other:
            return f"{path}: {error['msg']} ({other})"


def _kind(value: object) -> str:
    return _KINDS.get(type(value).__name__, "a number")


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
