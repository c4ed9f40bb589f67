"""What callers ask of the trainer (proto: trainer.proto)."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from services.training.specs import DpoSpec, EvaluateSpec, PipelineSpec, PreferencesSpec, QuantizeSpec, SftSpec
from services.view import Text, View


class StartSftRequest(View):
    """Starts an SFT job."""

    spec: SftSpec
    idempotency_key: Text = ""


class StartPreferencesRequest(View):
    """Starts a preferences job."""

    spec: PreferencesSpec
    idempotency_key: Text = ""


class StartDpoRequest(View):
    """Starts a DPO job."""

    spec: DpoSpec
    idempotency_key: Text = ""


class StartQuantizeRequest(View):
    """Starts a quantize job."""

    spec: QuantizeSpec
    idempotency_key: Text = ""


class StartEvaluateRequest(View):
    """Starts an evaluate job."""

    spec: EvaluateSpec
    idempotency_key: Text = ""


class StartPipelineRequest(View):
    """Starts a pipeline job."""

    spec: PipelineSpec
    idempotency_key: Text = ""


StartRequest = (
    StartSftRequest
    | StartPreferencesRequest
    | StartDpoRequest
    | StartQuantizeRequest
    | StartEvaluateRequest
    | StartPipelineRequest
)


class EstimateTrainingRequest(View):
    """Asks what a training needs; one kind."""

    sft: SftSpec | None = None
    dpo: DpoSpec | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.sft is None) == (self.dpo is None):
            raise ValueError("name one training: sft or dpo")
        return self
