"""The figures as a page: one table of all models side by side, then what is behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from training.evaluation.figures import TARGETS

Model = Mapping[str, Any]

_HEADLINES: Final = (
    ("exact_match", "Exact match"),
    ("json_validity", "JSON validity"),
    ("structural_match", "Structural match"),
    ("argument_accuracy", "Argument accuracy"),
    ("same_call", "Same call"),
    ("number_match", "Final number right"),
    ("fenced_json", "JSON in a code fence (counted as invalid)"),
    ("invented_arguments", "Answers with invented arguments"),
)


def markdown(metrics: Mapping[str, Any]) -> str:
    """The whole page."""
    models: Sequence[Model] = metrics["models"]
    most = " or ".join(str(tokens) for tokens in sorted({m["max_new_tokens"] for m in models}))
    parts = [
        "# Evaluation",
        f"{metrics['rows']} held-out rows from `{metrics['test_file']}`; greedy answers of at most "
        f"{most} tokens. In brackets: 95% intervals.",
        table(["", *(_cell(m["label"]) for m in models), "Target"], list(_headlines(models))),
        _gains(models),
    ]
    for key, title in (
        ("by_case", "Negative cases"),
        ("by_context", "Context"),
        ("by_subcommand", "Subcommands"),
    ):
        if any(m[key] for m in models):
            parts += [f"## {title}: exact match", _apart(models, key)]
    if metrics["uncovered"]:
        parts.append("Subcommands of the schema without a test row: " + ", ".join(metrics["uncovered"]) + ".")
    parts += ["## How this was measured", _notes(metrics)]
    return "\n\n".join(part for part in parts if part) + "\n"


def share(figure: Mapping[str, Any] | None) -> str:
    """A share as a cell: "95.0% (88.8–97.8)"."""
    if figure is None:
        return "–"
    return f"{figure['value']:.1%} ({100 * figure['low']:.1f}–{100 * figure['high']:.1f})"


def _headlines(models: Sequence[Model]) -> list[list[str]]:
    lines = []
    for name, title in _HEADLINES:
        if all(m[name] is None for m in models):
            continue
        if name in ("fenced_json",) and not any(m[name] and m[name]["value"] for m in models):
            continue
        target = TARGETS.get(name)
        cells = [share(m[name]) + _mark(m[name], target) for m in models]
        lines.append([title, *cells, f"{target:.0%}" if target else ""])
    for title, show in _OTHERS:
        cells = [show(m) for m in models]
        if any(cell != "–" for cell in cells):
            lines.append([title, *cells, ""])
    return lines


def _mark(figure: Mapping[str, Any] | None, target: float | None) -> str:
    return "" if figure is None or target is None or figure["value"] < target else " ✓"


def _number(key: str) -> Callable[[Model], str]:
    def show(model: Model) -> str:
        figure = model[key]
        if figure is None:
            return "–"
        return f"{_short(figure['value'])} ({_short(figure['low'])}–{_short(figure['high'])})"

    return show


def _latency(key: str) -> Callable[[Model], str]:
    return lambda model: f"{model['latency_seconds'][key]:.2f} s" if model["latency_seconds"] else "–"


def _short(value: float) -> str:
    if value >= 1e5:
        return f"{value:.1e}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


_OTHERS: Final[tuple[tuple[str, Callable[[Model], str]], ...]] = (
    ("Validation loss", _number("validation_loss")),
    ("Perplexity", _number("perplexity")),
    ("Latency, median", _latency("p50")),
    ("Latency, 95th percentile", _latency("p95")),
    ("Tokens a second", lambda m: f"{m['tokens_per_second']['value']:.1f}" if m["tokens_per_second"] else "–"),
    ("Answers cut off", lambda m: f"{m['finish_reasons'].get('length', 0)} of {m['rows']}"),
    ("Weights", lambda m: f"{m['size_bytes'] / 1e6:,.0f} MB"),
)


def _gains(models: Sequence[Model]) -> str:
    lines = []
    for model in models[1:]:
        gain = model["gain"]
        points = f"{100 * gain['value']:+.1f} points ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
        sure = "" if gain["low"] > 0 or gain["high"] < 0 else "; no difference that these rows could show"
        lines.append(
            f"- {_cell(model['label'])} against {_cell(models[0]['label'])}, exact match on the same rows: {points}; "
            f"{gain['mended']} became right, {gain['broken']} became wrong{sure}."
        )
    return "\n".join(lines)


def _apart(models: Sequence[Model], key: str) -> str:
    names = sorted({name for m in models for name in m[key]})
    lines = []
    for name in names:
        held = [m[key].get(name) for m in models]
        count = next(h["rows"] for h in held if h)
        lines.append([_cell(name), str(count), *(share(h["exact_match"] if h else None) for h in held)])
    return table(["", "Rows", *(_cell(m["label"]) for m in models)], lines)


def _notes(metrics: Mapping[str, Any]) -> str:
    models: Sequence[Model] = metrics["models"]
    notes = [
        "- Exact match: the answer, thinking put away, is JSON equal to the reference (order of keys and of flags "
        "aside), or where the reference is text, equal to it but for case, white space and the last full stop. "
        "Nothing is repaired: JSON in a code fence is no valid JSON.",
        "- Argument accuracy: the share of the references' arguments and flags that stand in the answer with an equal "
        "value, under the same command and subcommand.",
        "- Loss and perplexity: over the tokens of the reference's completion and the one that ends it.",
        "- Latency: prompts asked one at a time, on this machine as busy as it was.",
        "- Intervals: Wilson's for shares of rows, else a bootstrap over rows.",
    ]
    for model in models:
        if model["validation_loss"] is None:
            notes.append(f"- {_cell(model['label'])}: no loss could be taken of any row.")
        elif model["rows_without_loss"]:
            notes.append(
                f"- {_cell(model['label'])}: {model['rows_without_loss']} rows are not in the loss (too long for the "
                "model, or its runtime does not tell their probabilities)."
            )
    return "\n".join(notes)


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first column to the left and the others to the right."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *lines))


def _cell(text: str) -> str:
    """Text that can't break a table."""
    return " ".join(text.replace("|", "\\|").split())
