"""Which input channels of each matrix matter: the mean of their squares over train rows, as llama-imatrix measures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from training import base, progress, rows
from training.errors import InvalidInput
from training.quantization import importance
from training.quantization.container import GgufFile

if TYPE_CHECKING:
    import torch

_MOST_ROWS: Final = 128
_MOST_TOKENS: Final = 512
"""Of a row; what comes after counts for nothing."""


def write(folder: Path, data: Path, converted: Path, target: Path) -> None:
    """Writes the importance matrix of the model in `folder` over the first rows of `data`, prompts and answers.

    `converted`: its GGUF file, whose tensors the entries are named after. Raises InvalidInput for rows that can't be
    used, or an architecture whose tensors have no known names.
    """
    import torch

    loaded = base.load(folder)
    model: Any = loaded.model
    known = _names(converted)
    sums: dict[str, torch.Tensor] = {}
    handles = []
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and (tensor := known(f"{name}.weight")):
            handles.append(module.register_forward_pre_hook(_adder(sums, tensor)))
    if not handles:
        raise InvalidInput(f"{folder}: none of its matrices has a name in GGUF: an importance matrix can't be made")
    texts = _texts(loaded.tokenizer, data)
    tokens = 0
    with torch.inference_mode():
        for done, text in enumerate(texts):
            progress.emit("step", stage="imatrix", step=done, steps=len(texts))
            ids = loaded.tokenizer(text, add_special_tokens=False)["input_ids"][:_MOST_TOKENS]
            model(torch.tensor([ids], device=model.device), use_cache=False)
            tokens += len(ids)
    for handle in handles:
        handle.remove()
    importance.write(
        target,
        {name: total.float().numpy() for name, total in sums.items()},
        tokens,
        dataset=data.name,
        chunks=len(texts),
    )


def _texts(tokenizer: Any, data: Path) -> list[str]:
    texts = []
    for row in rows.read(data):
        answer = row.completion if isinstance(row, rows.Row) else row.chosen
        texts.append(rows.render(tokenizer, row.prompt) + answer)
        if len(texts) == _MOST_ROWS:
            break
    if not texts:
        raise InvalidInput(f"data.imatrix_file: {data} holds no rows")
    return texts


def _adder(sums: dict[str, torch.Tensor], name: str) -> Callable[[Any, tuple[torch.Tensor, ...]], None]:
    def add(_: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        # One row's sum in the device's 32 bits, all rows' in 64, which MPS does not have.
        squares = inputs[0].detach().float().square().flatten(0, -2).sum(0).cpu().double()
        sums[name] = sums[name] + squares if name in sums else squares

    return add


def _names(converted: Path) -> Callable[[str], str | None]:
    """From the name of a weight in transformers to the tensor's in the file; None for what is in no block of it."""
    import gguf

    with GgufFile(converted) as file:
        architecture = file.value("general.architecture")
        blocks = file.value(f"{architecture}.block_count", 0)
        held = {tensor.name for tensor in file.tensors}
    arch = next((key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture), None)
    if arch is None:
        raise InvalidInput(f"{converted}: the importance of {architecture}'s matrices can't be measured here")
    names = gguf.get_tensor_name_map(arch, blocks)

    def known(weight: str) -> str | None:
        name = names.get_name(weight, try_suffixes=(".weight",))
        # As llama-imatrix by default: without the output matrix, which is the embedding's too where the two are tied.
        return name if name in held and name.startswith("blk.") else None

    return known
