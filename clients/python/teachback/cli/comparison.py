"""Models side by side, as `evaluate`, `pipeline` and the demo show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

Model = Mapping[str, Any]

SHARES: Final = (
    ("exact_match", "exact match"),
    ("json_validity", "valid JSON"),
    ("structural_match", "structural match"),
    ("argument_accuracy", "argument accuracy"),
    ("same_call", "same call"),
    ("number_match", "final number right"),
)


def put_comparison(report: Mapping[str, Any]) -> None:
    """A table of the models' figures on the same rows, the first model to the left, then what each has gained."""
    models: Sequence[Model] = report.get("models", [])
    if not models:
        return
    rows = [["", *(str(model["label"]) for model in models)]]
    rows += [
        [shown, *(share(m.get(name)) for m in models)] for name, shown in SHARES if any(m.get(name) for m in models)
    ]
    for shown, cell in OTHERS:
        cells = [cell(model) for model in models]
        if any(cells):
            rows.append([shown, *(one or "-" for one in cells)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first, *rest = (
            text.ljust(w) if not n else text.rjust(w) for n, (text, w) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *rest]).rstrip())
    for model in models[1:]:
        if gain := model.get("gain"):
            between = f"({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
            print(
                f"{model['label']} against {models[0]['label']}: {100 * gain['value']:+.1f} points of exact match "
                f"{between}, {gain['mended']} mended, {gain['broken']} broken"
            )


def share(figure: Mapping[str, Any] | None) -> str:
    """A share with the ends of its 95% interval: "96.7% (83-99)"."""
    if not figure:
        return "-"
    return f"{figure['value']:.1%} ({100 * figure['low']:.0f}-{100 * figure['high']:.0f})"


def _value(name: str) -> Callable[[Model], str]:
    return lambda model: f"{model[name]['value']:.3g}" if model.get(name) else ""


def _latency(name: str) -> Callable[[Model], str]:
    return lambda model: f"{model['latency_seconds'][name]:.2f} s" if model.get("latency_seconds") else ""


def _size(model: Model) -> str:
    return f"{model['size_bytes'] / 1e6:,.0f} MB" if model.get("size_bytes") else ""


OTHERS: Final[tuple[tuple[str, Callable[[Model], str]], ...]] = (
    ("validation loss", _value("validation_loss")),
    ("perplexity", _value("perplexity")),
    ("latency, median", _latency("p50")),
    ("latency, 95%", _latency("p95")),
    ("weights", _size),
)
