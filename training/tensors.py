"""Names and shapes of a model's tensors, read from the headers of its safetensors files, no weight loaded."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

from training.errors import InvalidInput


def files(folder: Path) -> list[Path]:
    """The safetensors files of a model: those that its index names, where it has one. Some makers lay the same weights
    beside them in a form of their own (consolidated.safetensors), which is not counted.
    """
    index = folder / "model.safetensors.index.json"
    if index.exists():
        try:
            named = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InvalidInput(f"{index}: is damaged; fetch or make it anew") from None
        if missing := [name for name in named if not (folder / name).exists()]:
            raise InvalidInput(f"{index}: names {missing[0]}, which is not there; fetch or make the model anew")
        return [folder / name for name in named]
    return sorted(path for path in folder.glob("*.safetensors") if not path.name.startswith("consolidated"))


def read(folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of every tensor in a folder. Raises InvalidInput where a file is no safetensors file."""
    for path in files(folder):
        try:
            with path.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                header = json.loads(file.read(length))
            found = [(name, tuple(about["shape"])) for name, about in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError, struct.error, MemoryError, OverflowError):
            raise InvalidInput(f"{path}: is damaged: it has no safetensors header; fetch or make it anew") from None
        yield from found
