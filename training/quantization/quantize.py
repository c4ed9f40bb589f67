"""One GGUF file into a smaller one: by llama.cpp's own program where there is one, else by its block quantizers."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from training.child import run_child
from training.errors import InvalidInput
from training.llama import free_cores
from training.quantization import container, ggml, importance, mixes
from training.quantization.container import GgufFile, Tensor
from training.quantization.types import FileType, T, TensorType

_QUANTIZATION_VERSION = 2
"""ggml's version of the block formats."""


class Quantized(NamedTuple):
    """What came out: how many tensors of which type, in `bytes`, and what made it ("llama-quantize" or "ggml")."""

    types: dict[str, int]
    bytes: int
    tool: str


def quantize(
    source: Path,
    target: Path,
    kind: FileType,
    *,
    imatrix: Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Quantized:
    """Writes `target`, which need not be a final name: it is whole only when this returns.

    `source` holds floats (F32, F16 or BF16). The bytes are the same whatever the threads. `progress` hears before each
    tensor how many are done, and of how many. Raises InvalidInput where the type can't hold the model, Missing where
    nothing here can quantize.
    """
    if kind.needs_imatrix and imatrix is None:
        raise InvalidInput(f"{kind.name} is garbage without an importance matrix: set data.imatrix_file to train rows")
    if program := shutil.which("llama-quantize"):
        return _with_llama_quantize(program, source, target, kind, imatrix, threads or free_cores())
    return with_ggml(source, target, kind, imatrix=imatrix, threads=threads, progress=progress)


def with_ggml(
    source: Path,
    target: Path,
    kind: FileType,
    *,
    imatrix: Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Quantized:
    """As `quantize`, without looking for llama-quantize."""
    known = importance.read(imatrix) if imatrix else None
    with GgufFile(source) as file:
        if file.value("general.alignment", container.ALIGNMENT) != container.ALIGNMENT:
            raise InvalidInput(f"{source}: tensors are aligned to another length than {container.ALIGNMENT} bytes")
        if file.value("split.count", 0) > 1:
            raise InvalidInput(f"{source}: one part of several: merge them with llama-gguf-split first")
        tensors = mixes.order(file.tensors)
        types = mixes.plan(mixes.Model.of(file), tensors, kind, frozenset(known.weights) if known else None)
        weights = known.weights if known else {}
        for tensor, chosen in zip(tensors, types, strict=True):
            if chosen != tensor.type and tensor.name in weights:
                _check_size(tensor, weights[tensor.name].size)
        sizes = [
            ggml.row_size(chosen, tensor.shape[0]) * tensor.rows for tensor, chosen in zip(tensors, types, strict=True)
        ]
        with target.open("wb") as out:
            container.write_header(out, _facts(file, kind, imatrix, known), zip(tensors, types, sizes, strict=True))
            for done, (tensor, chosen, size) in enumerate(zip(tensors, types, sizes, strict=True)):
                if progress:
                    progress(done, len(tensors))
                held = TensorType(tensor.type)
                length = ggml.row_size(held, tensor.shape[0]) * tensor.rows
                if tensor.offset + length > len(file.data):
                    raise InvalidInput(f"{source}: cut off in the middle of {tensor.name}")
                with memoryview(file.data) as whole, whole[tensor.offset : tensor.offset + length] as data:
                    if chosen == held:
                        out.write(data)
                    else:
                        weight = weights.get(tensor.name)
                        if weight is not None and weight.size != tensor.shape[0] * _matrices(tensor):
                            weight = None  # the embedding's: llama.cpp does without, too
                        for piece in ggml.quantize(
                            data, held, chosen, tensor.shape[0], weight, threads or free_cores()
                        ):
                            out.write(piece)
                out.write(container.padding(size))
            out.flush()
            os.fsync(out.fileno())
    counted = Counter(TensorType(chosen).name.lower() for chosen in types)
    return Quantized(dict(counted.most_common()), target.stat().st_size, "ggml")


def _facts(file: GgufFile, kind: FileType, imatrix: Path | None, known: importance.Importance | None) -> list[bytes]:
    """The entries of the new file, in llama-quantize's order: what it sets itself goes to the end."""
    dropped = ("general.quantization_version", "general.file_type", "split.no", "split.count", "split.tensors.count")
    facts = [raw for key, raw in file.facts.items() if key not in dropped]
    facts.append(container.uint32("general.quantization_version", _QUANTIZATION_VERSION))
    facts.append(container.uint32("general.file_type", kind.number))
    if known and imatrix:
        facts.append(container.string("quantize.imatrix.file", imatrix.name))
        if known.dataset:
            facts.append(container.string("quantize.imatrix.dataset", known.dataset))
        facts.append(container.uint32("quantize.imatrix.entries_count", len(known.weights)))
        if known.chunks:
            facts.append(container.uint32("quantize.imatrix.chunks_count", known.chunks))
    return facts


def _matrices(tensor: Tensor) -> int:
    return tensor.shape[2] if len(tensor.shape) > 2 else 1


def _check_size(tensor: Tensor, size: int) -> None:
    wanted = tensor.shape[0] * _matrices(tensor)
    if size != wanted and tensor.name != "token_embd.weight":
        raise InvalidInput(
            f"the importance matrix has {size} values for {tensor.name}, which has {wanted} input channels: "
            "it comes from another model"
        )


def _with_llama_quantize(
    program: str, source: Path, target: Path, kind: FileType, imatrix: Path | None, threads: int
) -> Quantized:
    options = ["--imatrix", imatrix.name] if imatrix else []
    run_child(
        [program, *options, str(source.resolve()), str(target.resolve()), kind.name.upper(), str(threads)],
        what="llama-quantize",
        cwd=imatrix.parent if imatrix else target.parent,  # its file's name goes into the result, its folder should not
    )
    with GgufFile(target) as file:
        counted = Counter(_name(tensor.type) for tensor in file.tensors)
    return Quantized(dict(counted.most_common()), target.stat().st_size, "llama-quantize")


def _name(kind: int) -> str:
    return TensorType(kind).name.lower() if kind in set(T) else str(kind)
