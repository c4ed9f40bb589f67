"""The arms beside each other: means with intervals, differences in pairs, and a verdict that claims no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from training.errors import InvalidInput
from training.evaluation.figures import Result, right_of
from training.evaluation.intervals import Array, Interval, seeded_difference, seeded_mean, wilson
from training.evaluation.report import share, table
from training.evaluation.saved import Told

PAIRS: Final = (("enhanced", "original"), ("enhanced", "none"), ("original", "none"))
"""What is compared with what; the first decides."""
_EDGE: Final = 0.02
"""Means this near to none or all right leave no room for a difference."""


def compare(plan: Mapping[str, Any], untrained: Told, arms: Mapping[str, Sequence[Told]]) -> dict[str, Any]:
    """The report: `arms` holds for each arm, for each seed, the results in the order of the rows.

    Raises InvalidInput where the metric applies to no row.
    """
    metric = str(plan["metric"])
    before = right_of(untrained.results, metric)
    applies = [place for place, said in enumerate(before) if said is not None]
    if not applies:
        raise InvalidInput(f"metric: {metric} applies to none of the rows; see training.metrics for what it needs")
    right = {arm: _matrix([one.results for one in seeds], metric, applies) for arm, seeds in arms.items()}
    told: dict[str, Any] = {
        **{key: plan[key] for key in ("metric", "model", "selected_by", "seeds", "registered_at")},
        "rows_train": plan["rows_train"],
        "rows_test": len(applies),
        "rows_unchanged": plan["rows_unchanged"],
        "untrained": _told(wilson(int(sum(before[i] or 0 for i in applies)), len(applies))),
        "arms": {
            arm: {
                "mean": _told(seeded_mean(values)),
                "by_seed": [round(float(one), 6) for one in values.mean(axis=1)],
                "tokens": [one.about["tokens"] for one in arms[arm]],
                "tokens_trained": [one.about["tokens_trained"] for one in arms[arm]],
                "steps": arms[arm][0].about["steps"],
                "cut_off": round(_cut_off(arms[arm]), 4),
            }
            for arm, values in right.items()
        },
        "differences": [
            {"arm": arm, "against": against, **_told(seeded_difference(right[against], right[arm]))}
            for arm, against in PAIRS
        ],
    }
    return {**told, "verdict": verdict(told)}


def verdict(report: Mapping[str, Any]) -> str:
    """One sentence or a few on whether enhancing helps, from the difference that the plan named."""
    decides = report["differences"][0]
    points = f"{100 * decides['value']:+.1f} points"
    ends = f"95% interval {100 * decides['low']:+.1f} to {100 * decides['high']:+.1f}"
    means = [arm["mean"]["value"] for arm in report["arms"].values()]
    if decides["low"] > 0:
        said = f"Enhanced thinking trained the better student: {points} over the original thinking ({ends})."
    elif decides["high"] < 0:
        said = f"Enhanced thinking trained the worse student: {points} against the original thinking ({ends})."
    else:
        missed = 100 * max(decides["high"], -decides["low"])
        said = (
            f"No difference between enhanced and original thinking that this could see: {points} ({ends}); "
            f"one of up to {missed:.1f} points would have gone unnoticed."
        )
    if max(means) <= _EDGE or min(means) >= 1 - _EDGE:
        edge = "hardly any row right" if max(means) <= _EDGE else "nearly every row right"
        said += f" All arms have {edge}: these rows can't tell them apart, whatever the thinking is worth."
    if report["selected_by"]:
        if report["selected_by"] == report["model"]:
            said += " The model that was measured chose the rows itself, which favours the enhanced thinking."
        else:
            said += f" The rows were chosen by another model ({report['selected_by']})."
    return said


def markdown(report: Mapping[str, Any]) -> str:
    """The report as a page."""
    lines = [
        [
            name,
            share(arm["mean"]),
            ", ".join(f"{100 * one:.1f}" for one in arm["by_seed"]),
            *(f"{sum(arm[of]) / len(arm[of]):,.0f}" for of in ("tokens", "tokens_trained")),
            str(arm["steps"]),
            f"{arm['cut_off']:.0%}",
        ]
        for name, arm in report["arms"].items()
    ]
    differences = [
        [
            f"{d['arm']} minus {d['against']}",
            f"{100 * d['value']:+.1f}",
            f"{100 * d['low']:+.1f} to {100 * d['high']:+.1f}",
        ]
        for d in report["differences"]
    ]
    parts = [
        "# Thinking: none, original, enhanced",
        f"**{report['verdict']}**",
        f"`{report['model']}`, trained on {report['rows_train']} rows ({report['rows_unchanged']} of them with the "
        f"same thinking before and after), measured on {report['rows_test']} held-out rows by {report['metric']}, "
        f"which was fixed on {report['registered_at']}, before training. Untrained: {share(report['untrained'])}.",
        table(["Thinking", "Right", "By seed, %", "Tokens", "In the loss", "Steps", "Cut off"], lines),
        table(["Difference", "Points", "95% interval"], differences),
        f"Intervals: a bootstrap over rows and seeds; with {len(report['seeds'])} seeds it is somewhat too narrow. "
        "All arms read as many tokens, prompts included; those without or with short thinking went over their rows "
        "more often. Answers are judged without their thinking; thinking that never ends is a wrong answer.",
    ]
    return "\n\n".join(parts) + "\n"


def _matrix(seeds: Sequence[Sequence[Result]], metric: str, applies: Sequence[int]) -> Array:
    """1 or 0 by seed and row, of the rows to which the metric applies."""
    rows = [right_of(results, metric) for results in seeds]
    return np.array([[one[place] or 0.0 for place in applies] for one in rows], dtype=np.float64)


def _cut_off(seeds: Sequence[Told]) -> float:
    """The share of answers that did not come to their end."""
    return float(np.mean([result.answer.finish_reason == "length" for one in seeds for result in one.results]))


def _told(interval: Interval) -> dict[str, float]:
    return {key: round(value, 6) for key, value in interval._asdict().items()}
