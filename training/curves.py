"""A run's losses as points (loss.json) and as a picture (loss.png)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.telling import renamed

_MANY = 60
"""Points from which on the single steps fade behind their running mean."""


def points(history: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """`train`: step, epoch, loss, learning_rate and what else was measured; `eval`: step, epoch, eval_loss, ..."""
    train = [
        {"step": line["step"], "epoch": line.get("epoch"), **renamed(dict(line))} for line in history if "loss" in line
    ]
    measured = [
        {"step": line["step"], "epoch": line.get("epoch"), **renamed(dict(line), "eval_")}
        for line in history
        if "eval_loss" in line
    ]
    return {"train": train, "eval": measured}


def draw(history: Sequence[Mapping[str, Any]], path: Path, *, title: str) -> None:
    """The losses over the steps; for DPO also margins with accuracies, and the answers' log-probabilities."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    held = points(history)
    prefers = any("reward_margin" in point for point in held["train"])
    figure = Figure(figsize=(7.2, 10.2 if prefers else 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(3 if prefers else 1, 1, squeeze=False)[:, 0]
    figure.suptitle(title, fontsize=11)
    _line(panels[0], held["train"], "loss", "training loss", "#1f5fa8")
    if held["eval"]:
        steps, losses = zip(*[(p["step"], p["eval_loss"]) for p in held["eval"]], strict=True)
        panels[0].plot(steps, losses, "o-", color="#c2410c", label="validation loss", markersize=4)
    panels[0].set_ylabel("loss")
    panels[0].set_ylim(0, 1.08 * max(p[name] for name in ("loss", "eval_loss") for p in _with(held, name)))
    if prefers:
        _line(panels[1], held["train"], "reward_margin", "reward margin", "#1f5fa8")
        _line(panels[1], held["train"], "reward_accuracy", "reward accuracy", "#15803d")
        panels[1].set_ylabel("reward")
        _line(panels[2], held["train"], "logps_chosen", "chosen", "#15803d")
        _line(panels[2], held["train"], "logps_rejected", "rejected", "#c2410c")
        panels[2].set_ylabel("log-probability of the answer")
    for panel in panels:
        panel.grid(alpha=0.25)
        panel.legend(frameon=False)
        panel.spines[["top", "right"]].set_visible(False)
        panel.xaxis.get_major_locator().set_params(integer=True)
    panels[-1].set_xlabel("optimizer step")
    figure.savefig(path, dpi=130)


def _with(held: Mapping[str, Sequence[Mapping[str, Any]]], name: str) -> list[Mapping[str, Any]]:
    return [point for kind in held.values() for point in kind if name in point]


def _line(panel: Any, train: Sequence[Mapping[str, Any]], name: str, label: str, colour: str) -> None:
    told = [(point["step"], point[name]) for point in train if point.get(name) is not None]
    if not told:
        return
    steps, values = zip(*told, strict=True)
    many = len(told) > _MANY
    panel.plot(
        steps, values, "-" if many else ".-", color=colour, alpha=0.3 if many else 1, label=None if many else label
    )
    if many:
        panel.plot(steps, _running_mean(values, len(values) // 20), color=colour, label=f"{label} (running mean)")


def _running_mean(values: Sequence[float], window: int) -> list[float]:
    """The mean of the last `window` values, of fewer at the beginning."""
    return [
        sum(values[max(0, end - window) : end]) / len(values[max(0, end - window) : end])
        for end in range(1, len(values) + 1)
    ]
