"""What a recipe is: the plan of what to make, the prompts, the exact rules, and what the whole must hold.

A recipe is bound to one source and its options. Everything it says follows from its arguments alone, for a job that was
killed asks again and has to hear the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field

from agents.prompting import Prompt

Example = dict[str, Any]
"""A made example in its recipe's own shape, as it is exported."""


class Made(StrEnum):
    """How the work on one slot ended."""

    ACCEPTED = "accepted"
    DROPPED = "dropped"
    """No attempt passed its recipe's rules and rubric; the reason tells the last complaint."""
    DUPLICATE = "duplicate"
    """Passed by itself, and is too near to an earlier example of the job."""
    FAILED = "failed"
    """A model could not be asked; retrying the job tries again."""


class Slot(BaseModel):
    """One example to be made: all that its prompt and its checks need beside the recipe itself, as JSON."""

    model_config = ConfigDict(frozen=True)

    plan: dict[str, Any]


class Draft(BaseModel):
    """A reply that could be read. `words` is the text in which near duplicates are looked for."""

    example: Example
    words: str


class Turn(BaseModel):
    """One attempt at a slot."""

    number: int
    text: str
    """The teacher's reply as it came."""
    draft: Draft | None = None
    complaints: list[str] = Field(default_factory=list)
    """What the exact rules found, or why the reply could not be read; each in words that tell how to mend it."""
    score: float | None = None
    """The rubric's mean, 0..1; None where no rubric was asked."""
    critique: str = ""


class Generated(BaseModel):
    """What became of a slot."""

    outcome: Made
    reason: str = ""
    draft: Draft | None = None
    turns: list[Turn] = Field(default_factory=list)
    labels: list[str] = Field(default_factory=list)

    def label(self, labels: list[str]) -> None:
        """Says who spoke; in the example's metadata too, for a file to tell. Shapes without any stay as they are."""
        self.labels = labels
        if labels and self.draft and isinstance(notes := self.draft.example.get("metadata"), dict):
            notes["labels"] = labels


class Unreadable(ValueError):
    """A reply that holds no draft; the message says what was expected, for the teacher to mend it."""


class Rating(BaseModel):
    """What a rubric asks the evaluator for. A recipe's own rating adds its criteria, each a number from 0 to 1."""

    critique: str

    @property
    def score(self) -> float:
        """The mean of the criteria."""
        given = [v for v in self.model_dump(exclude={"critique"}).values() if isinstance(v, (int, float))]
        return sum(given) / len(given) if given else 0.0


class Ask(NamedTuple):
    """A prompt and its name, under which agents/sampling.py knows how to sample it."""

    name: str
    prompt: Prompt


class Rubric(NamedTuple):
    """What to ask the evaluator, and the shape of its answer."""

    ask: Ask
    shape: type[Rating]


class Source(NamedTuple):
    """One item of the dataset that the job works on, as its kind's reader stored it."""

    seq: int
    item_id: str
    raw: str


Sources = Callable[[], Iterable[Source]]
"""Reads the dataset anew, an item at a time."""
Admit = Callable[[Slot, Draft], str]
"""Called with every accepted example in the order of the slots: empty, or why it may not stay."""


class Lost(NamedTuple):
    """A slot that gave no example, and why."""

    slot: Slot
    outcome: Made
    reason: str


class Recipe(Protocol):
    """One way of making examples. Methods are called from several threads, but `slots` and `again` never at once."""

    def slots(self) -> Iterator[Slot]:
        """What to make, in the order in which it is exported; streamed, for a source may be long."""

    def again(self, wave: int, lost: Sequence[Lost]) -> Iterator[Slot]:
        """Replacements for slots that came to nothing, `wave` from 1; none: what is missing stays missing."""

    def propose(self, slot: Slot, earlier: Sequence[Turn]) -> Ask:
        """What to ask the teacher. Of `earlier` turns the last one's complaints and critique are to be mended."""

    def read(self, slot: Slot, text: str) -> Draft:
        """The draft in a reply. Raises Unreadable."""

    def check(self, slot: Slot, draft: Draft) -> list[str]:
        """What the draft breaks of the exact rules, one sentence a complaint; empty where nothing."""

    def rubric(self, slot: Slot, draft: Draft) -> Rubric | None:
        """What only a judge can tell; None where the rules say it all."""

    def admission(self) -> Admit:
        """A fresh gate for the whole output: duplicates and near duplicates."""

    def report(
        self,
        accepted: Iterable[tuple[Slot, Draft]],
        lost: dict[str, dict[str, int]],
        gone: Sequence[Lost] = (),
    ) -> dict[str, Any]:
        """Figures over the finished output, as JSON. `lost`: outcome -> reason -> how many, every wave counted.

        `gone`: the same one by one, in the order of the slots, those that a later wave made up for too.
        """
