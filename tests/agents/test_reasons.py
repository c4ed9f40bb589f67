"""Reasons that do not fit what they are given for fail the rule-based judge, which says what would."""

import pytest

from agents.offline import speak
from agents.prompting import render
from agents.question import Question, Turn
from agents.verdict import Verdict

STATE = "- Boot mode: UEFI\n- Network: Disconnected\n- Disks: /dev/sda (500G)\n- Hostname: not set"
NETWORK = 'The state says "Network: Disconnected", so it has to be tested.'
TWO = "Which of the two, /dev/sda or /dev/sdb?"
LAST = "Using ping shows whether the network answers."


def _judged(asked: str, response: str, *lines: str) -> Verdict:
    question = Question(turns=(Turn(role="user", content=asked),), context=STATE)
    prompt = render("judge_rationalise", question=question, response=response, thinking="\n".join(lines), rules=[])
    return Verdict.model_validate_json(speak.reply("offline/evaluator", prompt.messages()))


@pytest.mark.parametrize(
    ("asked", "response", "lines"),
    [
        ("is it online?", "ping -c 3 example.org", (NETWORK, "Using ping, since it shows whether a network answers.")),
        ("is it online?", "ping -c 3 example.org", (NETWORK, "Using ping: it sends test packets.")),
        ("call it h", "hostnamectl set-hostname h", ('The state says "Hostname: not set".', "Using hostnamectl.")),
        ("go on", "frobnicate", ('The state says "Hostname: not set".', "Using frobnicate, since it fits.")),
        ("format the disk", TWO, ('The state says "Disks: /dev/sda (500G)".', "Asking which disk, since it is wiped.")),
    ],
)  # fmt: skip
def test_reasons_that_fit_pass(asked: str, response: str, lines: tuple[str, ...]) -> None:
    verdict = _judged(asked, response, "User wants that.", *lines)
    assert verdict.right, verdict.critique


@pytest.mark.parametrize(
    ("asked", "response", "line", "told"),
    [
        (
            "is it online?",
            "ping -c 3 example.org",
            'The state says "Disks: /dev/sda (500G)", so it has to be pinged.',
            '"Disks: /dev/sda (500G)" has nothing to do with ping',
        ),
        ("is it online?", "ping -c 3 example.org", "Using ping, since it is a service.", "ping sends test packets"),
        (
            "format the disk",
            TWO,
            'Asking which disk.\nThe state says "Boot mode: UEFI", so it is a boot mode.',
            '"Boot mode: UEFI" has nothing to do with the response',
        ),
        ("format the disk", TWO, "User is asked to format a disk.", "it is the user who asks"),
        ("format the disk", TWO, "Asking which disk, which is a command.", "The response is words"),
    ],
)
def test_reasons_beside_the_matter_fail_and_the_critique_says_what_would_fit(
    asked: str, response: str, line: str, told: str
) -> None:
    verdict = _judged(asked, response, "User wants that.", line, LAST)
    assert not verdict.right
    assert told in verdict.critique


DEEP = (
    "Jacques Piccard and Don Walsh were the first to reach its bottom, in 1960. "
    "More than fifty years later James Cameron went down alone, in March 2012."
)


@pytest.mark.parametrize(
    ("thinking", "holds"),
    [
        ("The text says that James Cameron went down alone, in March 2012.", True),
        ("The text says that Jacques Piccard and Don Walsh were the first.", True),
        ("The text says that it was first reached by James Cameron in March 2012.", False),
    ],
)
def test_what_the_source_says_is_said_in_one_place(thinking: str, holds: bool) -> None:
    question = Question(turns=(Turn(role="user", content="Who was the first to go down alone?"),), context=DEEP)
    seen = {"thinking": thinking, "answer": "James Cameron", "reference": "James Cameron"}
    prompt = render("judge_solve", question=question, known=True, **seen)
    verdict = Verdict.model_validate_json(speak.reply("offline/evaluator", prompt.messages()))
    assert (verdict.mean >= 0.6) is holds
    assert ("No one place of the source says" in verdict.critique) is not holds
