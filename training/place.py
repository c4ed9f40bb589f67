"""Where the model of a training lies, and whether its settings can train it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from training import base, tensors
from training.configs import ALL_LINEAR, DpoConfig, SftConfig
from training.errors import InvalidInput


class Place(NamedTuple):
    """A model that is going to be trained."""

    folder: Path
    """Of the model or the adapter that was named."""
    base: Path
    """Of the whole model: the same, or what the adapter belongs to."""
    base_name: str
    adapter: bool


def find(config: SftConfig | DpoConfig) -> Place:
    """Finds the model of these settings, fetching it where it has to be.

    Raises:
        Missing, InvalidInput: as `base.resolve`; a whole training of an adapter; 4 bits without CUDA; target modules
            that the model doesn't have.
    """
    if config.model.load_in_4bit:
        base.check_four_bit(base.device())
    name = config.model.name
    folder = base.resolve(name)
    adapter = base.is_adapter(folder)
    base_name = base.base_name(name)
    place = Place(folder, base.resolve(base_name), base_name, adapter)
    if adapter and not config.training.use_lora:
        raise InvalidInput(
            f"training.use_lora: {name} is an adapter, which can only be trained as one; leave use_lora true, "
            "or merge it first (python -m training.merge)"
        )
    if config.training.use_lora and not adapter:
        _check_targets(place.base, name, config.training.lora_target_modules)
    return place


def _check_targets(folder: Path, name: str, targets: list[str]) -> None:
    if targets == ALL_LINEAR:
        return
    modules = {tensor.rpartition(".")[0].rpartition(".")[2] for tensor, _ in tensors.read(folder)}
    if unknown := [target for target in targets if target.rpartition(".")[2] not in modules]:
        projections = sorted(module for module in modules if module.endswith("proj"))
        raise InvalidInput(
            f"training.lora_target_modules: {name} has no {', '.join(unknown)}; it has "
            f"{', '.join(projections or sorted(modules))}"
        )
    if "lm_head" in targets:
        raise InvalidInput(
            "training.lora_target_modules: lm_head can't have an adapter; name projections of the layers"
        )
