"""Every path through the loop, told by a scripted cast; and the drawing of it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import RefusedCall
from agents.question import Question, Turn
from graphs.enhance import build, enhance
from graphs.records import CONVERGED, Outcome, Result, Task
from graphs.state import Rules
from tests.support.script import Said, Script, verdict

GOLDEN = Path(__file__).parent / "enhance.mmd"
GRAPH = build()

HINT = "Hint: Count the pears of the second basket too."
STEPS = "The first basket holds 3 pears.\nBoth baskets together hold 3 + 4 = 7 pears."
RIGHT = f"{STEPS}\nAnswer: 7"
HELD = "Both baskets hold 7 pears.\nAnswer: 7"
LOST = "There is one basket.\nAnswer: 3"


def wrong(answer: int) -> str:
    return f"The first basket holds {answer} pears.\nAnswer: {answer}"


def pears(reference: str = "7", thinking: str = "") -> Task:
    asked = "One basket holds 3 pears, another one holds 4. How many pears are there?"
    question = Question(turns=(Turn(role="user", content=asked),), answer_kind="number")
    return Task(mode="solve", question=question, reference=reference, thinking=thinking)


def rescued(**changes: list[Said]) -> Script:
    """A row that is wrong first and right after one hint, but for the changes."""
    usual: dict[str, list[Said]] = {
        "attempt": [wrong(3), RIGHT],
        "coach": [HINT],
        "judge": [verdict()],
        "verify": [HELD],
    }
    return Script(usual | changes)


def play(script: Script, task: Task | None = None, rules: Rules | None = None) -> Result:
    return asyncio.run(enhance(GRAPH, task or pears(), script.cast(rules)))


def test_the_drawing_is_the_one_we_know() -> None:
    """UPDATE_GOLDEN=1 writes it anew. It stands in the README."""
    drawing = GRAPH.get_graph().draw_mermaid()
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(drawing)
    assert drawing == GOLDEN.read_text()


# ---------------------------------------------------------------- outcomes
def test_right_at_once_and_held_is_converged_first_try() -> None:
    script = Script({"attempt": [RIGHT], "judge": [verdict()], "verify": [HELD]})
    result = play(script)
    assert result.outcome is Outcome.CONVERGED_FIRST_TRY
    assert (result.thinking, result.enhanced, result.best_round) == (STEPS, True, 1)
    assert result.rounds[0].verified
    assert script.order == ["attempt", "judge", "verify"]


def test_right_after_a_hint_is_converged() -> None:
    script = rescued()
    result = play(script)
    assert result.outcome is Outcome.CONVERGED
    assert (result.thinking, result.best_round, len(result.rounds)) == (STEPS, 2, 2)
    # A known wrong answer is judged by nobody.
    assert script.order == ["attempt", "coach", "attempt", "judge", "verify"]
    first, second = script.asked("attempt")
    assert "<hint>" not in first.text
    assert "<hint>\nCount the pears of the second basket too.\n</hint>" in second.text


def test_the_same_wrong_answer_again_and_again_is_stalled() -> None:
    patient = play(Script({"attempt": [wrong(3)], "coach": [HINT]}), rules=Rules(max_iterations=9))
    assert (patient.outcome, len(patient.rounds)) == (Outcome.STALLED, 5)  # nine rounds allow for stronger hints
    result = play(Script({"attempt": [wrong(3)], "coach": [HINT]}), rules=Rules(max_iterations=5))
    assert result.outcome is Outcome.STALLED
    assert len(result.rounds) == 3
    assert result.reason == "2 rounds without gain; the answer '3' is not the known one"
    assert (result.thinking, result.enhanced, result.best_round) == ("", False, 0)


def test_a_student_that_still_changes_its_mind_uses_up_its_rounds() -> None:
    result = play(Script({"attempt": [wrong(n) for n in (3, 4, 5, 6)], "coach": [HINT]}), rules=Rules(max_iterations=4))
    assert result.outcome is Outcome.EXHAUSTED
    assert len(result.rounds) == 4
    assert result.reason == "no round left; the answer '6' is not the known one"
    assert result.rounds[-1].hint == ""  # nobody would have read it


def test_a_row_whose_source_is_missing_says_so() -> None:
    turns = (Turn(role="system", content="Document: Rivers. Section: 3"), Turn(role="user", content="Who built it?"))
    task = Task(mode="solve", question=Question(turns=turns), reference="a guild of masons from the valley")
    script = Script(
        {"attempt": ["Some people did.\nAnswer: nobody knows"], "coach": [HINT], "judge": [verdict(0.2, right=False)]}
    )
    result = play(script, task)
    assert result.outcome is Outcome.STALLED
    assert "holds no text of it" in result.reason
    assert "context" in result.reason


@pytest.mark.parametrize("part", ["attempt", "judge", "coach", "verify"])
def test_a_model_that_can_not_be_asked_is_told_to_who_runs_the_loop(part: str) -> None:
    lines: dict[str, list[Said]] = {
        "attempt": [wrong(3), RIGHT],
        "coach": [HINT],
        "judge": [verdict()],
        "verify": [HELD],
    }
    lines[part] = [RefusedCall("too long")]
    with pytest.raises(RefusedCall):
        play(Script(lines))


@pytest.mark.parametrize("rounds", [1, 20])
def test_as_many_rounds_as_asked_for(rounds: int) -> None:
    script = Script({"attempt": [wrong(n) for n in range(10, 40)], "coach": [HINT]})
    result = play(script, rules=Rules(max_iterations=rounds))
    assert result.outcome is Outcome.EXHAUSTED
    assert [r.number for r in result.rounds] == list(range(1, rounds + 1))


# ---------------------------------------------------------------- what the student sees
def test_a_swapped_reference_changes_nothing_in_the_first_attempt() -> None:
    prints = set()
    for reference in ("7", "8", "1234567"):
        script = Script({"attempt": [wrong(3)], "coach": [HINT]})
        play(script, pears(reference, thinking="Count them."))
        prints.add(script.asked("attempt")[0].request.fingerprint())
    assert len(prints) == 1


def test_no_request_to_the_student_holds_the_reference() -> None:
    task = pears("90210", thinking="Count them.")
    script = Script({"attempt": [wrong(n) for n in (3, 4, 5)], "coach": [HINT], "verify": [LOST]})
    play(script, task)
    assert len(script.asked("attempt")) == 3
    for one in script.heard:
        assert ("90210" in one.text) == (one.part in ("coach", "judge"))


def test_verification_holds_the_thinking_and_no_hint() -> None:
    script = rescued()
    play(script)
    (asked,) = script.asked("verify")
    assert f"<notes>\n{STEPS}\n</notes>" in asked.text
    assert "<hint>" not in asked.text
    assert "second basket too" not in asked.text
    assert "<reference>" not in asked.text


# ---------------------------------------------------------------- the leak guard
def test_a_hint_with_the_answer_is_asked_for_again() -> None:
    script = Script(
        {
            "attempt": [wrong(3), RIGHT],
            "coach": ["Hint: The answer is 7.", HINT],
            "judge": [verdict()],
            "verify": [HELD],
        }
    )
    result = play(script)
    assert result.outcome is Outcome.CONVERGED
    first, second = script.asked("coach")
    assert "Say it without that." in second.text
    assert "Say it without that." not in first.text
    assert result.rounds[0].hint == "Count the pears of the second basket too."


def test_a_teacher_that_can_not_keep_it_back_is_replaced_by_the_task_itself() -> None:
    script = Script(
        {"attempt": [wrong(3), RIGHT], "coach": ["Hint: It makes 7."], "judge": [verdict()], "verify": [HELD]}
    )
    result = play(script)
    assert len(script.asked("coach")) == 2
    assert result.rounds[0].hint == (
        'Read the end of the task once more: "How many pears are there?" Is that what you worked out?'
    )
    assert "makes 7" not in script.asked("attempt")[1].text


SLIP = "Work out 3 + 4 once more: it does not come to 8."


def test_a_wrong_sum_is_told_to_the_student_whatever_the_teacher_says() -> None:
    script = rescued(attempt=["That is 3 + 4 = 8 pears.\nAnswer: 8", RIGHT])
    result = play(script)
    assert result.outcome is Outcome.CONVERGED
    assert result.rounds[0].complaints == ['"3 + 4 = 8" does not come out: work it out again.']
    assert result.rounds[0].hint == "Count the pears of the second basket too."
    told = script.asked("attempt")[1].text
    assert f"<hint>\n{SLIP}\n</hint>\n<hint>\nCount the pears" in told


def test_a_wrong_sum_is_told_once_and_where_the_teacher_has_no_hint() -> None:
    wrong_sum = "That is 3 + 4 = 8 pears.\nAnswer: 8"
    script = rescued(attempt=[wrong_sum, wrong(5), RIGHT], coach=["", HINT])
    assert play(script).outcome is Outcome.CONVERGED
    assert [asked.text.count(SLIP) for asked in script.asked("attempt")] == [0, 1, 0]


def test_a_wrong_sum_that_holds_the_answer_is_not_told() -> None:
    script = rescued(attempt=["That is 7 + 1 = 9 pears.\nAnswer: 9", RIGHT])
    assert play(script).rounds[0].complaints
    assert "once more" not in script.asked("attempt")[1].text


def test_a_thinking_with_a_wrong_sum_is_no_success_though_its_answer_is_right() -> None:
    result = play(rescued(attempt=["One basket is 2 + 2 = 3 pears.\nBoth hold 3 + 4 = 7 pears.\nAnswer: 7", RIGHT]))
    assert (result.outcome, result.best_round) == (Outcome.CONVERGED, 2)


def test_a_thinking_that_knows_the_answer_before_deriving_it_is_no_success() -> None:
    told = "The answer is 7.\nThe baskets hold 3 and 4 pears.\nAnswer: 7"
    script = rescued(attempt=[told, RIGHT])
    result = play(script)
    assert result.outcome is Outcome.CONVERGED
    assert result.rounds[0].complaints == ["The thinking states the answer before it derives it."]
    assert "states the answer before" in script.asked("coach")[0].text


# ---------------------------------------------------------------- verification
def test_thinking_that_does_not_hold_by_itself_goes_back_to_the_teacher() -> None:
    script = rescued(attempt=[RIGHT], verify=[LOST, HELD])
    result = play(script)
    assert result.outcome is Outcome.CONVERGED
    assert [r.verified for r in result.rounds] == [False, True]
    assert "From the thinking alone a reader does not reach the answer." in script.asked("coach")[0].text


def test_every_sample_has_to_hold() -> None:
    rules = Rules(verify_samples=3, max_iterations=2)
    script = rescued(attempt=[RIGHT], verify=[HELD, LOST, HELD])
    result = play(script, rules=rules)
    # The second one failed the first round; the other round had three of its own.
    assert script.order == ["attempt", "judge", "verify", "verify", "coach", "attempt", "judge", *["verify"] * 3]
    assert result.outcome is Outcome.CONVERGED
    heats = [one.request.temperature for one in script.asked("verify")][2:]
    assert heats[0] == 0.0 < heats[1] == heats[2]


def test_the_threshold_decides_what_is_good_enough() -> None:
    script = rescued(attempt=[RIGHT], judge=[verdict(0.7)])
    assert play(script, rules=Rules(threshold=0.7)).outcome is Outcome.CONVERGED_FIRST_TRY
    script = rescued(attempt=[RIGHT], judge=[verdict(0.7)])
    result = play(script, rules=Rules(threshold=0.71))
    assert result.outcome is Outcome.STALLED
    assert result.best_round == 1
    assert "the score of 0.70 is too low: Clear enough." in result.reason
    assert "The student's answer is right" in script.asked("coach")[0].text


def test_a_judge_that_can_not_be_understood_gives_no_middling_score() -> None:
    script = Script(
        {"attempt": [RIGHT], "coach": [HINT], "judge": ["Quite good!", "Really!", verdict()], "verify": [HELD]}
    )
    result = play(script)
    assert result.outcome is Outcome.CONVERGED
    failed = result.rounds[0]
    assert (failed.score, failed.scores) == (0.0, {})
    assert "no readable verdict" in failed.critique


# ---------------------------------------------------------------- what is kept
def test_the_best_round_is_known_where_the_last_one_is_worse() -> None:
    script = rescued(attempt=[wrong(3), RIGHT, wrong(5)], verify=[LOST])
    result = play(script, pears(thinking="Count them."))
    assert result.outcome is Outcome.EXHAUSTED
    assert result.best_round == 2
    assert (result.thinking, result.enhanced) == ("Count them.", False)


def test_after_a_right_round_it_is_that_one_that_is_shown_again() -> None:
    script = Script({"attempt": [RIGHT, wrong(5), wrong(6)], "coach": [HINT], "judge": [verdict(0.3)]})
    play(script)
    shown = [f"<notes>\n{STEPS}\n</notes>" in one.text for one in script.asked("attempt")]
    assert shown == [False, True, True]


OLD = "Three pears and four pears are counted.\nThat makes 3 + 4 = 7."


def test_the_thinking_a_row_came_with_stays_where_it_is_as_good() -> None:
    script = Script({"attempt": [RIGHT], "judge": [verdict()], "verify": [HELD]})
    result = play(script, pears(thinking=OLD))
    assert result.outcome is Outcome.CONVERGED_FIRST_TRY
    assert (result.thinking, result.enhanced) == (OLD, False)
    assert result.reason == "the thinking the row came with holds as well, so it stays"
    assert f"<notes>\n{OLD}\n</notes>" in script.asked("verify")[1].text


@pytest.mark.parametrize(
    ("old", "judged", "held"),
    [
        (OLD, [verdict(0.9), verdict(0.7)], [HELD]),  # the new one scores higher
        (OLD, [verdict()], [HELD, LOST]),  # from the old one nobody reaches the answer
        ("The answer is 7.", [verdict()], [HELD]),  # the old one breaks the rules
        ("Just count all of the pears.", [verdict()], [HELD]),  # the old one does not arrive at the answer
    ],
)
def test_a_better_thinking_takes_its_place(old: str, judged: list[Said], held: list[Said]) -> None:
    result = play(Script({"attempt": [RIGHT], "judge": judged, "verify": held}), pears(thinking=old))
    assert (result.thinking, result.enhanced) == (STEPS, True)


CLEAN = "The baskets hold 3 and 4 pears, so there are 3 + 4 = 7 pears."


def test_a_consolidated_thinking_is_verified_again() -> None:
    script = Script({"attempt": [RIGHT], "judge": [verdict()], "verify": [HELD], "consolidate": [CLEAN]})
    result = play(script, rules=Rules(thinking_format="consolidated"))
    assert result.thinking == CLEAN
    assert script.order == ["attempt", "judge", "verify", "consolidate", "verify"]
    assert f"<notes>\n{CLEAN}\n</notes>" in script.asked("verify")[1].text


@pytest.mark.parametrize(
    ("clean", "held", "verified"),
    [(CLEAN, [HELD, LOST], 2), ("The answer is 7.", [HELD], 1), ("", [HELD], 1)],
)
def test_one_that_does_not_hold_is_not_kept(clean: str, held: list[Said], verified: int) -> None:
    script = Script({"attempt": [RIGHT], "judge": [verdict()], "verify": held, "consolidate": [clean]})
    result = play(script, rules=Rules(thinking_format="consolidated"))
    assert result.outcome is Outcome.CONVERGED_FIRST_TRY
    assert result.thinking == STEPS
    assert len(script.asked("verify")) == verified


# ---------------------------------------------------------------- a response that is given
NOTE = "User wants to see the disks of this UEFI system.\nUsing lsblk, which lists every block device."
INSTALLER = Rules(style="installer")


def disks() -> Task:
    question = Question(
        turns=(Turn(role="user", content="show me the disks"),),
        context="## State\n- Boot mode: UEFI\n- Disks: /dev/nvme0n1 (512G)",
    )
    return Task(mode="rationalise", question=question, reference="lsblk -d", response_kind="command")


def test_a_given_response_is_explained_and_must_follow_from_that() -> None:
    script = Script({"explain": [NOTE], "judge_thinking": [verdict()], "respond": ["Answer: lsblk"]})
    result = play(script, disks(), INSTALLER)
    assert result.outcome is Outcome.CONVERGED_FIRST_TRY
    assert result.thinking == NOTE
    (asked,) = script.asked("respond")
    assert "lsblk -d" not in asked.text
    assert "<response>" not in asked.text


def test_a_row_is_held_to_the_style_of_its_shape() -> None:
    """Who names no style gets an installer row's thinking by an installer row's rules."""
    script = Script({"explain": ["It boots by BIOS.\nUsing lsblk.", NOTE], "coach_thinking": ["Hint: Look."],
                     "judge_thinking": [verdict()], "respond": ["Answer: lsblk"]})  # fmt: skip
    assert play(script, disks(), Rules()).thinking == NOTE


def test_broken_rules_go_back_as_they_are_and_no_judge_is_paid_for_them() -> None:
    script = Script(
        {
            "explain": ["It boots by BIOS.\nUsing lsblk.", NOTE],
            "coach_thinking": ["Hint: Look at the boot mode."],
            "judge_thinking": [verdict()],
            "respond": ["Answer: lsblk -d"],
        }
    )
    result = play(script, disks(), INSTALLER)
    assert result.outcome is Outcome.CONVERGED
    assert script.order == ["explain", "coach_thinking", "explain", "judge_thinking", "respond"]
    assert result.rounds[0].complaints
    assert all(complaint in script.asked("coach_thinking")[0].text for complaint in result.rounds[0].complaints)


def test_a_thinking_that_leads_to_another_command_does_not_hold() -> None:
    script = Script(
        {
            "explain": [NOTE],
            "coach_thinking": ["Hint: Say what lists them."],
            "judge_thinking": [verdict()],
            "respond": ["Answer: fdisk -l"],
        }
    )
    result = play(script, disks(), INSTALLER)
    assert result.outcome in (Outcome.STALLED, Outcome.EXHAUSTED)
    assert "does not reach the answer" in result.reason


# ---------------------------------------------------------------- whatever they say
ANYTHING = {
    "attempt": st.sampled_from(
        [RIGHT, wrong(3), wrong(4), wrong(5), "", "Answer:", "The answer is 7.\nSo be it.\nAnswer: 7"]
    ),
    "judge": st.sampled_from([verdict(), verdict(0.3), verdict(right=False), "what?", "{}"]),
    "coach": st.sampled_from([HINT, "Hint: It is 7.", "", "Think."]),
    "verify": st.sampled_from([HELD, LOST, "", "7"]),
    "consolidate": st.sampled_from([CLEAN, "", "The answer is 7."]),
}


@settings(max_examples=150, deadline=None)
@given(
    lines=st.fixed_dictionaries({part: st.lists(said, min_size=1, max_size=8) for part, said in ANYTHING.items()}),
    old=st.sampled_from(["", OLD, "Count them."]),
    rules=st.builds(
        Rules,
        max_iterations=st.integers(1, 5),
        verify_samples=st.integers(1, 3),
        thinking_format=st.sampled_from(["iterative", "consolidated"]),
    ),
)
def test_whatever_they_say_the_result_adds_up(lines: dict[str, list[Said]], old: str, rules: Rules) -> None:
    script = Script(lines)
    task = pears(thinking=old)
    result = play(script, task, rules)
    assert [r.number for r in result.rounds] == list(range(1, len(result.rounds) + 1))
    assert len(result.rounds) <= rules.max_iterations
    last = result.rounds[-1]
    assert (result.outcome in CONVERGED) == (last.verified is True)
    assert (result.outcome is Outcome.CONVERGED_FIRST_TRY) == (last.verified is True and last.number == 1)
    assert bool(result.reason) or result.outcome in CONVERGED
    if result.outcome in CONVERGED:
        assert last.right
        assert last.score >= rules.threshold
        assert not last.complaints
        assert result.best_round == last.number
        assert result.enhanced == (result.thinking in (last.thinking, CLEAN))
    else:
        assert (result.thinking, result.enhanced) == (old, False)
        assert result.outcome in (Outcome.STALLED, Outcome.EXHAUSTED)
    assert not any("7" in r.hint for r in result.rounds)
    # No two calls have one place in the ledger: the reply to the one would be taken for the other's.
    places = [(p.step, p.round, p.attempt, print_) for p, print_ in script.ledger.seen]
    assert len(set(places)) == len(places)
