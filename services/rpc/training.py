"""The trainer's gRPC face."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from teachback.v1 import job_pb2, trainer_pb2, trainer_pb2_grpc

from services.rpc.answers import stream, unary
from services.rpc.convert import from_proto, to_proto
from services.service import Service
from services.training import requests


class TrainerServicer(trainer_pb2_grpc.TrainerServiceServicer):
    """teachback.v1.TrainerService."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @unary
    async def StartSft(self, request: Any, context: Any) -> Any:
        """Starts an SFT job."""
        return await self._start(from_proto(request, requests.StartSftRequest))

    @unary
    async def StartPreferences(self, request: Any, context: Any) -> Any:
        """Starts a preferences job."""
        return await self._start(from_proto(request, requests.StartPreferencesRequest))

    @unary
    async def StartDpo(self, request: Any, context: Any) -> Any:
        """Starts a DPO job."""
        return await self._start(from_proto(request, requests.StartDpoRequest))

    @unary
    async def StartQuantize(self, request: Any, context: Any) -> Any:
        """Starts a quantize job."""
        return await self._start(from_proto(request, requests.StartQuantizeRequest))

    @unary
    async def StartEvaluate(self, request: Any, context: Any) -> Any:
        """Starts an evaluate job."""
        return await self._start(from_proto(request, requests.StartEvaluateRequest))

    @unary
    async def StartPipeline(self, request: Any, context: Any) -> Any:
        """Starts a pipeline job."""
        return await self._start(from_proto(request, requests.StartPipelineRequest))

    async def _start(self, request: requests.StartRequest) -> Any:
        return to_proto(await self.service.mine.start(request), job_pb2.Job())

    @unary
    async def EstimateTraining(self, request: Any, context: Any) -> Any:
        """What a training needs."""
        found = await self.service.mine.estimate(from_proto(request, requests.EstimateTrainingRequest))
        return to_proto(found, trainer_pb2.TrainingEstimate())

    @unary
    async def ListArtifacts(self, request: Any, context: Any) -> Any:
        """The files that a job has left."""
        return to_proto(await self.service.mine.list_artifacts(request.parent), trainer_pb2.ListArtifactsResponse())

    @stream
    async def GetArtifact(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """Streams one file."""
        _, pieces = await self.service.mine.open_artifact(request.name)
        async for piece in pieces:
            yield trainer_pb2.GetArtifactResponse(data=piece)
