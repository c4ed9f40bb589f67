"""The ranked table, what the evaluator said, and which model to take."""

from __future__ import annotations

from typing import Final

from services.benchmark.results import GOOD, Result, Results

_NAME: Final = 36
"""Characters of a model's name in the table."""


def table(results: Results) -> str:
    """Everything for a person to read, some lines of text without control characters."""
    lines = [f"{'Rank':<6}{'Model':<{_NAME}}{'Tok/s':>9}{'TTFT':>10}{'Time':>10}{'1000 Resp':>12}{'Rating':>9}"]
    rule = "-" * len(lines[0])
    lines.append(rule)
    ranked = results.ranked()
    lines += [_row(result, results) for result in ranked]
    lines += [f"{'-':<6}{_short(r.model):<{_NAME}}  failed: {r.reason}" for r in results.models if r.state == "failed"]
    lines += [f"{'-':<6}{_short(r.model):<{_NAME}}  not measured" for r in results.models if r.state == "waiting"]
    lines.append(rule)
    lines += _notes(results, ranked)
    if any(result.criteria for result in ranked):
        lines += ["", "EVALUATION DETAILS", rule]
        for result in ranked:
            lines += ["", *_details(result)]
    return clean("\n".join(lines))


def _row(result: Result, results: Results) -> str:
    speed = f"{'~' if result.tokens_counted == 'pieces' else ''}{result.tokens_per_second:.2f}"
    hours = "-" if result.hours_per_1000_responses is None else f"{result.hours_per_1000_responses:.1f}h"
    rating = "-" if result.rating is None else f"{result.rating:.1f}/5{'*' if result.rated_by_itself else ''}"
    mark = f"  <- fastest with {GOOD} or better" if result.model == results.fastest_good else ""
    first, total = f"{result.first_token_seconds:.3f}s", f"{result.total_seconds:.2f}s"
    name = _short(result.model)
    return f"{result.rank or '-':<6}{name:<{_NAME}}{speed:>9}{first:>10}{total:>10}{hours:>12}{rating:>9}{mark}"


def _notes(results: Results, ranked: list[Result]) -> list[str]:
    notes = []
    if any(r.tokens_counted == "pieces" for r in ranked):
        notes.append("~ the server gave no count of tokens: the pieces of the stream were counted")
    if any(r.speed_over == "reply" for r in ranked):
        at_once = ", ".join(r.model for r in ranked if r.speed_over == "reply")
        notes.append(f"the reply came in one piece, so that the speed is over the whole time: {at_once}")
    if any(r.rated_by_itself for r in ranked):
        notes.append("* rated by itself")
    best = next((r for r in ranked if r.model == results.fastest_good), None)
    good = [r for r in ranked if r.rating is not None and r.rating >= GOOD and r.hours_per_1000_responses]
    sooner = min(good, key=lambda r: r.hours_per_1000_responses or 0.0, default=None)
    if best is not None and best.hours_per_1000_responses and sooner not in (None, best):
        assert sooner is not None
        notes.append(f"{sooner.model} needs fewer hours for 1000 responses: it writes less for each")
    if ranked and best is None and results.evaluator is not None:
        notes.append(f"no model was rated {GOOD} or better")
    if ranked and results.evaluator is None:
        notes.append("no model was rated: name who rates with --evaluator-model")
    return notes


def _details(result: Result) -> list[str]:
    told = f"{result.rating:.1f}/5.0" if result.rating is not None else "none"
    lines = [f"{result.model}:", f"  Rating: {told}"]
    if result.rating_note:
        lines.append(f"  No rating: {result.rating_note}")
    lines += [
        f"  {name.replace('_', ' ')} {c.score:.1f}: {' '.join(c.reason.split())}" for name, c in result.criteria.items()
    ]
    return lines


def _short(name: str) -> str:
    return name if len(name) < _NAME else f"{name[: _NAME - 2]}…"


def clean(text: str) -> str:
    """Text of servers and models without characters that a terminal would obey."""
    return "".join(
        c if (c >= " " and not "\x7f" <= c <= "\x9f") or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
