"""Pictures of what was measured: models side by side, and the arms of a comparison. PNG, made without a screen."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS: Final = ("#9aa5b1", "#2f6f9f", "#e08e2b", "#4f9d69", "#a0527a", "#6b5fb5", "#c9b037", "#3aa6a6")
"""Told apart in grey and by people who don't tell red from green."""
_TARGET: Final = "#b03030"
_TITLES: Final = {
    "exact_match": "Exact match",
    "json_validity": "JSON validity",
    "structural_match": "Structural match",
    "argument_accuracy": "Argument accuracy",
    "number_match": "Final number right",
}


def before_after(metrics: Mapping[str, Any], path: Path) -> None:
    """The shares of all models with their 95% intervals and targets; beside them loss and latency.

    `metrics` is what metrics.json holds.
    """
    models: Sequence[Mapping[str, Any]] = metrics["models"]
    named = [name for name in _TITLES if any(m[name] is not None for m in models)]
    panels = [key for key in ("perplexity", "latency_seconds") if any(m[key] is not None for m in models)]
    figure = _figure(1.2 + (0.7 + 0.25 * len(models)) * len(named) + 1.7 * len(panels), 4.6)
    grid = figure.add_gridspec(
        1, 1 + len(panels), width_ratios=[(0.7 + 0.25 * len(models)) * len(named), *(1.5 for _ in panels)]
    )
    _shares(figure.add_subplot(grid[0]), models, named, metrics["targets"])
    for place, key in enumerate(panels, 1):
        _bars(figure.add_subplot(grid[place]), models, key)
    handles = [_patch(COLORS[i % len(COLORS)], m["label"]) for i, m in enumerate(models)]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(4, len(models)), frameon=False)
    figure.suptitle(f"{metrics['rows']} held-out rows, 95% intervals", fontsize=11, x=0.01, ha="left")
    _save(figure, path)


def arms(report: Mapping[str, Any], path: Path) -> None:
    """Each arm's metric, a dot a seed, the mean with its 95% interval; beside them the paired differences.

    `report` is what arms.json holds.
    """
    figure = _figure(9.5, 4.2)
    left, right = figure.subplots(1, 2, width_ratios=[1.1, 1])
    for place, arm in enumerate(report["arms"].values()):
        color = COLORS[place % len(COLORS)]
        seeds = arm["by_seed"]
        offsets = [place - 0.12 - 0.2 * i / len(seeds) for i in range(len(seeds))]  # beside the mean
        left.scatter(offsets, [100 * s for s in seeds], s=22, color=color, alpha=0.55, zorder=2)
        _whisker(left, place, arm["mean"], color, vertical=True)
    base = report["untrained"]["value"]
    left.axhline(100 * base, color="#666666", lw=0.9, ls=":", zorder=1)
    left.text(2.48, 100 * base, "untrained", va="bottom", ha="right", fontsize=8, color="#666666")
    left.set(xlim=(-0.5, 2.5), ylabel=f"{_TITLES.get(report['metric'], report['metric'])}, %", xticks=range(3))
    left.set_xticklabels(list(report["arms"]))
    left.set_ylim(*_room(left.get_ylim()))
    differences = report["differences"]
    for place, told in enumerate(reversed(differences)):
        clear = told["low"] > 0 or told["high"] < 0
        _whisker(right, place, told, COLORS[1] if clear else COLORS[0], vertical=False)
    right.axvline(0, color="#333333", lw=0.9)
    right.set(yticks=range(len(differences)), ylim=(-0.6, len(differences) - 0.4), xlabel="Difference, points")
    right.set_yticklabels([f"{d['arm']}\nminus {d['against']}" for d in reversed(differences)], fontsize=9)
    figure.suptitle(
        f"{report['rows_test']} held-out rows, {len(report['seeds'])} seeds, equal trained tokens; 95% intervals",
        fontsize=11, x=0.01, ha="left",
    )  # fmt: skip
    _save(figure, path)


