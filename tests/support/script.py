"""A scripted cast: each part's lines in order, every request and its place kept. No server: a path is a few lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agents.budget import Budget
from agents.errors import ModelError
from agents.evaluator import Evaluator
from agents.gateway import Gateway
from agents.line import Line, NoLedger, Place
from agents.models import Catalog
from agents.student import Student
from agents.teacher import Teacher
from agents.wire import Reply, Request
from graphs.state import Cast, Rules
from tests.support.brain import Part, part_of

Said = str | ModelError


@dataclass(frozen=True)
class Heard:
    """One request, by whom it was for."""

    part: Part
    request: Request

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(m["content"] for m in self.request.messages)


@dataclass
class Places(NoLedger):
    """A ledger that keeps the places alone."""

    seen: list[tuple[Place, str]] = field(default_factory=list)

    async def record(self, place: Place, fingerprint: str, model: str, reply: Reply) -> None:  # noqa: ARG002
        """Notes the place."""
        self.seen.append((place, fingerprint))


class Script(Gateway):
    """Says each part's lines one after the other, the last one for ever."""

    def __init__(self, lines: Mapping[str, Sequence[Said]]) -> None:
        super().__init__(Catalog())
        self._lines = {part: list(said) for part, said in lines.items()}
        self.heard: list[Heard] = []
        self.ledger = Places()

    async def complete(self, request: Request, budget: Budget) -> Reply:  # noqa: ARG002
        """The part's next line."""
        part = part_of(request.messages[0]["content"])
        self.heard.append(Heard(part, request))
        lines = self._lines[part]
        said = lines.pop(0) if len(lines) > 1 else lines[0]
        if isinstance(said, ModelError):
            raise said
        return Reply(said)

    @property
    def order(self) -> list[Part]:
        """Who was asked, in order."""
        return [one.part for one in self.heard]

    def asked(self, part: Part) -> list[Heard]:
        """What one part was asked."""
        return [one for one in self.heard if one.part == part]

    def cast(self, rules: Rules | None = None) -> Cast:
        """Everybody on this script."""
        line = Line(self, ledger=self.ledger)
        return Cast(Student(line, "s"), Teacher(line, "t"), Evaluator(line, "e"), rules or Rules())


def verdict(score: float = 0.9, *, right: bool = True, critique: str = "Clear enough.") -> str:
    """A judge's reply, every score the same."""
    scores = dict.fromkeys(("facts", "steps", "reaches", "concise"), score)
    return json.dumps({"student": "a", "reference": "b", "right": right, **scores, "critique": critique})
