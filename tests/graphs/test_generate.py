"""Propose, check, evaluate, repair: each way through the graph that makes examples."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agents.evaluator import Evaluator
from agents.line import Line
from agents.prompting import Prompt
from agents.sampling import SAMPLING
from agents.teacher import Teacher
from graphs.generate import Makers, build, generate
from graphs.recipes.base import Admit, Ask, Draft, Generated, Lost, Made, Rating, Rubric, Slot, Turn, Unreadable
from tests.support.script import Script

SLOT = Slot(plan={"word": "kiln"})


class Fit(Rating):
    """One criterion."""

    fit: float


class Echo:
    """A recipe in miniature: a JSON object with a sentence that holds the planned word."""

    def __init__(self, rated: bool = True) -> None:
        self.rated = rated

    def slots(self) -> Iterator[Slot]:
        yield SLOT

    def again(self, wave: int, lost: Sequence[Lost]) -> Iterator[Slot]:  # noqa: ARG002
        return iter(())

    def propose(self, slot: Slot, earlier: Sequence[Turn]) -> Ask:
        mend = " ".join([*earlier[-1].complaints, earlier[-1].critique]) if earlier else ""
        return Ask("coach_solve", Prompt("Make an example.", f"Write about {slot.plan['word']}. {mend}"))

    def read(self, slot: Slot, text: str) -> Draft:  # noqa: ARG002
        try:
            said = json.loads(text)["said"]
        except (ValueError, KeyError) as error:
            raise Unreadable('Write {"said": "..."}.') from error
        return Draft(example={"said": said}, words=said)

    def check(self, slot: Slot, draft: Draft) -> list[str]:
        return [] if slot.plan["word"] in draft.words else [f"The word {slot.plan['word']} is missing."]

    def rubric(self, slot: Slot, draft: Draft) -> Rubric | None:  # noqa: ARG002
        return Rubric(Ask("judge_solve", Prompt("Rate an example.", draft.words)), Fit) if self.rated else None

    def admission(self) -> Admit:
        return lambda slot, draft: ""  # noqa: ARG005

    def report(
        self,
        accepted: Iterable[tuple[Slot, Draft]],
        lost: dict[str, dict[str, int]],
        gone: Sequence[Lost] = (),  # noqa: ARG002
    ) -> dict[str, Any]:
        return {"accepted": len(list(accepted)), "lost": lost}


def play(script: Script, *, recipe: Echo | None = None, **strict: Any) -> Generated:
    """Works on the one slot."""
    line = Line(script, ledger=script.ledger)
    makers = Makers(Teacher(line, "openai/far"), Evaluator(line, "openai/far"), recipe or Echo(), **strict)
    return asyncio.run(generate(build(), SLOT, makers))


def said(text: str) -> str:
    return json.dumps({"said": text})


def rating(fit: float, critique: str = "") -> str:
    return json.dumps({"critique": critique, "fit": fit})


def test_the_drawing_is_the_golden_one() -> None:
    drawn = build().get_graph().draw_mermaid()
    assert drawn == (Path(__file__).parent / "generate.mmd").read_text()


def test_what_is_right_at_once_is_accepted() -> None:
    script = Script({"propose": [said("A kiln.")], "rate": [rating(0.9)]})
    made = play(script)
    assert made.outcome is Made.ACCEPTED
    assert made.draft is not None
    assert made.draft.example == {"said": "A kiln."}
    assert [(t.number, t.score) for t in made.turns] == [(1, 0.9)]


def test_what_breaks_a_rule_goes_back_with_the_complaint_and_nobody_is_paid_to_rate_it() -> None:
    script = Script({"propose": [said("A stove."), said("A kiln.")], "rate": [rating(0.9)]})
    made = play(script)
    assert made.outcome is Made.ACCEPTED
    assert len(script.asked("rate")) == 1
    assert "The word kiln is missing." in script.asked("propose")[1].text
    assert made.turns[0].complaints == ["The word kiln is missing."]


def test_what_can_not_be_read_goes_back_with_what_was_expected() -> None:
    script = Script({"propose": ["A kiln, of course!", said("A kiln.")], "rate": [rating(1.0)]})
    made = play(script)
    assert made.outcome is Made.ACCEPTED
    assert made.turns[0].draft is None
    assert 'Write {"said": "..."}.' in script.asked("propose")[1].text


def test_what_the_rubric_finds_poor_goes_back_with_its_words() -> None:
    script = Script(
        {"propose": [said("A kiln."), said("The kiln glows.")], "rate": [rating(0.2, "Dull."), rating(0.7)]}
    )
    made = play(script)
    assert made.outcome is Made.ACCEPTED
    assert "Dull." in script.asked("propose")[1].text
    assert [t.score for t in made.turns] == [0.2, 0.7]


@pytest.mark.parametrize(
    ("replies", "rates", "reason"),
    [
        (["x", "y"], [], 'Write {"said": "..."}.'),
        ([said("A stove."), said("A grate.")], [], "The word kiln is missing."),
        ([said("A kiln."), said("Kilns: a kiln.")], [rating(0.1, "Dull."), rating(0.3, "Flat.")], "0.3: Flat."),
    ],
)
def test_out_of_attempts_it_is_dropped_with_the_last_complaint(
    replies: list[str], rates: list[str], reason: str
) -> None:
    script = Script({"propose": replies, "rate": rates})
    made = play(script, max_attempts=2)
    assert made.outcome is Made.DROPPED
    assert reason in made.reason
    assert made.draft is None
    assert len(made.turns) == 2


def test_an_unreadable_rating_is_a_failed_one() -> None:
    script = Script({"propose": [said("A kiln.")], "rate": ["good!"]})
    made = play(script, max_attempts=1)
    assert made.outcome is Made.DROPPED
    assert made.turns[0].score == 0.0


def test_without_a_rubric_the_rules_decide() -> None:
    script = Script({"propose": [said("A kiln.")]})
    made = play(script, recipe=Echo(rated=False))
    assert made.outcome is Made.ACCEPTED
    assert made.turns[0].score is None


def test_the_callers_temperature_is_taken() -> None:
    script = Script({"propose": [said("A kiln.")]})
    play(script, recipe=Echo(rated=False), temperature=0.9)
    assert script.heard[0].request.temperature == 0.9
    script = Script({"propose": [said("x"), said("A kiln.")]})
    play(script, recipe=Echo(rated=False))
    sampling = SAMPLING["coach_solve"]
    assert [h.request.temperature for h in script.heard] == [sampling.temperature, sampling.later]
