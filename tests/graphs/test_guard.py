"""What gives an answer away, and what does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agents.question import Question, Turn
from graphs.rules.guard import aha_taken_up, hint_leaks, honest_turns, sentences, thinking_complaints

SOLUTIONS = Path(__file__).parents[3] / "shared/data/gsm8k_solutions.jsonl"


def ask(request: str, context: str = "") -> Question:
    return Question(turns=(Turn(role="user", content=request),), context=context)


FERRY = ask("A ferry makes 6 trips with 40 guests each. 15 guests pay nothing. How many pay?")
KILN = ask("What heats the kiln?", "The kiln stands in Faro. It is heated by olive wood.")
SATELLITE = ask("What are the main weak points of satellite links?")
BACKUP = ask("Back up the folder srv every night.")
ATTACKS = "signal interception, jamming, and spoofing attacks"
JOB = '{"command": "backup", "path": "/srv", "when": "02:00"}'

LEAKS = [
    ("The result is 225.", "225", FERRY),
    ("It must be $225.00 then", "225", FERRY),
    ("That makes two hundred and twenty-five.", "225", FERRY),
    ("240 - 15 = 225", "225", FERRY),
    ("You should get 1,234 in the end.", "1234", FERRY),
    ("That is 0.5.", "1/2", FERRY),
    ("The answer is 40.", "40", FERRY),
    ("So the final answer should be 40 guests.", "40", FERRY),
    ("Use olive wood.", "olive wood", KILN),
    ("Think of Olive Wood!", "olive wood", KILN),
    ("The answer is no.", "no", KILN),
    ("Name signal interception, jamming and spoofing attacks.", ATTACKS, SATELLITE),
    ("Think of interception, jamming, and spoofing attacks on the way.", ATTACKS, SATELLITE),
    ("They are signal interceptions, jammings and spoofing attack", ATTACKS, SATELLITE),
    (f"Write {JOB}", JOB, BACKUP),
    ("The path is /srv and it runs at 02:00.", JOB, BACKUP),
]
FINE = [
    ("Look at the 15 guests who pay nothing.", "225", FERRY),
    ("Work out 240 - 15.", "225", FERRY),
    ("6 * 40 = 240, then take 15 away.", "225", FERRY),
    ("2250 is too many, 22.5 too few, 1225 is far off.", "225", FERRY),
    ("In step 2 you forgot those who pay nothing.", "2", FERRY),
    ("1. Count the guests.\n2. Take away those who pay nothing.", "2", FERRY),
    ("One of the groups is missing.", "1", FERRY),
    ("Each trip carries 40.", "40", FERRY),
    ("Read what the last sentence says about the heating.", "olive wood", KILN),
    ("Olives and woods grow there.", "olive wood", KILN),
    ("There is no need to look further.", "no", KILN),
    ("Say how a signal can be disturbed and how it can be forged.", ATTACKS, SATELLITE),
    ("Which command saves a folder, and where does it stand?", JOB, BACKUP),
]


@pytest.mark.parametrize(("hint", "reference", "question"), LEAKS)
def test_hints_that_give_the_answer_away(hint: str, reference: str, question: Question) -> None:
    assert hint_leaks(hint, reference, question)


@pytest.mark.parametrize(("hint", "reference", "question"), FINE)
def test_hints_that_do_not(hint: str, reference: str, question: Question) -> None:
    assert hint_leaks(hint, reference, question) is None


@given(st.integers(100, 10**7), st.sampled_from(["so {n}", "it is {n}!", "({n})", "${n:,}", "{n}.00 km", "a={n}"]))
def test_a_number_leaks_in_any_spelling(number: int, spelling: str) -> None:
    assert hint_leaks(spelling.format(n=number), str(number), SATELLITE)


@given(st.integers(100, 10**7), st.integers(100, 10**7))
def test_another_number_does_not_leak(number: int, other: int) -> None:
    assume(number != other)
    assert hint_leaks(f"Take away {other} first.", str(number), SATELLITE) is None


words = st.lists(st.text("abcdefgh", min_size=3, max_size=8), min_size=1, max_size=9).map(" ".join)


@given(words, words, words)
def test_the_answer_itself_always_leaks(answer: str, before: str, after: str) -> None:
    assert hint_leaks(f"{before} {answer}, {after}", answer, SATELLITE)


GOOD = [
    ("6 trips carry 6 * 40 = 240 guests. 15 pay nothing, so 240 - 15 = 225 guests pay.", "225", FERRY),
    ("6 * 40 - 15 = 225 guests pay. That is the number asked for.", "225", FERRY),
    ("The 40 guests of one trip matter. 6 trips carry 240.", "40", FERRY),
    ("225 guests pay because 240 - 15 = 225. That is all.", "225", FERRY),
    ("225 = 240 - 15, since 15 pay nothing. The rest pays.", "225", FERRY),
    ("The text says it is heated by olive wood. So olive wood it is.", "olive wood", KILN),
    ("A link can be overheard. It can be jammed. Both together make jamming and interception.", "jamming", SATELLITE),
    ("The class has a teacher and 3 pupils. So 4 people.", "4", ask("A teacher and 3 pupils, how many people?")),
    ("That gives no further step. No heat is left.", "no", KILN),
]
BAD = [
    ("", "225", FERRY, "empty"),
    (" \n", "225", FERRY, "empty"),
    ("I'm sorry, but I can't help with that.", "225", FERRY, "refuses"),
    ("As an AI, I have no view.", "225", FERRY, "refuses"),
    ("The answer is 225. 6 * 40 = 240. 240 - 15 = 225.", "225", FERRY, "before it derives"),
    ("225 guests pay. That follows from 6 trips.", "225", FERRY, "before it derives"),
    ("The answer is 225.", "225", FERRY, "before it derives"),
    ("Jamming is the point. A link can be disturbed.", "jamming", SATELLITE, "before it derives"),
    ("The answer is yes. It floats.", "yes", KILN, "before it derives"),
    (f"{JOB}\nThe folder is srv.", JOB, BACKUP, "before it derives"),
    ("6 * 40 = 240. The reference answer says 225.", "225", FERRY, "speaks about"),
    ("6 * 40 = 240. The hint says to take 15 away.", "225", FERRY, "speaks about"),
    ("The correct answer is given as 225.", "225", FERRY, "speaks about"),
    ("The teacher wants 225.", "225", FERRY, "speaks about"),
    ("My previous attempt was wrong. 240 - 15 = 225.", "225", FERRY, "speaks about"),
    ("The expected answer needs a difference.", "225", FERRY, "speaks about"),
    (FERRY.request, "225", FERRY, "repeats the question"),
]


@pytest.mark.parametrize(("thinking", "reference", "question"), GOOD)
def test_thinking_without_complaint(thinking: str, reference: str, question: Question) -> None:
    assert thinking_complaints(thinking, reference, question) == []


@pytest.mark.parametrize(("thinking", "reference", "question", "complaint"), BAD)
def test_thinking_with_a_complaint(thinking: str, reference: str, question: Question, complaint: str) -> None:
    assert any(complaint in c for c in thinking_complaints(thinking, reference, question))


@given(st.text(), st.text(), st.text(min_size=1))
def test_no_text_breaks_the_guard(text: str, reference: str, request: str) -> None:
    hint_leaks(text, reference, ask(request))
    thinking_complaints(text, reference, ask(request))
    aha_taken_up(text, [reference])


@pytest.mark.parametrize(
    ("thinking", "hints", "taken_up"),
    [
        ("240 guests.\nAha! 15 of them pay nothing.", ["What about the 15?"], True),
        (
            "240 guests. Aha! Some guests pay nothing at all.",
            ["Who pays nothing on the ferry? Guests, not trips."],
            True,
        ),
        ("Aha! Now I see. The 15 who pay nothing go.", ["Take 15 away."], True),
        ("**Aha!** The weather mattered.", ["Take 15 away."], False),
        ("240 guests. 15 pay nothing.", ["Take 15 away."], False),
        ("Aha! 15 pay nothing.", [], False),
        ("Aha! Spoofing counts too.", ["Spoofing?"], True),
    ],
)
def test_a_turning_point_is_about_a_hint(thinking: str, hints: list[str], taken_up: bool) -> None:
    assert aha_taken_up(thinking, hints) is taken_up


def test_sentences_end_at_stops_and_lines_not_at_decimals() -> None:
    assert sentences("It costs 3.50 euros. Then\nmore! 4 left") == ["It costs 3.50 euros.", "Then", "more!", "4 left"]


@pytest.mark.skipif(not SOLUTIONS.exists(), reason="extra data: the real solutions are not on this machine")
def test_real_solutions_pass_as_thinking_and_their_last_steps_leak() -> None:
    missed, complaints = 0, 0
    for line in SOLUTIONS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        question, answer = ask(row["question"]), row["answer"]
        complaints += bool(thinking_complaints("\n".join(row["steps"]), answer, question))
        known = hint_leaks(f"The number {answer}.", answer, question) is None
        missed += not known and hint_leaks(row["steps"][-1], answer, question) is None
    # One solution of the 300 ends in another number than its answer.
    assert (missed, complaints) == (1, 0)


def test_a_turning_point_that_was_none_is_not_shown() -> None:
    text = "Aha! The album costs 12 euros too, so 15 + 12 = 27."
    assert honest_turns(text, ["What does the album cost?"]) == text
    assert honest_turns(text, ["Count the days of the week."]) == text.removeprefix("Aha! ")
    assert honest_turns(text, []) == text.removeprefix("Aha! ")


def test_no_more_turning_points_stay_than_hints() -> None:
    text = "Aha! The album costs 12 euros. Aha! The album comes on top: 15 + 12 = 27 euros."
    assert honest_turns(text, ["What does the album cost?"]).count("Aha!") == 1
    assert honest_turns(text, ["What does the album cost?", "The album comes on top."]).count("Aha!") == 2
