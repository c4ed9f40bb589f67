"""A spec as the program that does it: its module in training/, and the settings in its YAML file.

Paths are relative to the job's folder, in which the program runs: the settings are written into what it makes, and
callers are told nothing of the service's disk.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from services.training.specs import DpoSpec, EvaluateSpec, QuantizeSpec, SftSpec, TrainingOptions

ProgramSpec = SftSpec | DpoSpec | QuantizeSpec | EvaluateSpec
OUTPUT: Final = "output"
TRAIN: Final = "input/train.jsonl"
VALIDATION: Final = "input/validation.jsonl"
IMATRIX: Final = "input/imatrix.jsonl"
FIDELITY: Final = "input/fidelity.jsonl"
TEST: Final = "input/test.jsonl"
SCHEMA: Final = "input/schema.yaml"

_OF_DATA: Final = frozenset({"max_seq_length"})
_OF_MODEL: Final = frozenset({"load_in_4bit"})


class Program(NamedTuple):
    """What runs, and with which settings."""

    module: str
    config: dict[str, Any]


def program(spec: ProgramSpec, models: list[str], *, validation: bool) -> Program:
    """The program of a spec.

    Args:
        spec: what is to be done.
        models: its models as the program finds them, in the order of the spec.
        validation: whether there are validation rows.
    """
    if isinstance(spec, SftSpec):
        return Program("training.sft", _trained(spec, models[0], "train_file", validation))
    if isinstance(spec, DpoSpec):
        return Program("training.dpo", _trained(spec, models[0], "preference_file", validation))
    if isinstance(spec, QuantizeSpec):
        return Program("training.gguf", _quantized(spec, models[0]))
    return Program("training.evaluate", _measured(spec, models))


def _trained(spec: SftSpec | DpoSpec, model: str, rows: str, validation: bool) -> dict[str, Any]:
    asked = (spec.training or TrainingOptions()).model_dump(exclude_defaults=True)
    config: dict[str, Any] = {"model": {"name": model}, "training": {"output_dir": OUTPUT}, "data": {rows: TRAIN}}
    if validation:
        config["data"]["validation_file"] = VALIDATION
    for name, value in asked.items():
        section = "data" if name in _OF_DATA else "model" if name in _OF_MODEL else "training"
        config[section][name] = value
    return config


def _quantized(spec: QuantizeSpec, model: str) -> dict[str, Any]:
    config: dict[str, Any] = {"model": {"name": model}, "output_dir": OUTPUT}
    named = {"name": spec.name, "prefix": spec.prefix}
    config["naming"] = {field: value for field, value in named.items() if value}
    if spec.quantization:
        config["quantization"] = {"type": spec.quantization}
    files = {"imatrix_file": spec.imatrix_dataset and IMATRIX, "fidelity_file": spec.fidelity_dataset and FIDELITY}
    config["data"] = {field: path for field, path in files.items() if path}
    if spec.fidelity_threshold is not None:
        config["fidelity"] = {"threshold": spec.fidelity_threshold}
    return config


def _measured(spec: EvaluateSpec, models: list[str]) -> dict[str, Any]:
    config: dict[str, Any] = {"models": models, "data": {"test_file": TEST}, "output_dir": OUTPUT}
    if len(set(spec.models)) == len(spec.models):
        config["labels"] = list(spec.models)  # the names that callers know, not those of folders
    if spec.cli_schema:
        config["data"]["schema_file"] = SCHEMA
    for field in ("max_new_tokens", "max_samples"):
        if value := getattr(spec, field):
            config[field] = value
    return config
