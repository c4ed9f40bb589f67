"""Names and shapes of a model's tensors, read from the headers of its safetensors files, no weight loaded."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

from training.errors import InvalidInput


def read(folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of every tensor in a folder. Raises InvalidInput where a file is no safetensors file."""
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with path.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                header = json.loads(file.read(length))
            found = [(name, tuple(about["shape"])) for name, about in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError, struct.error, MemoryError, OverflowError):
            raise InvalidInput(f"{path}: is damaged: it has no safetensors header; fetch or make it anew") from None
        yield from found
