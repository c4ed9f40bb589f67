"""Where a row stands after its rounds: pure functions, so every rule is a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.question import AnswerKind, Question, Turn
from graphs import progress
from graphs.records import Outcome, Round, Task
from graphs.state import Rules, start


def turn(number: int = 1, answer: str = "", **fields: object) -> Round:
    return Round.model_validate({"number": number, "thinking": f"thought {number}", "answer": answer, **fields})


def task(reference: str = "7", kind: AnswerKind = "number", mode: str = "solve") -> Task:
    question = Question(turns=(Turn(role="user", content="How many?"),), answer_kind=kind)
    return Task.model_validate({"mode": mode, "question": question, "reference": reference})


GOOD = turn(right=True, score=0.8)


@pytest.mark.parametrize(
    ("one", "good"),
    [
        (GOOD, True),
        (turn(right=True, score=0.6), True),
        (turn(right=True, score=0.59), False),
        (turn(right=False, score=1), False),
        (turn(right=None, score=1), False),
        (turn(right=True, score=1, complaints=["It refuses."]), False),
    ],
)
def test_what_is_good_enough_to_be_verified(one: Round, good: bool) -> None:
    assert progress.passes(one, Rules(threshold=0.6)) is good


def test_what_makes_a_round_the_best() -> None:
    """From the worst to the best; each beats all before it, whatever else it has less of."""
    ladder = [
        turn(1, right=False, score=0.1, complaints=["a"]),
        turn(2, right=False, score=0.9, complaints=["a"]),
        turn(3, right=False, score=0.2),
        turn(4, right=True, score=0.1, complaints=["a"]),
        turn(5, right=True, score=0.0),
        turn(6, right=True, score=0.3, verified=False),
        turn(7, right=True, score=0.2, verified=True),
    ]
    for n in range(1, len(ladder) + 1):
        assert progress.best(ladder[:n]) == ladder[n - 1]
        assert progress.best(ladder[:n][::-1]) == ladder[n - 1]


def test_among_equals_the_one_with_less_help_counts() -> None:
    assert progress.best([turn(1, right=True, score=0.8), turn(2, right=True, score=0.8)]).number == 1


ANSWERS = ["3", "4", "5", "3.0", "three", ""]
ROUNDS = st.lists(
    st.builds(
        turn,
        answer=st.sampled_from(ANSWERS),
        right=st.sampled_from([True, False, None]),
        score=st.sampled_from([0.0, 0.5, 0.9]),
        verified=st.sampled_from([None, False]),
        complaints=st.sampled_from([[], ["It refuses."]]),
    ),
    min_size=1,
    max_size=8,
)


@given(ROUNDS)
def test_the_best_round_is_never_beaten(rounds: list[Round]) -> None:
    top = progress.best(rounds)
    assert all(progress.rank(one) <= progress.rank(top) for one in rounds)
    assert progress.best([*rounds, *rounds]) is top


@given(ROUNDS, st.integers(1, 9))
def test_a_row_is_given_up_for_one_reason(rounds: list[Round], most: int) -> None:
    ended = progress.verdict(rounds, Rules(max_iterations=most))
    still = [progress.gained(rounds[:n]) for n in range(1, len(rounds) + 1)]
    patience = max(2, most // 2)
    stuck = len(rounds) > patience and not any(still[-patience:])
    assert ended == (Outcome.STALLED if stuck else Outcome.EXHAUSTED if len(rounds) >= most else None)


@pytest.mark.parametrize(
    ("rounds", "gain"),
    [
        ([turn(1, "3")], True),
        ([turn(1, "3"), turn(2, "3")], False),
        ([turn(1, "3"), turn(2, "3.0")], False),  # the same number in another spelling
        ([turn(1, "3"), turn(2, "4")], True),
        ([turn(1, "3"), turn(2, "4"), turn(3, "3")], False),
        ([turn(1, "3"), turn(2, "")], False),
        ([turn(1, "7", right=True, score=0.3), turn(2, "7", right=True, score=0.4)], True),
        ([turn(1, "7", right=True, score=0.3), turn(2, "7", right=True, score=0.3)], False),
        ([turn(1, "7", right=True, score=0.3), turn(2, "5")], True),  # it still changes its mind
    ],
)
def test_what_counts_as_a_gain(rounds: list[Round], gain: bool) -> None:
    assert progress.gained(rounds) is gain


@pytest.mark.parametrize(
    ("thinking", "reference", "kind", "there"),
    [
        ("Three and four.\nThat makes 3 + 4 = 7.", "7", "number", True),
        ("That makes 7 in all.\nGood.", "7", "number", False),
        ("It costs 1,250.00 in all.", "1250", "number", True),
        ("It is 70 in all.", "7", "number", False),
        ("The kiln is heated by olive wood.", "olive wood", "text", True),
        ("The kiln is heated by oak.", "olive wood", "text", False),
        ("", "7", "number", False),
    ],
)
def test_whether_a_thinking_arrives(thinking: str, reference: str, kind: AnswerKind, there: bool) -> None:
    assert progress.reaches(thinking, task(reference, kind)) is there


def test_in_rationalise_mode_any_thinking_arrives() -> None:
    assert progress.reaches("User wants to see the disks.", task("lsblk", "text", "rationalise"))


ARRIVES = "Three and four make 7."


@pytest.mark.parametrize(
    ("new", "old", "better"),
    [
        ({"score": 0.9}, {"score": 0.8}, True),
        ({"score": 0.8}, {"score": 0.8}, False),
        ({"score": 0.7}, {"score": 0.8}, False),
        ({"score": 0.1}, {"score": 0.9, "thinking": "Count."}, True),
        ({"score": 0.1}, {"score": 0.9, "complaints": ["It refuses."]}, True),
        ({"score": 0.9}, {"score": 0.1, "verified": None, "thinking": "Count."}, True),
        ({"score": 0.9, "verified": None}, {"score": 0.1}, False),
    ],
)
def test_what_beats_the_thinking_a_row_came_with(new: dict[str, object], old: dict[str, object], better: bool) -> None:
    common = {"thinking": ARRIVES, "verified": True, "right": True}
    assert progress.beats(turn(**{**common, **new}), turn(**{**common, **old}), task()) is better  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (
            turn(right=True, score=0.9, verified=False),
            "a fresh attempt from the thinking alone does not reach the answer",
        ),
        (turn(answer="7", right=True, complaints=["It refuses.", "It is long."]), "It refuses."),
        (turn(answer="3", right=False), "the answer '3' is not the known one"),
        (turn(answer="", right=False), "no answer was reached"),
        (turn(answer="7", right=True, score=0.4, critique="Too thin."), "the score of 0.40 is too low: Too thin."),
    ],
)
def test_a_person_is_told_what_was_missing(last: Round, said: str) -> None:
    assert progress.why_stopped(Outcome.EXHAUSTED, task(), [last], Rules()) == f"no round left; {said}"
    assert progress.why_stopped(Outcome.STALLED, task(), [last], Rules()) == f"2 rounds without gain; {said}"


def test_a_loop_without_an_outcome_has_no_result() -> None:
    with pytest.raises(AssertionError, match="without an outcome"):
        progress.result(start(task()))
