"""Settings of the programs: YAML in nested sections, overridden on the command line as `section.field=value`.

Every field is typed and frozen, and one that nobody knows is refused. This module loads without torch.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from training.errors import InvalidInput

Config = TypeVar("Config", bound=BaseModel)


ALL_LINEAR: Final = ["all-linear"]


class Section(BaseModel):
    """Settings that belong together."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Model(Section):
    """Which model."""

    name: str = Field("meta-llama/Llama-3.2-1B-Instruct", min_length=1)
    """A name on the hub, a folder (of a model or an adapter), or "embedded/smollm2-135m"."""
    load_in_4bit: bool = False
    """Hold the base model in 4 bits; CUDA alone."""


class Training(Section):
    """How a model is trained, in the names of transformers, TRL and PEFT."""

    output_dir: Path
    """Appears when the model is finished; until then there is only `{output_dir}.work`."""
    num_train_epochs: float = Field(3, gt=0)
    max_steps: int | None = Field(None, ge=1)
    """Optimizer steps at most; goes before num_train_epochs."""
    per_device_train_batch_size: int = Field(8, ge=1)
    gradient_accumulation_steps: int = Field(4, ge=1)
    learning_rate: float = Field(2e-5, gt=0, allow_inf_nan=False)
    warmup_ratio: float = Field(0.1, ge=0, lt=1)
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup", "polynomial"] = "cosine"
    use_lora: bool = True
    lora_r: int = Field(16, ge=1)
    lora_alpha: int = Field(32, ge=1)
    lora_dropout: float = Field(0.05, ge=0, lt=1)
    lora_target_modules: list[str] = Field(["q_proj", "v_proj", "k_proj", "o_proj"], min_length=1)
    """Modules that get an adapter, or "all-linear", as PEFT calls every linear layer but the last."""
    gradient_checkpointing: bool = False
    save_steps: int | None = Field(None, ge=1)
    """Optimizer steps between two checkpoints. Default: four an epoch."""
    eval_steps: int | None = Field(None, ge=1)
    """Optimizer steps between two measurements on the validation rows. Default: once an epoch."""
    early_stopping_patience: int | None = Field(None, ge=1)
    """Stop when the validation loss has not fallen so many times running, and keep the best. Default: never."""
    seed: int = Field(42, ge=0, lt=2**32)

    @field_validator("lora_target_modules", mode="before")
    @classmethod
    def _one(cls, told: object) -> object:
        return [told] if isinstance(told, str) else told


class Logging(Section):
    """What is told."""

    report_to: Literal["none", "tensorboard", "wandb", "mlflow", "trackio"] = "none"
    logging_steps: int = Field(10, ge=1)
    """Optimizer steps between two lines. The first, the last, and one every two seconds are told anyway."""


def _check(model: Model, training: Training, validation_file: Path | None) -> None:
    if model.load_in_4bit and not training.use_lora:
        raise ValueError("model.load_in_4bit needs training.use_lora: 4-bit weights can't be trained themselves")
    if training.early_stopping_patience and not validation_file:
        raise ValueError("training.early_stopping_patience needs data.validation_file, whose loss it watches")


class SftTraining(Training):
    """How SFT trains."""

    output_dir: Path = Path("./models/sft")
    packing: bool = False
    """Put several rows into one sequence, each blind to the others."""


class SftData(Section):
    """What SFT trains on."""

    train_file: Path = Path("./data/train.jsonl")
    validation_file: Path | None = None
    max_seq_length: int = Field(2048, ge=16)
    """Tokens of a row at most; a longer row is refused, never cut."""
    thinking: Literal["keep", "drop"] = "keep"


class SftConfig(Section):
    """Settings of `training.sft`."""

    model: Model = Model()
    training: SftTraining = SftTraining()
    data: SftData = SftData()
    logging: Logging = Logging()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        _check(self.model, self.training, self.data.validation_file)
        return self


