"""Which tensor gets which type: llama.cpp's choices (src/llama-quant.cpp), tensor by tensor.

Tensors that matter more get more bits than the type's base: the output matrix, the values of attention (few numbers,
shared by several heads), the way down of the feed-forward in the first, the last and every third layer. A row that a
type's blocks don't divide falls back to a type with smaller blocks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from training.errors import InvalidInput
from training.quantization.container import GgufFile, Tensor
from training.quantization.types import BLOCKS, FLOATS, FileType, T, TensorType

_FALLBACK: Final = {
    **dict.fromkeys((T.IQ1_S, T.IQ1_M, T.IQ2_XXS, T.IQ2_XS, T.IQ2_S, T.IQ3_XXS, T.IQ3_S, T.IQ4_XS), T.IQ4_NL),
    **dict.fromkeys((T.Q2_0, T.Q2_K, T.Q3_K, T.TQ1_0, T.TQ2_0), T.Q4_0),
    T.Q4_K: T.Q5_0,
    T.Q5_K: T.Q5_1,
    T.Q6_K: T.Q8_0,
}
_WANTS_IMATRIX: Final = frozenset({T.IQ1_S, T.IQ1_M, T.IQ2_XXS, T.IQ2_XS, T.IQ2_S, T.IQ3_XXS})
_NEVER: Final = re.compile(
    r"_norm\.weight|ffn_gate_inp\.weight|ffn_gate_tid2eid\.weight|altup|laurel|per_layer_model_proj"
    r"|^position_embd\.weight$|^token_types\.weight$|ssm_conv1d|shortconv\.conv\.weight|indexer\.[kq]_proj\.weight"
    r"|time_mix_(first|w[012]|v[012]|a[012]|g[12]|decay_w[12]|lerp_fused)\.weight|attn_rel_b\.weight"
    r"|\.position_embd|sam\.pos_embd|sam\.neck\.|sam\.net_|\.rel_pos|\.patch_embd|\.patch_merger"
    r"|a\.rvq\.codebook|mm\.a\.code_embd"
)
_EMBEDDINGS: Final = ("token_embd.weight", "per_layer_token_embd.weight")
_ROLES: Final = (
    ("attn_qkv.weight", "qkv"), ("attn_kv_b.weight", "kv_b"), ("attn_v.weight", "v"), ("attn_k.weight", "k"),
    ("attn_q.weight", "q"), ("attn_output.weight", "attn_output"),
    ("ffn_up", "up"), ("ffn_gate", "gate"), ("ffn_down", "down"),
)  # fmt: skip
_VALUES: Final = ("qkv", "kv_b", "v")
_SPECIAL: Final = frozenset({"glm5-next", "bailingmoe3"})
"""Architectures for which llama.cpp has rules of their own that are not here."""

_LARGE: Final = {"deci": 80, "jais2": 68, "llama": 80, "olmo": 80, "qwen2": 80}
"""Layers of the models that llama.cpp calls 70B, by architecture."""


@dataclass(frozen=True)
class Model:
    """What the choices depend on besides the type; `gqa`: heads that share one pair of keys and values."""

    architecture: str
    layers: int
    experts: int
    gqa: int
    multihead: bool
    tied: bool

    @staticmethod
    def of(file: GgufFile) -> Model:
        """Raises InvalidInput for a file that is no model, or whose architecture has rules that are not here."""
        architecture = str(file.value("general.architecture", ""))
        if architecture in _SPECIAL:
            raise InvalidInput(
                f"{file.path}: quantizing {architecture} follows rules of its own: "
                "put llama.cpp's llama-quantize on PATH, which then does it"
            )
        layers = file.value(f"{architecture}.block_count")
        if not layers:
            raise InvalidInput(f"{file.path}: no model: it does not say how many blocks it has")
        heads = _first(file.value(f"{architecture}.attention.head_count", 0))
        shared = _first(file.value(f"{architecture}.attention.head_count_kv", heads))
        return Model(
            architecture,
            layers,
            _first(file.value(f"{architecture}.expert_count", 0)),
            heads // shared if shared else 0,
            heads == shared,
            all(tensor.name != "output.weight" for tensor in file.tensors),
        )

    @property
    def is_70b(self) -> bool:
        """Whether llama.cpp counts it as a 70B model, whose values of attention are eight times smaller."""
        large = _LARGE.get(self.architecture) == self.layers
        return large and not (self.architecture == "llama" and self.multihead)


def order(tensors: Sequence[Tensor]) -> list[Tensor]:
    """As llama.cpp writes them: those outside the blocks first, then block by block, by name in each."""
    return sorted(tensors, key=lambda tensor: (_block(tensor.name), tensor.name.encode()))


def plan(model: Model, tensors: Sequence[Tensor], kind: FileType, imatrix: frozenset[str] | None) -> list[TensorType]:
    """The type of each tensor, which must come in `order`'s order; `imatrix`: the tensors whose importance is known.

    Raises InvalidInput where a tensor can't be held in the type, before anything is written.
    """
    values = sum(_role(tensor.name) in _VALUES for tensor in tensors)
    mix = _Mix(model, kind, values, imatrix is not None)
    types = []
    for tensor in tensors:
        if not _quantizable(tensor):
            types.append(TensorType(tensor.type))
            continue
        chosen = kind.base if kind.base in FLOATS else fitting(mix.choose(tensor), tensor.shape[0], tensor.name)
        if chosen != tensor.type and tensor.type not in FLOATS:
            raise InvalidInput(
                f"{tensor.name} is quantized already ({TensorType(tensor.type).name.lower()}); "
                "quantizing twice loses quality: start from f16, bf16 or f32"
            )
        garbage = chosen in _WANTS_IMATRIX or (chosen == T.Q2_K and kind.name == "q2_k_s")
        if garbage and tensor.name not in (imatrix or ()) and tensor.name not in (*_EMBEDDINGS, "output.weight"):
            raise InvalidInput(
                f"{kind.name} holds {tensor.name} in {chosen.name.lower()}, garbage without the importance of its "
                "input channels: give data.imatrix_file rows that reach it, or take a type with more bits"
            )
        types.append(chosen)
    return types


def fitting(chosen: TensorType, columns: int, name: str) -> TensorType:
    """The type itself, or the one its rows of `columns` numbers fall back to. Raises InvalidInput where none is."""
    block = BLOCKS.get(chosen, 256)
    if columns % block == 0:
        return chosen
    if chosen not in _FALLBACK and block > 32:
        raise InvalidInput(
            f"{name} has rows of {columns} numbers, which {chosen.name.lower()} can't hold: it takes multiples of "
            f"{block}, and llama.cpp has nothing to fall back to"
        )
    chosen = _FALLBACK.get(chosen, chosen)
    return chosen if columns % BLOCKS.get(chosen, 256) == 0 else T.F16


class _Mix:
    """Chooses for one tensor after the other: how many of its role came before decides as well."""

    def __init__(self, model: Model, kind: FileType, values: int, imatrix: bool) -> None:
        self.model = model
        self.kind = kind
        self.values = values
        self.imatrix = imatrix
        self.seen = {"values": 0, "up": 0, "gate": 0, "down": 0}

    def choose(self, tensor: Tensor) -> TensorType:
        """The type before any fallback."""
        role = _role(tensor.name)
        name = self.kind.name
        if role == "output" or (role == "embeddings" and self.model.tied):
            return self._output(tensor.shape[0])
        if name == "mxfp4_moe":
            return T.MXFP4 if len(tensor.shape) > 2 else T.Q8_0
        if role == "embeddings":
            return _EMBEDDED.get(name, self.kind.base)
        if name in _LOWEST:
            return self._lowest(role)
        if role in _VALUES:
            return self._values()
        if role == "k":
            return T.Q8_0 if self.model.experts == 8 else _QUERIES.get(name, self.kind.base)
        if role == "q":
            return _QUERIES.get(name, self.kind.base)
        if role == "down":
            return self._down(tensor.name)
        if role == "attn_output":
            return self._attention_output()
        if role in ("gate", "up"):
            layer = self._layer(tensor.name, role)
            inner = self.model.layers // 8 <= layer < 7 * self.model.layers // 8
            return T.IQ3_XXS if name == "iq3_xs" and inner else self.kind.base
        return self.kind.base

    def _output(self, columns: int) -> TensorType:
        if self.kind.name == "mxfp4_moe" or self.model.architecture == "falcon":
            return T.Q8_0
        if columns % BLOCKS.get(self.kind.base, 256):
            return T.Q8_0
        if self.kind.name in _LOWEST or self.kind.name == "iq3_xxs":
            return T.Q5_K
        return T.Q8_0 if self.kind.base == T.Q8_0 else T.Q6_K

    def _lowest(self, role: str) -> TensorType:
        better = T.IQ3_S if self.kind.name in ("iq2_s", "iq2_m") else T.Q2_K
        if role in _VALUES:
            return T.Q4_K if self.model.gqa >= 4 or self.model.experts >= 4 else better
        if role == "k" and self.model.experts == 8:
            return T.Q4_K
        if role == "down":
            return better if self._count("down") < self.model.layers // 8 else self.kind.base
        if role == "attn_output":
            if self.model.experts == 8:
                return T.Q5_K
            if self.kind.name in ("iq1_s", "iq1_m"):
                return T.IQ2_XXS
            return T.IQ3_S if better == T.IQ3_S else self.kind.base
        return self.kind.base

    def _values(self) -> TensorType:
        name, shared, before = self.kind.name, self.model.gqa >= 4, self._count("values")
        chosen = self.kind.base
        if name == "q2_k":
            chosen = T.Q4_K if shared else T.Q3_K
        elif name == "iq3_xxs":
            chosen = T.Q4_K if shared else T.IQ3_XXS if self.imatrix else T.IQ3_S
        elif name == "iq3_m" or (name in ("q2_k_s", "iq3_xs", "iq3_s") and shared):
            chosen = T.Q4_K
        elif name == "q3_k_m":
            chosen = T.Q5_K if before < 2 else T.Q4_K
        elif name == "q3_k_l" or (name in ("iq4_nl", "iq4_xs") and shared):
            chosen = T.Q5_K
        elif name in ("q4_k_m", "q5_k_m") and _more_bits(before, self.values):
            chosen = T.Q6_K
        elif name == "q4_k_s" and before < 4:
            chosen = T.Q5_K
        if self.model.is_70b and chosen in (T.Q3_K, T.Q4_K):
            chosen = T.Q5_K
        return T.Q8_0 if self.model.experts == 8 else chosen

    def _down(self, tensor: str) -> TensorType:
        name, layers = self.kind.name, self.model.layers
        layer = self._layer(tensor, "down")
        first, more = layer < layers // 8, _more_bits(layer, layers)
        falcon = self.model.architecture == "falcon"
        if name == "q2_k":
            return T.Q3_K
        if name == "iq3_xxs" and not self.imatrix:
            return T.Q4_K if first else T.Q3_K
        if name == "q3_k_m":
            return T.Q5_K if layer < layers // 16 else T.Q4_K if more or not falcon else T.Q3_K
        if name == "q3_k_l":
            return T.Q4_K if falcon else T.Q5_K
        if name == "q4_k_m" and falcon:
            return T.Q6_K if layer < layers // 16 else T.Q5_K if more else T.Q4_K
        if name in ("q4_k_m", "q5_k_m") and more:
            return T.Q6_K
        if name == "iq3_m" and (first or (self.model.experts == 8 and more)):
            return T.Q4_K
        if not first:
            return self.kind.base
        if name == "q2_k_s":
            return T.Q4_K
        if (name == "q4_k_s" and not falcon) or (name in ("iq4_nl", "iq4_xs") and not self.imatrix):
            return T.Q5_K
        if self.imatrix:  # the first few of these go wrong with an imatrix; without one nothing changes
            return {"q4_0": T.Q4_1, "q5_0": T.Q5_1}.get(name, self.kind.base)
        return self.kind.base

    def _attention_output(self) -> TensorType:
        name = self.kind.name
        if self.model.architecture == "falcon":
            return T.Q4_K if name == "q3_k_l" else self.kind.base
        if self.model.experts == 8:
            return T.Q5_K if name in _FIVE_FOR_EXPERTS else self.kind.base
        return _ATTENTION_OUTPUT.get(name, self.kind.base)

    def _layer(self, name: str, role: str) -> int:
        """The layer, counted by the tensors seen of this role; by name where experts lie in another order."""
        count = self._count(role)
        return _block(name) if self.model.experts > 1 else count

    def _count(self, role: str) -> int:
        self.seen[role] += 1
        return self.seen[role] - 1


_LOWEST: Final = ("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq2_m")
_EMBEDDED: Final = {
    **dict.fromkeys(("iq2_xxs", "iq2_xs", "iq1_s", "iq1_m"), T.Q2_K),
    **dict.fromkeys(("iq2_s", "iq2_m", "iq3_xxs"), T.IQ3_S),
    **dict.fromkeys(("tq1_0", "tq2_0", "q2_0"), T.Q4_K),
}
_QUERIES: Final = {"iq3_xs": T.IQ3_XXS, "iq3_xxs": T.IQ2_S}
_ATTENTION_OUTPUT: Final = {
    "q2_k": T.Q3_K, "iq3_xxs": T.IQ3_S, "q3_k_m": T.Q4_K, "q3_k_l": T.Q5_K, "iq3_m": T.Q4_K,
}  # fmt: skip
_FIVE_FOR_EXPERTS: Final = (
    "q2_k", "iq3_xs", "iq3_xxs", "q3_k_s", "q3_k_m", "iq4_nl", "q4_k_s", "q4_k_m", "iq3_s", "iq3_m", "iq4_xs",
)  # fmt: skip


def _more_bits(layer: int, layers: int) -> bool:
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def _quantizable(tensor: Tensor) -> bool:
    return len(tensor.shape) > 1 and tensor.name.endswith("weight") and not _NEVER.search(tensor.name)


def _role(name: str) -> str:
    if name == "output.weight":
        return "output"
    if name in _EMBEDDINGS:
        return "embeddings"
    return next((role for part, role in _ROLES if part in name), "other")


def _block(name: str) -> int:
    """The number of the block a tensor belongs to; -1 where it belongs to none."""
    found = re.match(r"blk\.(\d+)\.", name)
    return int(found[1]) if found else -1


def _first(value: int | list[int]) -> int:
    """Of a number that may be given for each layer, the first layer's."""
    return value[0] if isinstance(value, list) else value
