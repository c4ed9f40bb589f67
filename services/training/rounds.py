"""Pairs from the rounds of an enhance job: the thinking that was kept against an earlier round that went wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import log
from typing import Any, Final, NamedTuple

from graphs.records import CONVERGED, Outcome, Result, Round
from graphs.rules.guard import honest_turns
from graphs.rules.hints import hint_trace
from services.datasets.shapes import parse
from services.datasets.write import to_messages
from services.export import read_result
from training import rows, thinking

FIRST_TRY: Final = "it was right at the first attempt"
NOT_CONVERGED: Final = "it did not converge"
REUSED: Final = "it was taken over from an earlier output, without rounds"
NO_ANSWERS: Final = "its rounds explain a given response and have no answers of their own"
NONE_WRONG: Final = "no earlier round gave a wrong answer that can stand by itself"
TRACE: Final = "the kept thinking shows that there were hints"
NO_BETTER: Final = "the judge rated the earlier round as high"
IDENTICAL: Final = "both sides are the same text"
UNBALANCED: Final = "left out so that length does not give the winner away"
TOLERANCE: Final = 4 / 3
"""Sides whose lengths differ by no more than this factor count as equally long."""


class Found(NamedTuple):
    """The pair of a row; `reason` says why there is none."""

    reason: str
    prompt: tuple[rows.Message, ...] = ()
    chosen: str = ""
    rejected: str = ""
    margin: float = 0.0
    judged_by: str = ""
    round: int = 0
    labels: tuple[str, ...] = ()
    """Who spoke, where that was no language model."""


def of_row(stored: Any) -> Found:
    """The pair in a joined row of the example store (ExampleStore.all_rows).

    The prompt is the one a row of that job is trained on. Turning points ("Aha!") are taken out on both sides: they
    mark where a hint was taken up, and no hint stands in the prompt. Of several wrong rounds the one nearest in length
    to the kept thinking is taken.
    """
    if stored.outcome is None or stored.taken_from is not None:
        return Found(REUSED if stored.outcome is not None else NOT_CONVERGED)
    item, result = parse(stored.raw), read_result(stored.result)
    if reason := _unfit(item.task.mode, result):
        return Found(reason)
    question, reference = item.task.question, item.task.reference
    if hint_trace(result.thinking, [r.hint for r in result.rounds if r.hint], question):
        return Found(TRACE)
    plain = result.model_copy(update={"thinking": honest_turns(result.thinking, [])})
    line = to_messages(stored.raw, item.shape, plain, item.place, "think", stored.item_id)
    row = rows.parse(json.loads(line))
    assert isinstance(row, rows.Row)
    best = next((r for r in result.rounds if r.number == result.best_round), None)
    candidates = []
    for at, turn in enumerate(result.rounds):
        hints = [r.hint for r in result.rounds[:at] if r.hint]
        if turn.right is not False or not turn.answer.strip() or not turn.thinking.strip():
            continue
        if hint_trace(turn.thinking, hints, question) or turn.answer.strip() == reference.strip():
            continue
        candidates.append((turn, thinking.join(_untagged(honest_turns(turn.thinking, [])), turn.answer.strip())))
    if not candidates:
        return Found(NONE_WRONG)
    turn, rejected = min(candidates, key=lambda one: abs(_ratio(len(row.completion), len(one[1]))))
    margin, by = _margin(best, turn)
    if margin <= 0:
        return Found(NO_BETTER)
    if rejected.split() == row.completion.split():
        return Found(IDENTICAL)
    return Found("", row.prompt, row.completion, rejected, margin, by, turn.number, tuple(result.labels))


def unbalanced(lengths: Sequence[tuple[int, int]]) -> set[int]:
    """Which pairs to leave out, so that the longer side is no likelier to be the chosen one. `lengths`: of each pair
    the characters of what is chosen and of what is rejected.

    Pairs whose sides are about equally long (TOLERANCE) stay. Of those that clearly differ, as many stay with the
    longer side chosen as with it rejected; of the more frequent kind the most lopsided go.
    """
    ratios = [_ratio(*one) for one in lengths]
    clear = [n for n, ratio in enumerate(ratios) if abs(ratio) > log(TOLERANCE)]
    longer, shorter = [n for n in clear if ratios[n] > 0], [n for n in clear if ratios[n] < 0]
    kept = min(len(longer), len(shorter))
    return {n for kind in (longer, shorter) for n in sorted(kind, key=lambda n: abs(ratios[n]))[kept:]}


def _unfit(mode: str, result: Result) -> str:
    if result.outcome not in CONVERGED:
        return NOT_CONVERGED
    if mode != "solve":
        return NO_ANSWERS
    return FIRST_TRY if result.outcome is Outcome.CONVERGED_FIRST_TRY else ""


def _margin(best: Round | None, worse: Round) -> tuple[float, str]:
    """By how much the kept round is better, and who says so: a rule that knows the answer wrong, or the judge."""
    if worse.known:
        return 1.0, "rule"
    return round((best.score if best else 1.0) - worse.score, 4), "judge"


def _ratio(chosen: int, rejected: int) -> float:
    """Above 0 where the chosen side is longer; a logarithm, so that twice and half weigh the same."""
    return log(max(1, chosen) / max(1, rejected))


def _untagged(text: str) -> str:
    """Fit to stand between think tags."""
    for tag in ("<think>", "</think>", "<thinking>", "</thinking>"):
        text = text.replace(tag, "")
    return text.strip()
