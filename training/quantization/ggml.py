"""ggml's own block quantizers, called in the library that xllamacpp's wheel holds: llama.cpp's bytes, uncompiled."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from training.errors import Missing, TrainingError
from training.quantization.types import T, TensorType

Floats = npt.NDArray[np.float32]

_SLAB: Final = 1 << 22
"""Numbers turned into blocks at a time by each thread: 16 MiB of floats."""

_DTYPES: Final = {T.F32: np.float32, T.F16: np.float16, T.BF16: np.uint16}
_NEEDED: Final = ("ggml_quantize_chunk", "ggml_row_size", "ggml_quantize_init", "ggml_validate_row_data")


def row_size(kind: TensorType, columns: int) -> int:
    """Bytes that a row of so many numbers takes."""
    return int(_library().ggml_row_size(kind.value, columns))


def quantize(
    data: memoryview, source: TensorType, kind: TensorType, columns: int, importance: Floats | None, threads: int
) -> Iterator[bytes]:
    """Rows of floats as blocks, in order, some at a time.

    `data` holds the rows in `source` (F32, F16 or BF16), each of `columns` numbers; `importance` weighs the columns
    (shape [columns], or [matrices, columns] where the data is several matrices one after the other). Raises
    TrainingError where the result holds what is no number, which weights that are none themselves lead to.
    """
    library = _library()
    library.ggml_quantize_init(kind.value)  # builds tables once, before several threads would at the same time
    values: npt.NDArray[Any] = np.frombuffer(data, dtype=_DTYPES[source]).reshape(-1, columns)
    weights = None if importance is None else np.ascontiguousarray(importance, np.float32).reshape(-1, columns)
    matrix = len(values) // (1 if weights is None else len(weights))  # rows that share their importance
    slab = max(1, _SLAB // columns)
    pieces = [
        (start, min(start + slab, first + matrix))
        for first in range(0, len(values), matrix)
        for start in range(first, first + matrix, slab)
    ]

    def blocks(piece: tuple[int, int]) -> bytes:
        start, end = piece
        rows = _as_floats(values[start:end], source)
        out = np.empty((end - start) * row_size(kind, columns), np.uint8)
        weight = None if weights is None else _pointer(weights[start // matrix])
        library.ggml_quantize_chunk(kind.value, _pointer(rows), out.ctypes.data, 0, end - start, columns, weight)
        if not library.ggml_validate_row_data(kind.value, out.ctypes.data, out.nbytes):
            raise TrainingError("the weights hold values that are no finite numbers: they can't be quantized")
        return out.tobytes()

    with ThreadPoolExecutor(threads) as pool:  # ctypes lets other threads run while C computes
        for first in range(0, len(pieces), threads):
            yield from pool.map(blocks, pieces[first : first + threads])


def _as_floats(rows: npt.NDArray[Any], source: TensorType) -> Floats:
    if source == T.BF16:  # the upper half of a float
        rows = (rows.astype(np.uint32) << 16).view(np.float32)
    return np.ascontiguousarray(rows, np.float32)


def _pointer(values: Floats) -> Any:
    return values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))


@functools.cache
def _library() -> ctypes.CDLL:
    """Raises Missing where xllamacpp is not installed, or no longer holds these functions."""
    spec = importlib.util.find_spec("xllamacpp")
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    files = [file for folder in folders for pattern in ("*.so", "*.dylib", "*.pyd") for file in folder.glob(pattern)]
    advice = "install `xllamacpp` as requirements/train.txt pins it, or put llama.cpp's llama-quantize on PATH"
    if not files:
        raise Missing(f"quantizing needs ggml's functions: {advice}")
    library = ctypes.CDLL(str(files[0]))
    try:
        quantize_chunk, size, _, validate = (getattr(library, name) for name in _NEEDED)
    except AttributeError as error:
        raise Missing(f"this version of xllamacpp does not export ggml's functions ({error}): {advice}") from error
    floats, length = ctypes.POINTER(ctypes.c_float), ctypes.c_int64
    quantize_chunk.restype = size.restype = ctypes.c_size_t
    quantize_chunk.argtypes = [ctypes.c_int, floats, ctypes.c_void_p, length, length, length, floats]
    size.argtypes = [ctypes.c_int, length]
    validate.restype = ctypes.c_bool
    validate.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    return library
