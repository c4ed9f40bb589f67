"""Who decides what: exact rules where they can, a judge for the rest, and nobody twice."""

from __future__ import annotations

import asyncio

import pytest

from agents.question import AnswerKind, Question, Turn
from graphs.judging import assess, incumbent, verified
from graphs.records import Round, Task
from graphs.state import Rules
from tests.support.script import Script, verdict

STEPS = "Both baskets are counted.\nThey hold 3 + 4 = 7 pears."


def task(reference: str = "7", kind: AnswerKind = "number", thinking: str = "") -> Task:
    asked = "One basket holds 3 pears, another one holds 4. What do they hold?"
    question = Question(turns=(Turn(role="user", content=asked),), answer_kind=kind)
    return Task(mode="solve", question=question, reference=reference, thinking=thinking)


TEXT = task("two heaps of ripe pears", "text")


def judge(script: Script, turn: Round, of: Task | None = None) -> Round:
    return asyncio.run(assess(of or task(), turn, script.cast()))


def test_a_number_that_is_known_to_be_wrong_is_judged_by_nobody() -> None:
    script = Script({})
    turn = judge(script, Round(number=1, thinking=STEPS, answer="8"))
    assert (turn.right, turn.known, turn.score, turn.critique) == (False, True, 0.0, "The answer is wrong.")
    assert judge(script, Round(number=1, thinking=STEPS)).critique == "No answer was given."
    assert script.order == []


def test_a_known_right_number_stays_right_whatever_the_judge_says() -> None:
    script = Script({"judge": [verdict(0.8, right=False)]})
    turn = judge(script, Round(number=1, thinking=STEPS, answer="7.0"))
    assert (turn.right, turn.known, turn.score) == (True, True, 0.8)
    assert turn.scores == {"facts": 0.8, "steps": 0.8, "reaches": 0.8, "concise": 0.8}
    assert "It is already established that the answer is right" in script.heard[0].text


@pytest.mark.parametrize("right", [True, False])
def test_free_text_is_the_judges(right: bool) -> None:
    script = Script({"judge": [verdict(0.8, right=right)]})
    turn = judge(script, Round(number=1, thinking="They hold heaps.", answer="two piles of them"), TEXT)
    assert (turn.right, turn.known) == (right, False)


def test_an_unreadable_verdict_leaves_free_text_undecided() -> None:
    turn = judge(Script({"judge": ["Hm."]}), Round(number=1, thinking="They hold heaps.", answer="two piles"), TEXT)
    assert (turn.right, turn.known, turn.score) == (None, False, 0.0)


def test_complaints_are_told_once() -> None:
    turn = judge(Script({"judge": [verdict()]}), Round(number=1, thinking="", answer="7"))
    assert len(turn.complaints) == len(set(turn.complaints))
    assert turn.complaints


def held(script: Script, of: Task, samples: int = 1) -> bool:
    return asyncio.run(verified(of, STEPS, script.cast(Rules(verify_samples=samples)), 2))


def test_numbers_are_verified_without_a_judge() -> None:
    script = Script({"verify": ["So it ends.\nAnswer: 7"]})
    assert held(script, task())
    assert script.order == ["verify"]


@pytest.mark.parametrize(("said", "holds"), [(verdict(), True), (verdict(right=False), False), ("Hm.", False)])
def test_free_text_is_verified_by_the_judge(said: str, holds: bool) -> None:
    script = Script({"verify": ["So it ends.\nAnswer: two piles of them"], "judge": [said]})
    assert held(script, TEXT) is holds
    (step, *_) = (place.step for place, _ in script.ledger.seen if place.role == "evaluator")
    assert step == "verify_judge"


def test_the_first_sample_that_fails_ends_it() -> None:
    script = Script({"verify": ["Answer: 7", "Answer: 8", "Answer: 7"]})
    assert not held(script, task(), samples=5)
    assert script.order == ["verify", "verify"]


def test_every_sample_has_a_place_of_its_own() -> None:
    script = Script({"verify": ["Answer: two piles of them"], "judge": [verdict()]})
    assert held(script, TEXT, samples=3)
    places = [(p.step, p.round, p.attempt) for p, _ in script.ledger.seen]
    assert places == [(step, 2, n) for n in (1, 2, 3) for step in ("verify", "verify_judge")]


def old(script: Script, thinking: str) -> Round | None:
    winner = Round(number=3, thinking=STEPS, answer="7", right=True, verified=True, score=0.9)
    return asyncio.run(incumbent(task(thinking=thinking), winner, script.cast()))


def test_the_thinking_a_row_came_with_is_measured_like_any_other() -> None:
    script = Script({"verify": ["Answer: 7"], "judge": [verdict(0.5)]})
    found = old(script, STEPS)
    assert found is not None
    assert (found.verified, found.score, found.thinking) == (True, 0.5, STEPS)
    assert [(p.step, p.round) for p, _ in script.ledger.seen] == [("incumbent", 3), ("incumbent_judge", 3)]


def test_one_that_breaks_the_rules_or_does_not_hold_does_not_compete() -> None:
    assert old(script := Script({}), "Thinking: they hold 7.") is None
    assert script.order == []
    assert old(Script({"verify": ["Answer: 8"]}), STEPS) is None
