"""What goes into the loop and what comes out of it: the canonical example, its rounds and its outcome."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.question import Question, ResponseKind

Mode = Literal["solve", "rationalise"]
ThinkingFormat = Literal["iterative", "consolidated"]


class Outcome(StrEnum):
    """How the loop ended for one example."""

    CONVERGED_FIRST_TRY = "converged_first_try"
    CONVERGED = "converged"
    STALLED = "stalled"
    EXHAUSTED = "exhausted"
    FAILED = "failed"
    REUSED = "reused"
    """Finished by an earlier run: taken over as it stood, nothing paid."""


CONVERGED = frozenset({Outcome.CONVERGED_FIRST_TRY, Outcome.CONVERGED})


class Task(BaseModel):
    """One example as the loop sees it. `reference` is the known answer; nothing in the loop may write it.

    In solve mode the student has to reach `reference`; in rationalise mode `reference` is the response that was given
    (a command or a text, `response_kind` says which) and the thinking has to say why.
    """

    model_config = ConfigDict(frozen=True)

    mode: Mode
    question: Question
    reference: str
    response_kind: ResponseKind = "text"
    thinking: str = ""
    """The thinking the row came with; it competes with every new one."""


class Round(BaseModel):
    """One turn of the loop. `score` is the mean of `scores`, each 0..1; `right` is None where nobody could tell."""

    number: int
    thinking: str
    answer: str = ""
    right: bool | None = None
    known: bool = False
    """True where an exact oracle, not a judge, decided `right`."""
    score: float = 0.0
    scores: dict[str, float] = Field(default_factory=dict)
    complaints: list[str] = Field(default_factory=list)
    """Style rules and leak guard: what the thinking broke, in words a teacher can pass on."""
    critique: str = ""
    hint: str = ""
    """What the teacher said after this round; empty on the last one."""
    verified: bool | None = None
    """Whether fresh attempts without hints reached the reference from this thinking; None where that was not tried."""


class Result(BaseModel):
    """What the loop made of one task."""

    outcome: Outcome
    reason: str = ""
    thinking: str = ""
    """The kept thinking: a new one only where it beat the one the row came with."""
    enhanced: bool = False
    best_round: int = 0
    """The number of the best round; 0 where none was any good."""
    rounds: list[Round] = Field(default_factory=list)
    labels: list[str] = Field(default_factory=list)
    """What a reader must know about who spoke, as 'offline/teacher is a rule-based stand-in'."""
