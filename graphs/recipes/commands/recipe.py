"""The recipe: plans calls and clarifications of a command line, and has the teacher put them into people's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from pydantic import Field

from graphs.recipes.base import Admit, Ask, Draft, Lost, Made, Rating, Rubric, Slot, Sources, Turn
from graphs.recipes.commands import asks, coverage, diversity, replies
from graphs.recipes.commands.calls import plan_call
from graphs.recipes.commands.checks import complaints
from graphs.recipes.commands.doubts import plan_doubt, possible
from graphs.recipes.commands.layout import Place, layout
from graphs.recipes.commands.plan import CASES, POSITIVE, Plan, draws, example
from graphs.recipes.commands.rules import violations
from graphs.recipes.commands.schema import read_schema
from graphs.recipes.options import CommandsOptions

NUM: Final = 3000
_WAVES: Final = 20
"""Replacements of replacements, before what is missing stays missing."""


class Reading(Rating):
    """What the evaluator makes of a request."""

    reading: str
    same: float = Field(ge=0, le=1)
    natural: float = Field(ge=0, le=1)


class Commands:
    """The recipe bound to a schema. The plan follows from schema, number and seed alone."""

    def __init__(self, options: CommandsOptions, sources: Sources, seed: int) -> None:
        """Raises ValueError where the source is not one schema."""
        texts = [source.raw for source in sources()]
        if len(texts) != 1:
            raise ValueError(f"commands are made from one schema, and the dataset has {len(texts)}")
        self.schema = read_schema(texts[0])
        self._num = options.num or NUM
        self._seed = seed

    # ---------------------------------------------------------------- the plan
    def places(self) -> list[Place]:
        """What each example has to be."""
        return layout(self._num, draws(self._seed, "layout"), possible(self.schema))

    def slots(self) -> Iterator[Slot]:
        """The plans in their order."""
        for number, place in enumerate(self.places()):
            yield self._slot(place, number, 0)

    def again(self, wave: int, lost: Sequence[Lost]) -> Iterator[Slot]:
        """The same wish once more with other draws, as long as that may help."""
        if wave > _WAVES:
            return
        for one in lost:
            if one.outcome is Made.FAILED:
                continue
            plan = _plan(one.slot)
            yield self._slot(Place(plan.kind, plan.level, plan.nth), plan.number, wave)

    def _slot(self, place: Place, number: int, wave: int) -> Slot:
        make = plan_call if place.kind in POSITIVE else plan_doubt
        plan = make(self.schema, place, number, draws(self._seed, number, wave), wave)
        return Slot(plan=plan.model_dump(mode="json"))

    # ---------------------------------------------------------------- one example
    def propose(self, slot: Slot, earlier: Sequence[Turn]) -> Ask:
        """The words are asked for; everything else is planned."""
        return Ask(*asks.propose(self.schema, _plan(slot), earlier))

    def read(self, slot: Slot, text: str) -> Draft:
        """The request in the reply, with the context and output of the plan."""
        said = replies.request(text)
        return Draft(example=example(_plan(slot), said), words=said)

    def check(self, slot: Slot, draft: Draft) -> list[str]:
        """The words against the plan, and the row against the schema."""
        return complaints(self.schema, _plan(slot), draft.words) or violations(self.schema, draft.example)

    def rubric(self, slot: Slot, draft: Draft) -> Rubric:
        """Whether a reader who knows the program comes to this very output."""
        return Rubric(Ask(*asks.rate(self.schema, _plan(slot), draft.words)), Reading)

    # ---------------------------------------------------------------- the whole
    def admission(self) -> Admit:
        """No request twice, however it is punctuated."""
        seen: set[str] = set()

        def admit(slot: Slot, draft: Draft) -> str:
            del slot
            said = diversity.normal(draft.words)
            if said in seen:
                return "the same request was there before"
            seen.add(said)
            return ""

        return admit

    def report(
        self,
        accepted: Iterable[tuple[Slot, Draft]],
        lost: dict[str, dict[str, int]],
        gone: Sequence[Lost] = (),  # noqa: ARG002
    ) -> dict[str, Any]:
        """Mix, coverage, diversity, what is missing and why, and the groups that a split must not part."""
        rows = [(_plan(slot), draft.words) for slot, draft in accepted]
        plans = [plan for plan, _ in rows]
        texts = [text for _, text in rows]
        patterns = [diversity.masked(plan, text) for plan, text in rows]
        together = diversity.groups(texts, patterns)
        kinds, wanted = Counter(p.kind for p in plans), Counter(p.kind for p in self.places())
        lines = coverage.matrix(self.schema, plans)
        missing = {kind: count - kinds[kind] for kind, count in wanted.items() if count > kinds[kind]}
        return {
            "requested": self._num,
            "examples": len(rows),
            "missing": missing,
            "lost": lost,
            "impossible": [case for case in CASES if case not in possible(self.schema)],
            "kinds": dict(sorted(kinds.items())),
            "context": dict(sorted(Counter(p.level for p in plans).items())),
            "diversity": diversity.figures(texts, patterns, together),
            "unused": coverage.unused(lines),
            "coverage": lines,
            "advice": coverage.advice(self.schema),
            "together": diversity.shared(together),
        }


def _plan(slot: Slot) -> Plan:
    return Plan.model_validate(slot.plan)
