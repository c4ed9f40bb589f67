"""The options of a training, under the names of transformers, TRL and PEFT; none given: the trainer's own default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import typer

from teachback.errors import BadInput

_MODEL = "The training"
_LORA = "LoRA"
_MEMORY = "Memory"

Epochs = Annotated[
    float | None,
    typer.Option("--num-train-epochs", "--epochs", min=0, help="Passes over the data. Default 3 (SFT), 1 (DPO)."),
]
MaxSteps = Annotated[int | None, typer.Option(min=1, help="Optimizer steps at most.")]
TrainBatch = Annotated[int | None, typer.Option(min=1, help="Rows at once. Default 8 (SFT), 4 (DPO).")]
Accumulation = Annotated[int | None, typer.Option(min=1, help="Batches a step adds up. Default 4 (SFT), 8 (DPO).")]
LearningRate = Annotated[float | None, typer.Option(help="Default 2e-5 (SFT), 5e-6 (DPO).")]
Warmup = Annotated[float | None, typer.Option(min=0, max=1, help="Share of steps the rate rises over. Default 0.1.")]
Schedule = Annotated[str, typer.Option("--lr-scheduler-type", help="As transformers names it. Default cosine.")]
UseLora = Annotated[
    bool | None, typer.Option("--use-lora/--no-use-lora", help="Train an adapter, or every weight. Default adapter.")
]
LoraR = Annotated[int | None, typer.Option("--lora-r", min=1, help="Rank of the adapter. Default 16.")]
LoraAlpha = Annotated[int | None, typer.Option(min=1, help="Its scale. Default 32.")]
LoraDropout = Annotated[float | None, typer.Option(min=0, max=1, help="Its dropout. Default 0.05.")]
LoraModules = Annotated[
    list[str] | None,
    typer.Option("--lora-target-modules", help="A module that gets one; may be repeated. Default q, k, v, o."),
]
MaxLength = Annotated[
    int | None, typer.Option("--max-seq-length", min=16, help="Tokens of a row at most; a longer one is refused.")
]
Packing = Annotated[bool | None, typer.Option("--packing/--no-packing", help="Several rows in a sequence.")]
Checkpointing = Annotated[
    bool | None,
    typer.Option("--gradient-checkpointing/--no-gradient-checkpointing", help="Less memory, more time."),
]
FourBit = Annotated[
    bool | None,
    typer.Option(
        "--load-in-4bit/--no-load-in-4bit", "--use-4bit", help="The base model in 4 bits; on a CUDA device alone."
    ),
]
SaveSteps = Annotated[int | None, typer.Option(min=1, help="Steps between two checkpoints.")]
Patience = Annotated[
    int | None, typer.Option("--early-stopping-patience", min=1, help="Stop when validation has not improved so often.")
]
Beta = Annotated[float | None, typer.Option(help="Weight of the KL penalty. Default 0.1.")]
LossType = Annotated[str, typer.Option(help="As TRL names it. Default sigmoid.")]
TrainingSeed = Annotated[int | None, typer.Option("--seed", min=0, help="Of every draw. Default 42.")]

FIELDS = (
    "num_train_epochs", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps", "learning_rate",
    "warmup_ratio", "lr_scheduler_type", "use_lora", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules",
    "max_seq_length", "packing", "gradient_checkpointing", "load_in_4bit", "save_steps", "early_stopping_patience",
    "beta", "loss_type", "seed",
)  # fmt: skip
"""Of TrainingOptions in the proto."""


def given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What of a command's parameters was said of the training; the rest is left to the trainer."""
    return {name: parameters[name] for name in FIELDS if parameters.get(name) not in (None, "", [], ())}


def from_pairs(pairs: Sequence[str], option: str) -> dict[str, Any]:
    """Options written as `name=value`, the value as YAML reads it, modules with commas between. Raises BadInput."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in FIELDS:
            raise BadInput(f"{option} {pair!r}: write name=value, the name one of {', '.join(FIELDS)}")
        if name == "lora_target_modules":
            found[name] = [*found.get(name, []), *(module.strip() for module in text.split(","))]
        else:
            found[name] = _value(text.strip())
    return found


def _value(text: str) -> bool | int | float | str:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


Style = Annotated[
    Literal["", "installer"],
    typer.Option(help="installer: requests to an assistant on a machine, their thinking in the answer."),
]
