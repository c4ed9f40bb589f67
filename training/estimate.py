"""What a training needs of memory and time, told before any weight is loaded.

`python -m training.estimate sft|dpo --config x.yaml ...` tells it and trains nothing.
Figures of the model's shapes and the rows' lengths, good to a third or so.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from training import base, tensors, tokens
from training.base import device
from training.configs import ALL_LINEAR, DpoConfig, SftConfig
from training.errors import InvalidInput
from training.place import Place, find
from training.progress import Finished, emit, main
from training.schedule import Schedule, schedule

_LIBRARIES: Final = 900 << 20
"""Bytes of main memory that Python and the libraries take, of which a GPU holds nothing."""
_START_SECONDS: Final = 20.0
_EFFICIENCY: Final = 0.45
_EFFICIENCY_CPU_BFLOAT16: Final = 0.2
"""Share of a large matrix product's speed that training reaches; less where the products are four times as fast and
all that stands between them is not."""
_LOGITS_ROWS: Final = 1024
"""Positions whose logits TRL holds at once."""


class Estimate(NamedTuple):
    """What a training needs, and what there is."""

    device: str
    memory_bytes: int
    available_bytes: int
    seconds: float | None
    parameters: int
    trainable_parameters: int
    steps: int


class Shapes(NamedTuple):
    """Of a model: its parameters, those of an adapter that the settings ask for, and widths."""

    parameters: int
    adapter: int
    hidden: int
    intermediate: int
    layers: int
    vocabulary: int


def shapes(folder: Path, config: SftConfig | DpoConfig, adapter: Path | None = None) -> Shapes:
    """Read from config.json and the headers of the safetensors files. Raises InvalidInput where they can't be."""
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        text = told.get("text_config") or told
        found = dict(tensors.read(folder))
        hidden = int(text["hidden_size"])
        widths = int(text.get("intermediate_size") or 4 * hidden), int(text["num_hidden_layers"])
        vocabulary = int(text["vocab_size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{folder}: its shapes can't be read: {error}") from None
    if adapter:
        added = sum(_product(shape) for _, shape in tensors.read(adapter))
    else:
        training = config.training
        names = tuple(f".{name}.weight" for name in training.lora_target_modules)
        if training.lora_target_modules == ALL_LINEAR:
            names = tuple(name for name, shape in found.items() if ".layers." in name and len(shape) == 2)
        added = sum(training.lora_r * sum(shape) for name, shape in found.items() if name.endswith(names))
    return Shapes(sum(map(_product, found.values())), added, hidden, *widths, vocabulary)


def estimate(
    config: SftConfig | DpoConfig,
    model: Shapes,
    lengths: Sequence[int],
    plan: Schedule,
    *,
    device: str,
    available_bytes: int,
    flops: float | None,
    bfloat16: bool = False,
    is_adapter: bool = False,
) -> Estimate:
    """Memory at the peak and seconds in all, loading included.

    Args:
        config: the settings.
        model: from `shapes`.
        lengths: tokens of every sequence that is trained, padding left out; of a pair, both answers.
        plan: the steps.
        device: "cuda", "mps" or "cpu".
        available_bytes: what there is of that device's memory.
        flops: operations a second that training reaches on the device; None: no seconds are told.
        bfloat16: whether matrices are multiplied in that.
        is_adapter: whether the model to train is an adapter already.
    """
    training = config.training
    lora = training.use_lora or is_adapter
    trained = model.adapter if lora else model.parameters
    # On a processor what is held in float32 is cast to bfloat16 beside itself, and both are kept for the backward pass.
    value = 2 if device == "cuda" else 6 if bfloat16 else 4
    weights = model.parameters * (0.6 if config.model.load_in_4bit else value if lora else max(value, 4))
    state = trained * (4 if lora else 0) + trained * 12  # the adapter's own weights; gradients and Adam's two moments
    packs = isinstance(config, SftConfig) and config.training.packing
    tokens = config.data.max_seq_length if packs else training.per_device_train_batch_size * max(lengths)
    layer = (12 * model.hidden + 5 * model.intermediate + (4 * model.hidden if lora else 0)) * tokens * value
    kept = model.layers * model.hidden * tokens * value + layer if training.gradient_checkpointing else None
    activations = kept if kept is not None else layer * model.layers
    logits = min(tokens, _LOGITS_ROWS) * model.vocabulary * 4 * 3
    memory = weights + state + activations + logits + (_LIBRARIES if device != "cuda" else 0)
    seconds = None
    if flops:
        worked = sum(lengths) * plan.steps / plan.an_epoch
        work = 2 + 2 + (0 if lora else 2) + (2 if training.gradient_checkpointing else 0)
        reference = 2 * sum(lengths) if isinstance(config, DpoConfig) else 0
        seconds = round(_START_SECONDS + model.parameters * (work * worked + reference) / flops, 1)
    return Estimate(device, int(memory), available_bytes, seconds, model.parameters, trained, plan.steps)


def tell(config: SftConfig | DpoConfig, place: Place, lengths: Sequence[int], plan: Schedule) -> Estimate:
    """Emits the estimate for this machine, a second's measurement of its speed included."""
    on = device()
    found = estimate(
        config,
        shapes(place.base, config, place.folder if place.adapter else None),
        lengths,
        plan,
        device=on,
        available_bytes=available_bytes(on),
        flops=reached_flops(on),
        bfloat16=base.bfloat16(on),
        is_adapter=place.adapter,
    )
    emit("estimate", **found._asdict())
    return found


def available_bytes(device: str) -> int:
    """Free memory of the device: of the GPU, else of this machine or of the limit that this process runs under."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    import psutil

    found = [int(psutil.virtual_memory().available)]
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limit = Path(name).read_text(encoding="ascii").strip()
        except OSError:  # not Linux, or no control groups
            continue
        if limit.isdigit():
            found.append(int(limit))
    return min(found)


def reached_flops(device: str) -> float:
    """Operations a second of training: of a large matrix product in the type that the device trains in, a share."""
    import time

    import torch

    bfloat16 = base.bfloat16(device)
    kind = torch.bfloat16 if bfloat16 else torch.float32
    size = 8192 if device == "cuda" else 1024
    matrix = torch.ones(size, size, dtype=kind, device=device)
    best = float("inf")
    for _ in range(4):  # the first is slower: threads start, kernels are chosen
        begun = time.perf_counter()
        float((matrix @ matrix)[0, 0])  # waits for the device
        best = min(best, time.perf_counter() - begun)
    return 2 * size**3 / best * (_EFFICIENCY_CPU_BFLOAT16 if bfloat16 and device == "cpu" else _EFFICIENCY)


def _product(shape: Iterable[int]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def of_sft(config: SftConfig) -> Finished:
    """Reads and tokenises the rows, emits the estimate, trains nothing. Raises as `training.sft.train`."""
    place = find(config)
    rows = tokens.read_rows(config.data.train_file, config.data.thinking)
    made = tokens.sft_dataset(base.tokenizer(place.folder, place.base), rows, config.data.max_seq_length)
    plan = schedule(config.training, tokens.sequences(made, config))
    found = tell(config, place, [len(ids) for ids in made["input_ids"]], plan)
    return Finished(config.training.output_dir, found._asdict())


def of_dpo(config: DpoConfig) -> Finished:
    """As `of_sft`, for pairs."""
    place = find(config)
    pairs = tokens.read_pairs(config.data.preference_file, config.data.thinking)
    made = tokens.dpo_dataset(base.tokenizer(place.folder, place.base), pairs, config.data.max_seq_length)
    found = tell(config, place, tokens.pair_lengths(made), schedule(config.training, len(made)))
    return Finished(config.training.output_dir, found._asdict())


if __name__ == "__main__":
    if sys.argv[1:2] == ["dpo"]:
        sys.exit(main("estimate", DpoConfig, of_dpo, sys.argv[2:]))
    if sys.argv[1:2] == ["sft"]:
        sys.exit(main("estimate", SftConfig, of_sft, sys.argv[2:]))
    sys.exit("python -m training.estimate sft|dpo --config x.yaml field.sub=value ...")
