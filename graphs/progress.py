"""Where an example stands after a round: passed, worth another round, or at its end. Pure functions over the rounds."""

from __future__ import annotations

import re

from agents.prompting import names_document
from graphs.records import Outcome, Result, Round, Task
from graphs.rules.guard import sentences
from graphs.rules.oracle import compare, normal
from graphs.state import Loop, Rules

PATIENCE = 2
"""Rounds in a row without gain after which an example is given up as stalled."""


def patience(rules: Rules) -> int:
    """PATIENCE, or half of the rounds where more are allowed: hints grow stronger, and a late one may be the one."""
    return max(PATIENCE, rules.max_iterations // 2)


def passes(last: Round, rules: Rules) -> bool:
    """Whether a round is good enough to be verified."""
    return bool(last.right) and last.score >= rules.threshold and not last.complaints


def rank(one: Round) -> tuple[bool, bool, bool, float]:
    """What makes one round better than another, most important first."""
    return bool(one.verified), bool(one.right), not one.complaints, one.score


def beats(new: Round, old: Round, task: Task) -> bool:
    """Whether a new thinking is better than the one the row came with: it derives the answer, or scores higher."""

    def worth(one: Round) -> tuple[bool, bool, bool, float]:
        return bool(one.verified), not one.complaints, reaches(one.thinking, task), one.score

    return worth(new) > worth(old)


def reaches(thinking: str, task: Task) -> bool:
    """Whether the thinking itself arrives at the reference: it stands in its last sentence."""
    last = sentences(thinking)[-1:]
    if task.mode == "rationalise" or not last:
        return bool(last)
    if task.question.answer_kind == "number":
        return any(compare(n, task.reference) for n in re.findall(r"\d[\d,.]*", last[0]))
    return normal(task.reference) in normal(last[0])


def best(rounds: list[Round]) -> Round:
    """The best round; among equals the earlier one, which took less help."""
    return max(rounds, key=rank)


def gained(rounds: list[Round]) -> bool:
    """Whether the last round moved: it ranks above every earlier one, or gives an answer nobody had given before.

    A new wrong answer is counted as movement, for a student that still changes its mind under hints is not stuck; one
    that repeats itself is.
    """
    *earlier, last = rounds
    if not earlier or rank(last) > max(map(rank, earlier)):
        return True
    return bool(last.answer) and not last.right and all(not _same(last.answer, r.answer) for r in earlier)


def _same(one: str, other: str) -> bool:
    return one == other or compare(one, other) is True


def verdict(rounds: list[Round], rules: Rules) -> Outcome | None:
    """How an example that has not converged ends after its last round, or None where another round is worth it."""
    without_gain = 0
    for n in range(len(rounds), 1, -1):
        if gained(rounds[:n]):
            break
        without_gain += 1
    if without_gain >= patience(rules):
        return Outcome.STALLED
    return Outcome.EXHAUSTED if len(rounds) >= rules.max_iterations else None


def why_stopped(outcome: Outcome, task: Task, rounds: list[Round], rules: Rules) -> str:
    """One sentence for the person who reads the row."""
    last = rounds[-1]
    system = task.question.system.strip()
    if (
        task.mode == "solve"
        and task.question.answer_kind == "text"
        and not last.right
        and not task.question.context
        and names_document(system)
    ):
        return (
            f"the system message names a document ({system!r}) but the row holds no text of it; "
            "if the answer stands there, give it in `context`"
        )
    spent = f"{patience(rules)} rounds without gain" if outcome is Outcome.STALLED else "no round left"
    return f"{spent}; {_what_was_missing(last)}"


def _what_was_missing(last: Round) -> str:
    if last.verified is False:
        return "a fresh attempt from the thinking alone does not reach the answer"
    if last.complaints:
        return last.complaints[0]
    if not last.right:
        return f"the answer {last.answer!r} is not the known one" if last.answer else "no answer was reached"
    return f"the score of {last.score:.2f} is too low: {last.critique}"


def result(loop: Loop) -> Result:
    """The finished example. Raises AssertionError where the graph ended without an outcome."""
    outcome, rounds, task = loop["outcome"], loop["rounds"], loop["task"]
    assert outcome is not None, "the graph ended without an outcome"
    top = best(rounds)
    kept = loop["kept"]
    if kept is None:
        kept = top.thinking if loop["enhanced"] else task.thinking
    return Result(
        outcome=outcome,
        reason=loop["reason"],
        thinking=kept,
        enhanced=loop["enhanced"],
        best_round=top.number if top.right else 0,
        rounds=rounds,
    )