class DpoTraining(Training):
    """How DPO trains. `lora_*` are used where the model is no adapter yet; an adapter is trained as it is."""

    output_dir: Path = Path("./models/dpo")
    num_train_epochs: float = Field(1, gt=0)
    per_device_train_batch_size: int = Field(4, ge=1)
    gradient_accumulation_steps: int = Field(8, ge=1)
    learning_rate: float = Field(5e-6, gt=0, allow_inf_nan=False)
    beta: float = Field(0.1, gt=0, allow_inf_nan=False)
    """Weight of the KL penalty."""
    loss_type: Literal["sigmoid", "hinge", "ipo", "robust", "apo_zero", "apo_down"] = "sigmoid"


class DpoModel(Model):
    """Which model to start from."""

    name: str = Field("./models/sft", min_length=1)


class DpoData(Section):
    """What DPO trains on."""

    preference_file: Path = Path("./data/preferences.jsonl")
    validation_file: Path | None = None
    max_seq_length: int = Field(2048, ge=16)
    """Tokens of prompt and answer at most; a longer pair is refused, never cut."""
    thinking: Literal["keep", "drop"] = "keep"


class DpoConfig(Section):
    """Settings of `training.dpo`."""

    model: DpoModel = DpoModel()
    training: DpoTraining = DpoTraining()
    data: DpoData = DpoData()
    logging: Logging = Logging()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        _check(self.model, self.training, self.data.validation_file)
        return self


def load(config: type[Config], argv: Sequence[str], *, program: str = "") -> Config:
    """The settings of a command line: `--config file.yaml`, then `section.field=value` as often as wanted.

    Values are YAML: `training.lora_target_modules=[q_proj,v_proj]`, `training.max_steps=null`. Relative paths are
    relative to the working directory.

    Raises:
        InvalidInput: the file can't be read, or a field is unknown (the nearest known one is named) or out of range.
    """
    parser = argparse.ArgumentParser(prog=f"python -m training.{program}" if program else None, allow_abbrev=False)
    parser.add_argument("--config", type=Path, help="a YAML file; default: every field's own default")
    parser.add_argument("overrides", nargs="*", metavar="section.field=value")
    arguments = parser.parse_intermixed_args(argv)
    values = read(arguments.config) if arguments.config else {}
    for override in arguments.overrides:
        _override(values, override)
    return validate(config, values, place=f"{arguments.config}: " if arguments.config else "")


def read(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises InvalidInput."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{path}: can't be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: is not YAML: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InvalidInput(f"{path}: has to hold sections with fields, not a {type(values).__name__}")
    return values


def validate(config: type[Config], values: dict[str, Any], *, place: str = "") -> Config:
    """The settings that these values are. Raises InvalidInput, which names every field that is wrong."""
    try:
        return config.model_validate(values)
    except ValidationError as error:
        known = list(fields(config))
        told = []
        for fault in error.errors():
            at = ".".join(str(part) for part in fault["loc"])
            if fault["type"] == "extra_forbidden":
                near = _nearest(at, known)
                told.append(f"{at} is not a known field" + (f"; did you mean {near}?" if near else ""))
            else:
                told.append(f"{at}: {fault['msg']}, not {fault['input']!r}" if at else str(fault["ctx"]["error"]))
        raise InvalidInput(place + "; ".join(told)) from None


def fields(config: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The dotted names of all fields."""
    for name, field in config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def dump(config: BaseModel) -> str:
    """The settings as YAML that `load` reads."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _nearest(name: str, known: Sequence[str]) -> str:
    """The known field that is most like it: by its last part first, so that a field in the wrong section is found."""
    last = {field.rpartition(".")[2]: field for field in known}
    found = difflib.get_close_matches(name.rpartition(".")[2], last, n=1) or difflib.get_close_matches(name, known, n=1)
    return last.get(found[0], found[0]) if found else ""


def _override(values: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals or not name:
        raise InvalidInput(f"{override!r} has to be field=value, as in training.learning_rate=1e-3")
    *sections, last = name.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise InvalidInput(f"{name}: {section} is not a section")
        values = inner
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(f"{name}: the value is not YAML: {error}") from None
