"""What flows through the enhance graph, and who plays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

from agents.evaluator import Evaluator
from agents.student import Student
from agents.teacher import Teacher
from graphs.records import Outcome, Round, Task, ThinkingFormat
from graphs.rules.style import Style


@dataclass(frozen=True, slots=True)
class Rules:
    """How strict the loop is. `threshold` is the mean score a judge must give, 0..1."""

    max_iterations: int = 3
    threshold: float = 0.6
    verify_samples: int = 1
    thinking_format: ThinkingFormat = "iterative"
    style: Style | None = None
    """None: what the row's shape asks for."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays, given at run time, so that one compiled graph serves every example and every test."""

    student: Student
    teacher: Teacher
    evaluator: Evaluator
    rules: Rules = field(default_factory=Rules)

    def style(self, task: Task) -> Style:
        """The style of this row: its thinking reads otherwise where the response is given than where it is found."""
        return self.rules.style or ("installer" if task.mode == "rationalise" else "qa")


class Changes(TypedDict, total=False):
    """What a node changes of the state."""

    rounds: list[Round]
    outcome: Outcome | None
    reason: str
    kept: str | None
    enhanced: bool


class Loop(TypedDict):
    """The state of one example. `rounds` holds every turn so far; the last one is being worked on."""

    task: Task
    rounds: list[Round]
    outcome: Outcome | None
    reason: str
    kept: str | None
    """The thinking to keep where it is not the best round's own: consolidated, or the one the row came with."""
    enhanced: bool


def start(task: Task) -> Loop:
    """The state before the first round."""
    return Loop(task=task, rounds=[], outcome=None, reason="", kept=None, enhanced=False)
