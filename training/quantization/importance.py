"""llama.cpp's importance matrix (imatrix) as a GGUF file: how much each input channel of each matrix is used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.errors import InvalidInput
from training.quantization import container
from training.quantization.container import GgufFile, Tensor
from training.quantization.types import T

_SUMS = ".in_sum2"
_COUNTS = ".counts"

Floats = npt.NDArray[np.float32]


class Importance(NamedTuple):
    """`weights`: by tensor name, the mean of the squared inputs, shape [channels]; `dataset`: where they come from."""

    weights: dict[str, Floats]
    dataset: str
    chunks: int


def write(path: Path, sums: Mapping[str, Floats], tokens: int, *, dataset: str, chunks: int) -> None:
    """Writes sums of squared inputs over `tokens` tokens (shape [channels] each), as llama-imatrix does."""
    tensors: list[tuple[Tensor, Floats]] = []
    for name in sorted(sums):
        tensors.append((Tensor(f"{name}{_SUMS}", (sums[name].size,), T.F32, 0), sums[name]))
        tensors.append((Tensor(f"{name}{_COUNTS}", (1,), T.F32, 0), np.array([tokens], np.float32)))
    facts = [
        container.string("general.type", "imatrix"),
        container.strings("imatrix.datasets", [dataset]),
        container.uint32("imatrix.chunk_count", chunks),
        container.uint32("imatrix.chunk_size", max(1, tokens // max(1, chunks))),
    ]
    with path.open("wb") as file:
        container.write_header(file, facts, [(tensor, T.F32, values.nbytes) for tensor, values in tensors])
        for _, values in tensors:
            data = values.astype("<f4").tobytes()
            file.write(data + container.padding(len(data)))


def read(path: Path) -> Importance:
    """Reads such a file. Raises InvalidInput for any other, and for values that are no finite numbers."""
    with GgufFile(path) as file:
        if file.value("general.type") != "imatrix":
            raise InvalidInput(f"{path}: not an importance matrix (its general.type is not imatrix)")
        values = {
            tensor.name: np.frombuffer(file.data, np.float32, tensor.rows * tensor.shape[0], tensor.offset).copy()
            for tensor in file.tensors
        }
        dataset = file.value("imatrix.datasets", [])
        chunks = file.value("imatrix.chunk_count", 0)
    weights = {}
    for key, sums in values.items():
        if not key.endswith(_SUMS):
            continue
        name = key.removesuffix(_SUMS)
        if f"{name}{_COUNTS}" not in values:
            raise InvalidInput(f"{path}: {name} has sums and no counts")
        counts = np.rint(values[f"{name}{_COUNTS}"])[:, None]
        means = np.where(counts > 0, sums.reshape(len(counts), -1) / np.maximum(counts, 1), 1).astype(np.float32)
        if not np.isfinite(means).all():
            raise InvalidInput(f"{path}: {name} holds values that are no finite numbers")
        weights[name] = means.reshape(-1)
    return Importance(weights, dataset[0] if dataset else "", int(chunks))