def _shares(
    axes: Axes, models: Sequence[Mapping[str, Any]], named: Sequence[str], targets: Mapping[str, float]
) -> None:
    width = 0.8 / len(models)
    for number, model in enumerate(models):
        color = COLORS[number % len(COLORS)]
        for place, name in enumerate(named):
            told = model[name]
            at = place + (number - (len(models) - 1) / 2) * width
            if told is None:
                continue
            axes.bar(at, 100 * told["value"], width * 0.92, color=color, zorder=2)
            axes.plot([at, at], [100 * told["low"], 100 * told["high"]], color="#222222", lw=1, zorder=3)
            top = f"{100 * told['value']:.0f}"
            axes.text(at, 100 * told["high"] + 1.5, top, ha="center", va="bottom", fontsize=8, zorder=4)
    labels = []
    for place, name in enumerate(named):
        label = textwrap.fill(_TITLES[name], 11)
        if name in targets:
            axes.plot([place - 0.46, place + 0.46], [100 * targets[name]] * 2, color=_TARGET, lw=1.2, ls="--", zorder=1)
            label += f"\n(target {targets[name]:.0%})"
        labels.append(label)
    axes.set(ylim=(0, 110), ylabel="%", xticks=range(len(named)), yticks=range(0, 101, 20))
    axes.set_xticklabels(labels, fontsize=9)


def _bars(axes: Axes, models: Sequence[Mapping[str, Any]], key: str) -> None:
    """Perplexity on a logarithmic scale, or latency with a whisker from the median to the 95th percentile."""
    tops = []
    for number, model in enumerate(models):
        told = model[key]
        if told is None:
            axes.text(number, 0.02, "n/a", ha="center", transform=axes.get_xaxis_transform(), fontsize=8)
            continue
        value = told["value"] if key == "perplexity" else told["p50"]
        top = told["high"] if key == "perplexity" else told["p95"]
        axes.bar(number, value, 0.75, color=COLORS[number % len(COLORS)], zorder=2)
        axes.plot([number, number], [told.get("low", value), top], color="#222222", lw=1, zorder=3)
        label = f"{value:.2f}" if value < 10 else f"{value:,.0f}" if value < 1e5 else f"{value:.0e}"
        axes.annotate(label, (number, top), (0, 2), textcoords="offset points", ha="center", fontsize=8)
        tops.append(top)
    axes.set(xticks=[], xlim=(-0.6, len(models) - 0.4))
    if key == "perplexity":
        axes.set_yscale("log")
        axes.set(ylim=(0.9, max(tops) * 2), title="Perplexity")
    else:
        axes.set(ylim=(0, max(tops) * 1.2), title="Latency, s (p50 to p95)")
    axes.title.set_fontsize(9)


def _whisker(axes: Axes, place: float, told: Mapping[str, float], color: str, *, vertical: bool) -> None:
    value, ends, here = 100 * told["value"], [100 * told["low"], 100 * told["high"]], [place, place]
    x, y = (here, ends) if vertical else (ends, here)
    axes.plot(x, y, color=color, lw=2.4, solid_capstyle="round", zorder=3)
    axes.plot(*((place, value) if vertical else (value, place)), "o", color=color, mec="white", ms=8, zorder=4)
    if vertical:
        axes.annotate(f"{value:.1f}", (place, value), (11, 0), textcoords="offset points", va="center", fontsize=9)
    else:
        axes.annotate(f"{value:+.1f}", (value, place), (0, 7), textcoords="offset points", ha="center", fontsize=9)


def _room(ends: tuple[float, float]) -> tuple[float, float]:
    """Limits of an axis of percents, never flatter than ten points."""
    low, high = ends
    spare = max(2.0, (10 - (high - low)) / 2)
    return max(-2.0, low - spare), min(102.0, high + spare)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure  # without pyplot: no screen is looked for, nothing is kept

    figure = Figure(figsize=(min(width, 16), height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _patch(color: str, label: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=color, label=textwrap.shorten(label, 40, placeholder="…"))


def _save(figure: Figure, path: Path) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e6e6e6", lw=0.7, zorder=0)
        axes.tick_params(length=0)
    figure.savefig(path, format="png", facecolor="white", metadata={"Software": None})
