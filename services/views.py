"""What callers see, over gRPC and REST alike. Field names are the proto's; enum values are lower case, without prefix.

One converter (services/rpc/convert.py) carries these to and from the proto messages of the same names.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from graphs.recipes.options import CandidatesOptions, CommandsOptions, PassagesOptions, PersonasOptions
from graphs.records import Round
from services.errors import InvalidRequest
from services.training.specs import (
    DpoSpec,
    EvaluateSpec,
    PipelineSpec,
    PreferencesSpec,
    QuantizeSpec,
    SftSpec,
    TrainingProgress,
)
from services.view import DatasetName, DatasetNameOrNone, JobName, Text, View


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})


DatasetKind = Literal["rows", "schema", "passages", "text", "chunks", "training"]


class Dataset(View):
    """A named, immutable set of source rows."""

    name: DatasetName
    display_name: str = ""
    files: list[str] = []
    item_count: int = 0
    bad_row_count: int = 0
    sha256: str = ""
    create_time: datetime | None = None
    kind: DatasetKind = "rows"


class DatasetPage(View):
    """Datasets, newest first."""

    datasets: list[Dataset] = []
    next_page_token: str = ""


class BadRow(View):
    """A row that could not be used."""

    file: str = ""
    line: int = 0
    reason: str = ""


class BadRowPage(View):
    """Refused rows in file order."""

    bad_rows: list[BadRow] = []
    next_page_token: str = ""


class EnhanceSpec(View):
    """Student, teacher and evaluator work on the thinking of each example. Empty models: the service's own."""

    dataset: DatasetName
    student: Text = ""
    teacher: Text = ""
    evaluator: Text = ""
    max_iterations: int = Field(0, ge=0, le=20, description="rounds at most; 0: 3")
    thinking_format: Literal["", "iterative", "consolidated"] = ""
    style: Literal["", "qa", "installer"] = ""
    batch_size: int = Field(0, ge=0, le=1000, description="examples in flight at once; 0: 10")
    max_samples: int = Field(0, ge=0, le=2**53, description="only the first so many rows; 0: all")
    verify_samples: int = Field(0, ge=0, le=5, description="fresh attempts that must all reach the answer; 0: 1")
    max_cost: float = Field(0, ge=0, le=1e9, allow_inf_nan=False, description="US dollars at most; 0: no limit")
    earlier_output: DatasetNameOrNone = ""
    reuse: bool = False
    measure_lift: bool = False
    score_threshold: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)


class GenerateSpec(View):
    """The teacher makes examples from a source, by one recipe. Empty models: the service's own."""

    dataset: DatasetName
    teacher: Text = ""
    evaluator: Text = ""
    batch_size: int = Field(0, ge=0, le=1000, description="examples in flight at once; 0: 10")
    max_cost: float = Field(0, ge=0, le=1e9, allow_inf_nan=False, description="US dollars at most; 0: no limit")
    max_attempts: int = Field(0, ge=0, le=20, description="attempts at an example; 0: 3")
    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    seed: int = Field(0, ge=-(2**63), lt=2**63)
    score_threshold: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    commands: CommandsOptions | None = None
    passages: PassagesOptions | None = None
    candidates: CandidatesOptions | None = None
    personas: PersonasOptions | None = None

    @model_validator(mode="after")
    def _one_recipe(self) -> Self:
        if sum(getattr(self, name) is not None for name in RECIPES) != 1:
            raise ValueError(f"name one recipe: {', '.join(RECIPES)}")
        return self

    @property
    def recipe(self) -> RecipeName:
        """The recipe that was named."""
        return next(name for name in RECIPES if getattr(self, name) is not None)


RecipeName = Literal["commands", "passages", "candidates", "personas"]
RECIPES: dict[RecipeName, DatasetKind] = {
    "commands": "schema",
    "passages": "passages",
    "candidates": "text",
    "personas": "chunks",
}
"""Each recipe and the kind of dataset it works on."""


Spec = EnhanceSpec | GenerateSpec | SftSpec | PreferencesSpec | DpoSpec | QuantizeSpec | EvaluateSpec | PipelineSpec


