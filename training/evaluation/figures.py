"""Figures of one model over all rows: each a mapping with `value`, the ends of its 95% interval, and `n`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from training.evaluation import groups
from training.evaluation.intervals import Interval, difference, ratio, wilson
from training.generation import Answer, Loss
from training.metrics import Judgement, judge
from training.rows import Row

Figure = dict[str, Any]

TARGETS: Final = {"exact_match": 0.90, "json_validity": 0.99, "structural_match": 0.95, "argument_accuracy": 0.93}
"""What a model has to reach to be of use as an interpreter of a command line."""
SHARES: Final[dict[str, Callable[[Judgement], bool | None]]] = {
    "exact_match": lambda one: one.exact,
    "json_validity": lambda one: one.valid_json,
    "structural_match": lambda one: one.structural,
    "same_call": lambda one: one.same_call,
    "fenced_json": lambda one: one.fenced,
    "invented_arguments": lambda one: one.invented > 0 if one.valid_json is not None else None,
    "number_match": lambda one: one.number,
}
"""Shares of rows; a row to which one doesn't apply is left out of it."""


class Result(NamedTuple):
    """One row's answer and what it is worth."""

    answer: Answer
    loss: Loss | None
    judgement: Judgement


def judged(row: Row, answer: Answer, loss: Loss | None) -> Result:
    """An answer with its judgement. One that was cut off is judged as it stands."""
    return Result(answer, loss, judge(answer.text, row.completion))


def figures(rows: Sequence[Row], results: Sequence[Result]) -> Figure:
    """All figures of one model; `results` in the order of `rows`. What can't be said of these rows is None."""
    return {
        "rows": len(rows),
        **_shares(results),
        "argument_accuracy": _arguments(results),
        **_losses(results),
        **_times(results),
        "finish_reasons": dict(Counter(one.answer.finish_reason for one in results)),
        "by_subcommand": _apart(rows, results, groups.subcommand),
        "by_case": _apart(rows, results, groups.case),
        "by_context": _apart(rows, results, groups.context),
    }


def gains(first: Sequence[Result], other: Sequence[Result]) -> Figure:
    """How much more often `other` is right than `first` on the same rows, as `first` to `other` in pairs."""
    pairs = np.array([(a.judgement.exact, b.judgement.exact) for a, b in zip(first, other, strict=True)], dtype=float)
    told = _figure(difference(pairs[:, 0], pairs[:, 1]), len(pairs))
    changed = pairs[:, 1] - pairs[:, 0]
    return {**told, "mended": int((changed > 0).sum()), "broken": int((changed < 0).sum())}


def _shares(results: Sequence[Result]) -> Figure:
    found = {}
    for name, take in SHARES.items():
        told = [said for one in results if (said := take(one.judgement)) is not None]
        found[name] = _figure(wilson(sum(told), len(told)), len(told)) if told else None
    return found


def _arguments(results: Sequence[Result]) -> Figure | None:
    asked = np.array([one.judgement.arguments for one in results], dtype=float)
    right = np.array([one.judgement.right for one in results], dtype=float)
    if not asked.sum():
        return None
    told = ratio(right, asked)
    if told.low == told.high:  # all right or all wrong: nothing to resample, and the rows are what is independent
        having = int((asked > 0).sum())
        told = wilson(round(told.value * having), having)
    return _figure(told, int(asked.sum()))


def _losses(results: Sequence[Result]) -> Figure:
    """Validation loss (nats a token, over completions and their end) and its exponential. `n` counts tokens."""
    known = [one.loss for one in results if one.loss is not None]
    if not known:
        return {"validation_loss": None, "perplexity": None, "rows_without_loss": len(results)}
    tokens = np.array([one.tokens for one in known], dtype=float)
    loss = ratio(np.array([one.nats for one in known]), tokens)
    count = int(tokens.sum())
    return {
        "validation_loss": _figure(loss, count),
        "perplexity": _figure(Interval(*map(_exp, loss)), count),
        "rows_without_loss": len(results) - len(known),
    }


def _times(results: Sequence[Result]) -> Figure:
    timed = [(one.answer.seconds, one.answer.tokens) for one in results if one.answer.seconds is not None]
    if not timed:
        return {"latency_seconds": None, "tokens_per_second": None}
    seconds, tokens = np.array(timed, dtype=float).T
    p50, p95 = np.quantile(seconds, (0.5, 0.95))
    return {
        "latency_seconds": {"p50": float(p50), "p95": float(p95), "mean": float(seconds.mean()), "n": len(timed)},
        "tokens_per_second": _figure(ratio(tokens, seconds), len(timed)),
    }


def _apart(rows: Sequence[Row], results: Sequence[Result], name: Callable[[Row], str | None]) -> Figure:
    held: dict[str, list[Result]] = {}
    for row, result in zip(rows, results, strict=True):
        if (group := name(row)) is not None:
            held.setdefault(group, []).append(result)
    return {
        group: {
            "rows": len(some),
            "exact_match": _shares(some)["exact_match"],
            "structural_match": _shares(some)["structural_match"],
            "argument_accuracy": _arguments(some),
        }
        for group, some in sorted(held.items())
    }


def right_of(results: Iterable[Result], metric: str) -> list[float | None]:
    """1 or 0 for each row by one of SHARES; None where it does not apply."""
    told = (SHARES[metric](one.judgement) for one in results)
    return [None if said is None else float(said) for said in told]


def _figure(interval: Interval, n: int) -> Figure:
    return {**{key: round(value, 6) for key, value in interval._asdict().items()}, "n": n}


def _exp(value: float) -> float:
    return math.exp(min(value, 700))
