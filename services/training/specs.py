"""What the trainer can be asked to do (proto: training.proto). Zero, empty and None mean the program's own default."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from services.view import DatasetNameOrNone, JobNameOrNone, Text, Told, View

_NAMES = ["datasets/0f3c9a", "jobs/0f3c9a"]
_ROWS = Told(f"write the whole name of a dataset or a job, as {_NAMES[0]} or {_NAMES[1]}")
Rows = Annotated[str, Field(pattern=r"^(datasets|jobs)/[0-9a-z]{1,32}$", examples=_NAMES), _ROWS]
RowsOrNone = Annotated[str, Field(pattern=r"^((datasets|jobs)/[0-9a-z]{1,32})?$", examples=_NAMES), _ROWS]
Money = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Stage = Literal["generate", "sft", "preferences", "dpo", "quantize", "evaluate"]
STAGES: tuple[Stage, ...] = ("generate", "sft", "preferences", "dpo", "quantize", "evaluate")


class TrainingOptions(View):
    """How a model is trained, in the names of transformers, TRL and PEFT."""

    num_train_epochs: float | None = Field(None, gt=0, le=1000, allow_inf_nan=False)
    max_steps: int | None = Field(None, ge=1, le=10_000_000)
    per_device_train_batch_size: int | None = Field(None, ge=1, le=4096)
    gradient_accumulation_steps: int | None = Field(None, ge=1, le=4096)
    learning_rate: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    warmup_ratio: float | None = Field(None, ge=0, lt=1, allow_inf_nan=False)
    lr_scheduler_type: Literal["", "cosine", "linear", "constant", "constant_with_warmup", "polynomial"] = ""
    use_lora: bool | None = None
    lora_r: int | None = Field(None, ge=1, le=1024)
    lora_alpha: int | None = Field(None, ge=1, le=4096)
    lora_dropout: float | None = Field(None, ge=0, lt=1, allow_inf_nan=False)
    lora_target_modules: list[Text] = Field([], max_length=64)
    max_seq_length: int | None = Field(None, ge=16, le=1_048_576)
    packing: bool | None = None
    gradient_checkpointing: bool | None = None
    load_in_4bit: bool | None = None
    save_steps: int | None = Field(None, ge=1, le=10_000_000)
    early_stopping_patience: int | None = Field(None, ge=1, le=1000)
    beta: float | None = Field(None, gt=0, le=100, allow_inf_nan=False)
    loss_type: Literal["", "sigmoid", "hinge", "ipo", "robust", "apo_zero", "apo_down"] = ""
    seed: int | None = Field(None, ge=0, lt=2**32)


class SftSpec(View):
    """Supervised fine-tuning."""

    dataset: Rows
    validation: RowsOrNone = ""
    model: Text = ""
    training: TrainingOptions | None = None


class PreferencesSpec(View):
    """Preference pairs: a model's own answers against ideals, or earlier rounds against converged ones."""

    dataset: RowsOrNone = ""
    model: JobNameOrNone = ""
    rounds: JobNameOrNone = ""
    evaluator: Text = ""
    num_pairs: Count = Field(0, description="pairs at most; 0: 1000")
    samples_per_prompt: int = Field(0, ge=0, le=16, description="answers to draw for a row; 0: 2")
    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    batch_size: int = Field(0, ge=0, le=1000, description="rows in flight at once; 0: 10")
    max_cost: Money = 0
    seed: int = Field(0, ge=-(2**63), lt=2**63)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.rounds) == bool(self.dataset and self.model) or (self.rounds and (self.dataset or self.model)):
            raise ValueError("name a dataset and a model, or the job whose rounds to take")
        return self


class DpoSpec(View):
    """Direct preference optimization."""

    dataset: Rows
    validation: RowsOrNone = ""
    model: Text = Field(min_length=1)
    training: TrainingOptions | None = None


class QuantizeSpec(View):
    """A GGUF file of a model, held against it."""

    model: Text = Field(min_length=1)
    quantization: str = Field("", pattern=r"^[A-Za-z0-9_]{0,16}$", description="a type of llama.cpp; empty: q4_k_m")
    name: str = Field("", pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$")
    prefix: str = Field("", pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$")
    imatrix_dataset: RowsOrNone = ""
    fidelity_dataset: RowsOrNone = ""
    fidelity_threshold: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)


class EvaluateSpec(View):
    """Models on the same held-out rows, the first being what the others are held against."""

    dataset: Rows
    models: list[Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=200)]] = Field(
        min_length=1, max_length=8
    )
    cli_schema: DatasetNameOrNone = ""
    max_new_tokens: int = Field(
        0, ge=0, le=8192, description="tokens of an answer at most; 0: half again the longest right one"
    )
    max_samples: Count = 0


class PipelineSpec(View):
    """All stages by one name."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    cli_schema: DatasetNameOrNone = ""
    dataset: RowsOrNone = ""
    validation: RowsOrNone = ""
    num: Count = Field(0, description="examples to make; 0: 3000")
    model: Text = ""
    quantization: str = Field("", pattern=r"^[A-Za-z0-9_]{0,16}$", description="a type of llama.cpp; empty: q4_k_m")
    teacher: Text = ""
    evaluator: Text = ""
    sft: TrainingOptions | None = None
    dpo: TrainingOptions | None = None
    num_pairs: Count = 0
    stages: list[Stage] = []
    force: list[Stage] = []
    max_cost: Money = 0
    seed: int = Field(0, ge=-(2**63), lt=2**63)
    preferences: RowsOrNone = ""
    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)

    @model_validator(mode="after")
    def _some_source(self) -> Self:
        if not self.cli_schema and not self.dataset:
            raise ValueError("name a cli_schema to make rows from, or a dataset of rows")
        if self.validation and not self.dataset:
            raise ValueError("validation goes with a dataset")
        return self


class TrainingProgress(View):
    """How far a training is; the proto defines each figure."""

    stage: str = ""
    step: int = 0
    steps: int = 0
    epoch: float = 0.0
    loss: float | None = None
    eval_loss: float | None = None
    tokens_per_second: float | None = None
    memory_bytes: int | None = None
    job: str = ""


class Artifact(View):
    """A file that a job has left."""

    name: str
    size_bytes: int = 0
    sha256: str = ""


class ArtifactList(View):
    """A job's files, in the order of their names."""

    artifacts: list[Artifact] = []


class TrainingEstimate(View):
    """What a training needs, before it starts; the proto defines each figure."""

    device: str
    memory_bytes: int
    available_bytes: int
    seconds: float | None = None
    parameters: int
    trainable_parameters: int
    steps: int