class JobSpec(View):
    """What a job does; one kind each."""

    enhance: EnhanceSpec | None = None
    generate: GenerateSpec | None = None
    sft: SftSpec | None = None
    preferences: PreferencesSpec | None = None
    dpo: DpoSpec | None = None
    quantize: QuantizeSpec | None = None
    evaluate: EvaluateSpec | None = None
    pipeline: PipelineSpec | None = None

    @property
    def kind(self) -> Spec:
        """The one that was named. Raises InvalidRequest where none was, or several."""
        named: Spec = getattr(self, self.kind_name)
        return named

    @property
    def kind_name(self) -> str:
        """Its field. Raises InvalidRequest where none was named, or several."""
        named = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(named) != 1:
            raise InvalidRequest(f"spec: name one kind of work: {', '.join(type(self).model_fields)}")
        return named[0]


class Status(View):
    """`google.rpc.Status`: a gRPC code and a message."""

    code: int = 0
    message: str = ""


class RoleUsage(View):
    """What a role used. `cost` is in US dollars, unset where the price is unknown."""

    role: str
    model: str
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None


class Progress(View):
    """How far a job is; the proto defines each figure."""

    total_examples: int = 0
    done_examples: int = 0
    outcomes: dict[str, int] = {}
    enhanced_examples: int = 0
    average_iterations: float = 0.0
    convergence_rate: float = 0.0
    usage: list[RoleUsage] = []
    cost: float | None = None
    cost_estimate: float | None = None
    eta_seconds: float | None = None
    training: TrainingProgress | None = None


class Job(View):
    """Long work with a state, progress and cost."""

    name: JobName
    spec: JobSpec
    state: JobState
    create_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    error: Status | None = None
    progress: Progress = Progress()
    idempotency_key: str = ""
    report_json: str = ""


class JobPage(View):
    """Jobs, newest first."""

    jobs: list[Job] = []
    next_page_token: str = ""


class CreateJobRequest(View):
    """What to do, and a key of the caller's that makes asking twice harmless."""

    spec: JobSpec
    idempotency_key: Text = ""


class ResumeJobRequest(View):
    """A new budget in US dollars; unset: as it was."""

    max_cost: float | None = Field(None, ge=0, le=1e9, allow_inf_nan=False)


class JobEvent(View):
    """Something that happened to a job; seq 0 is a heartbeat."""

    seq: int = 0
    time: datetime | None = None
    type: str = ""
    state: JobState | None = None
    message: str = ""
    example_id: str = ""
    outcome: str = ""
    iterations: int = 0
    progress: Progress | None = None


class Lift(View):
    """Log-probabilities of the reference per token in four arms."""

    plain: float
    thinking: float
    placebo: float | None = None
    masked: float | None = None


class Attempt(View):
    """One attempt at making an example (the proto's Turn)."""

    number: int
    text: str = ""
    complaints: list[str] = []
    score: float | None = None
    critique: str = ""


class Example(View):
    """One result."""

    name: str
    index: int = 0
    file: str = ""
    line: int = 0
    outcome: str = ""
    reason: str = ""
    messages_json: str = ""
    reference: str = ""
    original_thinking: str = ""
    thinking: str = ""
    enhanced: bool = False
    best_round: int = 0
    rounds: list[Round] = []
    labels: list[str] = []
    lift: Lift | None = None
    made_json: str = ""
    plan_json: str = ""
    turns: list[Attempt] = []
    review: str = ""
    edited_json: str = ""


ReviewVerdict = Literal["keep", "edit", "drop"]


class ReviewRequest(View):
    """A person's verdict on an example; none takes an earlier one back."""

    verdict: ReviewVerdict | None = None
    edited_json: str = Field("", max_length=1_000_000)


class ExamplePage(View):
    """Examples in source order."""

    examples: list[Example] = []
    next_page_token: str = ""


ExportFormat = Literal["source", "messages", "openai"]
ThinkingTag = Literal["think", "thinking", "reasoning_content"]
