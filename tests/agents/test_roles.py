"""What each role is given, and what is made of its reply."""

from __future__ import annotations

import pytest

from agents.evaluator import Evaluator
from agents.line import Line, Place
from agents.question import Question, Turn
from agents.sampling import SAMPLING
from agents.student import Student
from agents.teacher import Teacher
from agents.wire import Reply, Request
from tests.support.script import Script, verdict

ASKED = Question(turns=(Turn(role="user", content="How many pears are there?"),), answer_kind="number")
SAID = "Three and four make 7.\nAnswer: 7"


def student(script: Script) -> Student:
    return Student(Line(script, ledger=script.ledger), "openai/far")


async def test_an_attempt_is_taken_apart_into_thinking_and_answer() -> None:
    attempt = await student(Script({"attempt": [SAID]})).attempt(ASKED, "", [], "iterative", 1)
    assert (attempt.thinking, attempt.answer) == ("Three and four make 7.", "7")


async def test_hidden_reasoning_stands_in_for_a_thinking_that_was_not_written() -> None:
    class Reasoning(Script):
        async def complete(self, request: Request, budget: object) -> Reply:  # noqa: ARG002
            return Reply("Answer: 7", reasoning=" Three and four make 7. ")

    attempt = await student(Reasoning({})).attempt(ASKED, "", [], "iterative", 1)
    assert (attempt.thinking, attempt.answer) == ("Three and four make 7.", "7")


@pytest.mark.parametrize("round_", [1, 2, 3])
async def test_a_later_attempt_is_sampled_warmer(round_: int) -> None:
    script = Script({"attempt": [SAID]})
    await student(script).attempt(ASKED, "", [], "iterative", round_)
    sampling = SAMPLING["attempt_solve"]
    assert script.heard[0].request.temperature == (sampling.temperature if round_ == 1 else sampling.later)
    assert sampling.temperature < sampling.later
    assert script.heard[0].request.max_tokens == sampling.max_tokens


async def test_hints_come_oldest_first() -> None:
    script = Script({"attempt": [SAID]})
    await student(script).attempt(ASKED, "Count.", ["first hint", "second hint"], "iterative", 3)
    text = script.heard[0].text
    assert text.index("<notes>\nCount.\n</notes>") < text.index("first hint") < text.index("second hint")


async def test_every_call_has_its_place() -> None:
    script = Script(
        {
            "attempt": [SAID],
            "verify": [SAID],
            "coach": ["Hint: Look."],
            "judge": [verdict()],
            "consolidate": ["So it is 7."],
            "explain": ["User wants pears."],
            "respond": ["Answer: ls"],
            "coach_thinking": ["Hint: Look."],
            "judge_thinking": [verdict()],
        }
    )
    line = Line(script, ledger=script.ledger)
    learner, teacher, evaluator = Student(line, "s"), Teacher(line, "t"), Evaluator(line, "e")
    await learner.attempt(ASKED, "", [], "iterative", 2)
    await learner.verify(ASKED, "t", 2, 3)
    await learner.rationalise(ASKED, "ls", "command", "", [], [], "iterative", 1)
    await learner.respond(ASKED, "command", "t", 1, 2)
    await teacher.hint(ASKED, "7", "t", "3", right=False, critique="", hints=[], round_=2, attempt=2)
    await teacher.hint_for_thinking(ASKED, "ls", "t", critique="", hints=[], rules=[], round_=1, attempt=1)
    await teacher.consolidate(ASKED, "t", 3)
    await evaluator.judge(ASKED, "7", "t", "7", known=True, round_=2)
    await evaluator.judge_thinking(ASKED, "ls", "t", [], round_=1)
    assert [place for place, _ in script.ledger.seen] == [
        Place("student", "attempt", 2),
        Place("student", "verify", 2, 3),
        Place("student", "attempt", 1),
        Place("student", "verify", 1, 2),
        Place("teacher", "coach", 2, 2),
        Place("teacher", "coach", 1, 1),
        Place("teacher", "consolidate", 3),
        Place("evaluator", "judge", 2),
        Place("evaluator", "judge", 1),
    ]
    assert [one.request.model for one in script.heard] == ["s"] * 4 + ["t"] * 3 + ["e"] * 2


async def test_the_judge_is_asked_cold_and_for_a_verdict() -> None:
    script = Script({"judge": [verdict(0.7, right=False, critique="It is thin.")]})
    said = await Evaluator(Line(script), "e").judge(ASKED, "7", "t", "8", known=None, round_=1)
    assert (said.right, said.mean, said.critique) == (False, 0.7, "It is thin.")
    request = script.heard[0].request
    assert request.temperature == 0.0
    assert request.schema is not None
    assert request.schema["title"] == "Verdict"
