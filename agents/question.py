"""What is asked, without what is known: the only view of an example that a student ever gets in solve mode."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict

Role = Literal["system", "user", "assistant", "tool"]
AnswerKind = Literal["number", "json", "text"]
ResponseKind = Literal["command", "text"]


class Turn(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(frozen=True)

    role: Role
    content: str


class Question(BaseModel):
    """A conversation that ends where the answer would stand.

    `context` is the source text or system state the row came with; it is empty where the row has none.
    `answer_kind` is the shape a right answer has (a number, JSON, text): it is told to the student, the value never.
    """

    model_config = ConfigDict(frozen=True)

    turns: tuple[Turn, ...]
    context: str = ""
    answer_kind: AnswerKind = "text"

    @cached_property
    def system(self) -> str:
        """The system message, or nothing."""
        return "\n".join(t.content for t in self.turns if t.role == "system")

    @cached_property
    def request(self) -> str:
        """The last thing the user said."""
        return next((t.content for t in reversed(self.turns) if t.role == "user"), "")

    @cached_property
    def earlier(self) -> tuple[Turn, ...]:
        """The turns before the last user message, the system message left out."""
        spoken = [t for t in self.turns if t.role != "system"]
        last = max((i for i, t in enumerate(spoken) if t.role == "user"), default=len(spoken))
        return tuple(spoken[:last])
