"""What a program says, in a line for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DOING = {
    "loading": "loading the model",
    "merge": "merging the adapter",
    "convert": "converting to GGUF",
    "quantize": "quantizing",
    "fidelity": "holding the file against the model",
    "evaluate": "measuring",
}


def line(event: Mapping[str, Any]) -> str:
    """An event of kind "step", "eval" or "estimate" as people read it."""
    match event["event"]:
        case "eval":
            return f"validation loss {_figure(event.get('eval_loss'))} at step {event.get('step')}"
        case "estimate":
            needs = f"{size(event.get('memory_bytes'))} of memory, of {size(event.get('available_bytes'))} here"
            trained = f"{_count(event.get('trainable_parameters'))} of {_count(event.get('parameters'))} parameters"
            for_time = f", about {duration(event['seconds'])}" if event.get("seconds") else ""
            return f"needs about {needs}{for_time}, on {event.get('device')}; trains {trained}"
    stage = str(event.get("stage", "train"))
    at = f"{event.get('step')} of {event['steps']}" if event.get("steps") else f"{event.get('step')}"
    said = f"step {at}" if stage == "train" else f"{_DOING.get(stage, stage)}: {at}"
    more = []
    if event.get("loss") is not None:
        more.append(f"loss {_figure(event['loss'])}")
    if event.get("tokens_per_second"):
        more.append(f"{event['tokens_per_second']:.0f} tokens/s")
    if event.get("memory_bytes"):
        more.append(size(event["memory_bytes"]))
    if event.get("eta_seconds") is not None:
        more.append(f"{duration(event['eta_seconds'])} left")
    return f"{said}: {', '.join(more)}" if more and stage == "train" else ", ".join([said, *more])


def size(value: object) -> str:
    """Bytes."""
    if not isinstance(value, int | float):
        return "?"
    return f"{value / 2**30:.1f} GiB" if value >= 2**30 else f"{value / 2**20:.0f} MiB"


def duration(seconds: float) -> str:
    """Seconds, in the two units that matter."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _figure(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "not a number"


def _count(value: object) -> str:
    if not isinstance(value, int | float):
        return "?"
    for size_, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size_:
            return f"{value / size_:.1f} {unit}"
    return str(value)
