"""What both clients say to the trainer: specs of options, and where a fetched file belongs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypedDict

from teachback import wire
from teachback.errors import BadInput, TeachbackError
from teachback.v1 import job_pb2, trainer_pb2, training_pb2

Source = str | Path | Sequence[str | Path]
"""Rows to train on: files, or the name of a dataset or job. Empty: none."""


class TrainingOptions(TypedDict, total=False):
    """How a model is trained, in the names of transformers, TRL and PEFT; what is left out is the trainer's default."""

    num_train_epochs: float
    max_steps: int
    per_device_train_batch_size: int
    gradient_accumulation_steps: int
    learning_rate: float
    warmup_ratio: float
    lr_scheduler_type: str
    use_lora: bool
    lora_r: int
    lora_alpha: int
    lora_dropout: float
    lora_target_modules: Sequence[str]
    max_seq_length: int
    packing: bool
    gradient_checkpointing: bool
    load_in_4bit: bool
    save_steps: int
    early_stopping_patience: int
    beta: float
    loss_type: str
    seed: int


class PreferencesOptions(TypedDict, total=False):
    """The fields of a PreferencesSpec beside its rows."""

    evaluator: str
    num_pairs: int
    samples_per_prompt: int
    temperature: float
    batch_size: int
    max_cost: float
    seed: int


class QuantizeOptions(TypedDict, total=False):
    """The fields of a QuantizeSpec beside its model and rows."""

    quantization: str
    name: str
    prefix: str
    fidelity_threshold: float


class EvaluateOptions(TypedDict, total=False):
    """The fields of an EvaluateSpec beside its rows and models."""

    cli_schema: str
    max_new_tokens: int
    max_samples: int


class PipelineOptions(TypedDict, total=False):
    """The fields of a PipelineSpec beside its name and rows. `sft` and `dpo` are TrainingOptions."""

    cli_schema: str
    num: int
    model: str
    quantization: str
    teacher: str
    evaluator: str
    sft: TrainingOptions
    dpo: TrainingOptions
    num_pairs: int
    temperature: float
    stages: Sequence[str]
    force: Sequence[str]
    max_cost: float
    seed: int


def spec(kind: str, **fields: Any) -> job_pb2.JobSpec:
    """The spec of a job of the trainer; None and empty fields are left to the service.

    Raises BadInput for an option that does not exist, or a value that does not fit.
    """
    named = {name: value for name, value in fields.items() if value not in (None, "")}
    wire.check_budget(named.get("max_cost"))
    try:
        return job_pb2.JobSpec(**{kind: named})
    except (TypeError, ValueError) as error:
        raise BadInput(f"{kind}: {error}") from error


def options(given: TrainingOptions) -> training_pb2.TrainingOptions | None:
    """The options as a message, None where none was given. Raises BadInput as `spec` does."""
    named = {name: value for name, value in given.items() if value is not None}
    try:
        return training_pb2.TrainingOptions(**named) if named else None  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise BadInput(f"training: {error}") from error


def estimate_request(spec: job_pb2.JobSpec) -> trainer_pb2.EstimateTrainingRequest:
    """The request for what a training needs. Raises BadInput for a job that is none."""
    match spec.WhichOneof("kind"):
        case "sft":
            return trainer_pb2.EstimateTrainingRequest(sft=spec.sft)
        case "dpo":
            return trainer_pb2.EstimateTrainingRequest(dpo=spec.dpo)
    raise BadInput(f"only sft and dpo are estimated, not {spec.WhichOneof('kind') or 'nothing'}")


def is_named(source: object) -> bool:
    """Whether a source is a dataset or a job by name rather than files."""
    return isinstance(source, str) and source.startswith(("datasets/", "jobs/"))


def artifact_name(job: str, path: str) -> str:
    """ "jobs/J/artifacts/PATH" for "PATH" and for the whole name."""
    return path if path.startswith(f"{job}/artifacts/") else f"{job}/artifacts/{path}"


def place(artifact: trainer_pb2.Artifact, folder: Path) -> Path:
    """Where a file belongs below `folder`. Raises BadInput for a name that leads out of it."""
    path = PurePosixPath(artifact.name.partition("/artifacts/")[2])
    if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in str(path):
        raise BadInput(f"{artifact.name} does not stay in its folder; it is not fetched")
    return folder / path


def chosen(artifacts: Sequence[trainer_pb2.Artifact], job: str, path: str) -> Sequence[trainer_pb2.Artifact]:
    """The files to fetch: all, that one, or those of that folder. Raises BadInput where there is none."""
    name = artifact_name(job, path).rstrip("/")
    found = [one for one in artifacts if not path or one.name == name or one.name.startswith(f"{name}/")]
    if not found:
        raise BadInput(f"{job} has left no {path}" if path else f"{job} has left no files yet")
    return found


class Checked:
    """Hashes what goes into a file, to be held against what the service said of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hash = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Writes and hashes."""
        self._hash.update(data)
        return self._file.write(data)

    def check(self, artifact: trainer_pb2.Artifact) -> None:
        """Raises TeachbackError where other bytes came than were announced."""
        if self._hash.hexdigest() != artifact.sha256:
            raise TeachbackError(f"{artifact.name} did not come through whole: its SHA-256 differs; fetch it again")
