"""The trainer's routes."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import quote

from fastapi import FastAPI, Path
from fastapi.responses import StreamingResponse

from services.rest.fields import Id
from services.service import Service
from services.training.requests import (
    EstimateTrainingRequest,
    StartDpoRequest,
    StartEvaluateRequest,
    StartPipelineRequest,
    StartPreferencesRequest,
    StartQuantizeRequest,
    StartSftRequest,
)
from services.training.specs import ArtifactList, TrainingEstimate
from services.views import Job

BYTES = "application/octet-stream"


def add(app: FastAPI, service: Service) -> None:
    """Adds them to the app."""

    @app.post("/v1/sft", status_code=201, summary="Supervised fine-tuning")
    async def start_sft(request: StartSftRequest) -> Job:
        return await service.mine.start(request)

    @app.post("/v1/preferences", status_code=201, summary="Make preference pairs")
    async def start_preferences(request: StartPreferencesRequest) -> Job:
        return await service.mine.start(request)

    @app.post("/v1/dpo", status_code=201, summary="Direct preference optimization")
    async def start_dpo(request: StartDpoRequest) -> Job:
        return await service.mine.start(request)

    @app.post("/v1/quantize", status_code=201, summary="A GGUF file of a model, held against it")
    async def start_quantize(request: StartQuantizeRequest) -> Job:
        return await service.mine.start(request)

    @app.post("/v1/evaluate", status_code=201, summary="Measure models on the same rows")
    async def start_evaluate(request: StartEvaluateRequest) -> Job:
        return await service.mine.start(request)

    @app.post("/v1/pipelines", status_code=201, summary="All stages by one name")
    async def start_pipeline(request: StartPipelineRequest) -> Job:
        return await service.mine.start(request)

    @app.post("/v1/training:estimate", summary="What a training needs of this machine; starts nothing")
    async def estimate_training(request: EstimateTrainingRequest) -> TrainingEstimate:
        return await service.mine.estimate(request)

    @app.get("/v1/jobs/{id}/artifacts", summary="The files that a job has left")
    async def list_artifacts(id: Id) -> ArtifactList:
        return await service.mine.list_artifacts(f"jobs/{id}")

    @app.get(
        "/v1/jobs/{id}/artifacts/{path:path}",
        response_class=StreamingResponse,
        responses={200: {"content": {BYTES: {}}}},
        summary="One file, streamed",
    )
    async def get_artifact(id: Id, path: Annotated[str, Path(max_length=1000)]) -> StreamingResponse:
        size, pieces = await service.mine.open_artifact(f"jobs/{id}/artifacts/{path}")
        headers = {
            "Content-Length": str(size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(PurePosixPath(path).name)}",
        }
        return StreamingResponse(pieces, media_type=BYTES, headers=headers)
