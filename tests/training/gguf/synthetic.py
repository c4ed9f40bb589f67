"""Small models of many shapes, the same bits everywhere: for them llama.cpp's own quantizer said what is right.

Weights come from numpy's RandomState, whose streams never change. Nothing here needs more than numpy and gguf.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import gguf
import numpy as np


class Shape(NamedTuple):
    """What llama.cpp's choices depend on, and what its blocks must divide."""

    architecture: str
    layers: int
    width: int
    inner: int
    heads: int
    shared: int
    tied: bool
    experts: int = 0
    held: str = "f16"


SHAPES = {
    # rows that every block divides; one pair of keys and values for four heads; output of its own
    "dense": Shape("llama", 8, 256, 256, 4, 1, tied=False),
    # rows that blocks of 32 divide and those of 256 don't; tied output; held in bf16
    "narrow": Shape("llama", 9, 64, 192, 2, 1, tied=True, held="bf16"),
    # rows that no block divides
    "odd": Shape("llama", 2, 40, 256, 2, 2, tied=True, held="f32"),
    "experts": Shape("llama", 2, 256, 256, 4, 4, tied=True, experts=8),
    # one matrix for queries, keys and values, and choices of its own
    "falcon": Shape("falcon", 16, 256, 256, 4, 1, tied=False),
}
ROWS = 4


def write(path: Path, shape: Shape) -> None:
    """Writes the model as a GGUF file without a vocabulary, which quantizing doesn't look at."""
    writer = gguf.GGUFWriter(path, shape.architecture)
    writer.add_quantization_version(2)  # in the middle, so that it is seen to move to the end
    writer.add_name("a model that nobody runs")
    writer.add_block_count(shape.layers)
    writer.add_context_length(64)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.shared)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    if shape.architecture == "falcon":
        writer.add_layer_norm_eps(1e-5)
    else:
        writer.add_layer_norm_rms_eps(1e-5)
    if shape.experts:
        writer.add_expert_count(shape.experts)
        writer.add_expert_used_count(2)
    writer.add_file_type({"f32": 0, "f16": 1, "bf16": 32}[shape.held])
    writer.add_array("tokenizer.ggml.tokens", [f"t{i}" for i in range(ROWS)])
    random = np.random.RandomState(7)
    for name, size in tensors(shape).items():
        values = random.standard_normal(size).astype(np.float32)
        values *= np.where(random.random_sample(size) < 0.01, 8, 0.5).astype(np.float32)  # some far out, as in life
        if len(size) == 1 or shape.held == "f32":
            writer.add_tensor(name, values)
        elif shape.held == "f16":
            writer.add_tensor(name, values.astype(np.float16))
        else:
            upper = (values.view(np.uint32) >> 16).astype(np.uint16)
            writer.add_tensor(name, upper.view(np.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tensors(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Names and shapes (rows, columns), in an order that llama.cpp changes.

    Few rows, since the quantizer takes each for itself and doesn't ask how many a real model has.
    """
    width, inner = shape.width, shape.inner
    sizes: dict[str, tuple[int, ...]] = {"token_embd.weight": (ROWS, width)}
    for layer in reversed(range(shape.layers)):
        block = f"blk.{layer}."
        sizes[f"{block}attn_norm.weight"] = (width,)
        for name in ("attn_qkv",) if shape.architecture == "falcon" else ("attn_q", "attn_k", "attn_v"):
            sizes[f"{block}{name}.weight"] = (ROWS, width)
        sizes[f"{block}attn_output.weight"] = (ROWS, width)
        if shape.experts:
            sizes[f"{block}ffn_gate_inp.weight"] = (shape.experts, width)
            sizes[f"{block}ffn_gate_exps.weight"] = sizes[f"{block}ffn_up_exps.weight"] = (shape.experts, ROWS, width)
            sizes[f"{block}ffn_down_exps.weight"] = (shape.experts, ROWS, inner)
        else:
            if shape.architecture != "falcon":
                sizes[f"{block}ffn_gate.weight"] = (ROWS, width)
            sizes[f"{block}ffn_up.weight"] = (ROWS, width)
            sizes[f"{block}ffn_down.weight"] = (ROWS, inner)
    sizes["output_norm.weight"] = (width,)
    if not shape.tied:
        sizes["output.weight"] = (ROWS, width)
    return sizes


def importance(shape: Shape) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]]:
    """Means of squared inputs for every matrix of the blocks, shape [columns] each (times the experts)."""
    random = np.random.RandomState(11)
    return {
        name: random.exponential(1.0, size[-1] * (size[0] if len(size) == 3 else 1)).astype(np.float32)
        for name, size in tensors(shape).items()
        if len(size) > 1 and name.startswith("blk.") and "gate_inp" not in name
    }
