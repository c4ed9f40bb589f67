"""What a GGUF file is called, and what it says of itself.

Two ways: `{prefix}-{name}-{type}.gguf`, the shortest that a project with several models needs, and the GGUF naming
convention, `{BaseName}-{SizeLabel}-{FineTune}-{Version}-{Encoding}.gguf`, which other tools take apart. Either way the
file holds the parts as general.* keys.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Final, Literal, NamedTuple

from training import tensors
from training.quantization.types import FileType

_SCALES: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))


class Names(NamedTuple):
    """The parts of a name: `base` is what the model was trained from, `name` what it was trained to be."""

    base: str
    size_label: str
    name: str
    version: str
    prefix: str = ""

    def file(self, kind: FileType, convention: Literal["seed", "gguf"]) -> str:
        """The file's name, as "clitron-gh-q4_k_m.gguf" or "SmolLM2-135M-gh-v1.0-Q4_K_M.gguf"."""
        if convention == "seed":
            return "-".join(part for part in (self.prefix, self.name, kind.name) if part) + ".gguf"
        finetune = "-".join(part for part in (self.prefix, self.name) if part)
        parts = (_part(self.base), self.size_label, _part(finetune), self.version, kind.name.upper())
        return "-".join(part for part in parts if part) + ".gguf"

    def metadata(self) -> dict[str, str]:
        """The general.* keys."""
        finetune = "-".join(part for part in (self.prefix, self.name) if part)
        return {
            "general.name": f"{self.base} {self.size_label} {finetune}".strip(),
            "general.basename": _part(self.base),
            "general.size_label": self.size_label,
            "general.finetune": finetune,
            "general.version": self.version,
        }


def of(folder: Path, base: str, *, name: str, prefix: str, version: str) -> Names:
    """The names of the model in `folder`, trained from the model called `base` (a hub name, a path)."""
    label = size_label(parameters(folder))
    last = re.sub(r"(?i)[-_](instruct|chat|it|hf|[0-9.]+[bm])(?=[-_]|$)", "", base.rstrip("/").rsplit("/", 1)[-1])
    return Names(last or "model", label, name, version, prefix)


def parameters(folder: Path) -> int:
    """How many numbers a model's weights are, told by the headers of its safetensors files."""
    return sum(math.prod(shape) for _, shape in tensors.read(folder))


def size_label(parameters: int) -> str:
    """The convention's class of size, at least two digits: "135M", "1.2B", "8.0B"."""
    for scale, letter in _SCALES:
        if parameters >= scale * 0.9995:
            return f"{parameters / scale:.{0 if parameters >= 9.95 * scale else 1}f}{letter}"
    return str(parameters)


def _part(text: str) -> str:
    """A part of a name: without the blanks and slashes that would end it."""
    return re.sub(r"[\s/]+", "-", text.strip())
