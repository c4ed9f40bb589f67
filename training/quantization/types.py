"""The types of a quantized file: llama.cpp's names and numbers.

A file type is a recipe: most tensors get its base type, some others more bits. Nothing here loads numpy or ggml, so
that a service can refuse a name before any work begins.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from training.errors import InvalidInput


class TensorType(IntEnum):
    """How the numbers of one tensor are held; ggml's numbering, as it stands in a GGUF file."""

    F32 = 0
    F16 = 1
    Q4_0 = 2
    Q4_1 = 3
    Q5_0 = 6
    Q5_1 = 7
    Q8_0 = 8
    Q2_K = 10
    Q3_K = 11
    Q4_K = 12
    Q5_K = 13
    Q6_K = 14
    IQ2_XXS = 16
    IQ2_XS = 17
    IQ3_XXS = 18
    IQ1_S = 19
    IQ4_NL = 20
    IQ3_S = 21
    IQ2_S = 22
    IQ4_XS = 23
    IQ1_M = 29
    BF16 = 30
    TQ1_0 = 34
    TQ2_0 = 35
    MXFP4 = 39
    Q1_0 = 41
    Q2_0 = 42


T = TensorType

FLOATS: Final = frozenset({T.F32, T.F16, T.BF16})
"""What a tensor may be held in before it is quantized."""

BLOCKS: Final[dict[TensorType, int]] = {
    T.F32: 1, T.F16: 1, T.BF16: 1,
    T.Q4_0: 32, T.Q4_1: 32, T.Q5_0: 32, T.Q5_1: 32, T.Q8_0: 32, T.IQ4_NL: 32, T.MXFP4: 32, T.Q2_0: 64, T.Q1_0: 128,
}  # fmt: skip
"""Numbers that are quantized together: a tensor's rows must be a multiple of that long. 256 where not named."""


class FileType(NamedTuple):
    """One of llama.cpp's file types: `name` as llama-quantize takes it, `number` as general.file_type holds it."""

    name: str
    number: int
    base: TensorType
    needs_imatrix: bool = False
    """Some tensors would be garbage without the importance of their input channels; llama.cpp refuses as well."""


_KNOWN: Final = (
    FileType("f32", 0, T.F32),
    FileType("f16", 1, T.F16),
    FileType("bf16", 32, T.BF16),
    FileType("q8_0", 7, T.Q8_0),
    FileType("q6_k", 18, T.Q6_K),
    FileType("q5_k_m", 17, T.Q5_K),
    FileType("q5_k_s", 16, T.Q5_K),
    FileType("q5_1", 9, T.Q5_1),
    FileType("q5_0", 8, T.Q5_0),
    FileType("q4_k_m", 15, T.Q4_K),
    FileType("q4_k_s", 14, T.Q4_K),
    FileType("q4_1", 3, T.Q4_1),
    FileType("q4_0", 2, T.Q4_0),
    FileType("iq4_nl", 25, T.IQ4_NL),
    FileType("iq4_xs", 30, T.IQ4_XS),
    FileType("q3_k_l", 13, T.Q3_K),
    FileType("q3_k_m", 12, T.Q3_K),
    FileType("q3_k_s", 11, T.Q3_K),
    FileType("iq3_m", 27, T.IQ3_S),
    FileType("iq3_s", 26, T.IQ3_S),
    FileType("iq3_xs", 22, T.IQ3_S, needs_imatrix=True),
    FileType("iq3_xxs", 23, T.IQ3_XXS, needs_imatrix=True),
    FileType("q2_k", 10, T.Q2_K),
    FileType("q2_k_s", 21, T.Q2_K, needs_imatrix=True),
    FileType("iq2_m", 29, T.IQ2_S, needs_imatrix=True),
    FileType("iq2_s", 28, T.IQ2_XS, needs_imatrix=True),
    FileType("iq2_xs", 20, T.IQ2_XS, needs_imatrix=True),
    FileType("iq2_xxs", 19, T.IQ2_XXS, needs_imatrix=True),
    FileType("iq1_m", 31, T.IQ1_M, needs_imatrix=True),
    FileType("iq1_s", 24, T.IQ1_S, needs_imatrix=True),
    FileType("tq2_0", 37, T.TQ2_0),
    FileType("tq1_0", 36, T.TQ1_0),
    FileType("q2_0", 41, T.Q2_0),
    FileType("q1_0", 40, T.Q1_0),
    FileType("mxfp4_moe", 38, T.MXFP4),
)
FILE_TYPES: Final[dict[str, FileType]] = {known.name: known for known in _KNOWN}
"""By name in lower case, from most bits to fewest."""

ALIASES: Final = {"q3_k": "q3_k_m", "q4_k": "q4_k_m", "q5_k": "q5_k_m"}

_REFUSED: Final = {
    "copy": "it copies a GGUF file without quantizing it: name the type you want, such as f16",
    "nvfp4": "llama.cpp reads such files but does not make them: the model must come in NVFP4 already",
    "q8_1": "it is how llama.cpp holds activations while it computes, not a type of files: take q8_0",
    "q8_k": "it is how llama.cpp holds activations while it computes, not a type of files: take q8_0",
    "q4_0_4_4": "llama.cpp no longer has it and repacks q4_0 by itself while loading: take q4_0",
    "q4_0_4_8": "llama.cpp no longer has it and repacks q4_0 by itself while loading: take q4_0",
    "q4_0_8_8": "llama.cpp no longer has it and repacks q4_0 by itself while loading: take q4_0",
}


def file_type(name: str) -> FileType:
    """The file type of this name, in any case. Raises InvalidInput, with the known names, for every other one."""
    key = name.strip().lower()
    key = ALIASES.get(key, key)
    if key in FILE_TYPES:
        return FILE_TYPES[key]
    known = f"known types: {', '.join(FILE_TYPES)}; {', '.join(f'{old} means {new}' for old, new in ALIASES.items())}"
    if key in _REFUSED:
        raise InvalidInput(f"quantization type {name!r} can't be made: {_REFUSED[key]} ({known})")
    raise InvalidInput(f"unknown quantization type {name!r}; {known}")
