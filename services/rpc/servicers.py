"""The gRPC face: proto messages in, handlers, proto messages out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import grpc
from teachback.v1 import (
    access_pb2,
    access_pb2_grpc,
    dataset_pb2,
    dataset_pb2_grpc,
    example_pb2,
    example_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    trainer_pb2,
    trainer_pb2_grpc,
)

from services.access.caller import about
from services.datasets.intake import Intake
from services.errors import InvalidRequest
from services.rpc.access import AccessServicer
from services.rpc.answers import readable, stream, unary
from services.rpc.convert import enum_name, from_proto, to_proto
from services.rpc.training import TrainerServicer
from services.service import Service
from services.views import CreateJobRequest, DatasetKind, ExportFormat, JobState, ReviewVerdict, ThinkingTag

LARGEST_PIECE = 1 << 20


class DatasetServicer(dataset_pb2_grpc.DatasetServiceServicer):
    """teachback.v1.DatasetService."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @unary
    async def CreateDataset(self, request_iterator: Any, context: Any) -> Any:
        """Takes a streamed upload in."""
        upload: Intake | None = None
        try:
            async for received in request_iterator:
                part = readable(received)
                kind = part.WhichOneof("part")
                if upload is None:
                    if kind != "header":
                        raise InvalidRequest("the first message of an upload is its header")
                    h = part.header
                    holds = enum_name(dataset_pb2.DatasetKind.DESCRIPTOR, h.kind) or "rows"
                    upload = await self.service.mine.open_upload(
                        h.display_name,
                        strict=h.strict,
                        key=h.idempotency_key,
                        kind=cast(DatasetKind, holds),  # the proto's names are the literals
                    )
                elif kind == "begin_file":
                    await asyncio.to_thread(upload.begin_file, part.begin_file)
                elif kind == "data" and len(part.data) <= LARGEST_PIECE:
                    await asyncio.to_thread(upload.feed, part.data)
                else:
                    raise InvalidRequest("send begin_file, then data of at most 1 MiB a message; the header comes once")
            if upload is None:
                raise InvalidRequest("the upload is empty: send a header, begin_file and data")
            made = await asyncio.to_thread(upload.finish)
            about(made.name)
            upload = None
        finally:
            if upload is not None:
                await asyncio.to_thread(upload.abandon)
        return to_proto(made, dataset_pb2.Dataset())

    @unary
    async def GetDataset(self, request: Any, context: Any) -> Any:
        """One dataset."""
        return to_proto(await self.service.mine.get_dataset(request.name), dataset_pb2.Dataset())

    @unary
    async def ListDatasets(self, request: Any, context: Any) -> Any:
        """A page of datasets."""
        page = await self.service.mine.list_datasets(request.page_size, request.page_token)
        return to_proto(page, dataset_pb2.ListDatasetsResponse())

    @unary
    async def ListBadRows(self, request: Any, context: Any) -> Any:
        """A page of refused rows."""
        page = await self.service.mine.list_bad_rows(request.parent, request.page_size, request.page_token)
        return to_proto(page, dataset_pb2.ListBadRowsResponse())


class JobServicer(job_pb2_grpc.JobServiceServicer):
    """teachback.v1.JobService."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @unary
    async def CreateJob(self, request: Any, context: Any) -> Any:
        """Creates a job."""
        return to_proto(await self.service.mine.create_job(from_proto(request, CreateJobRequest)), job_pb2.Job())

    @unary
    async def GetJob(self, request: Any, context: Any) -> Any:
        """One job."""
        return to_proto(await self.service.mine.get_job(request.name), job_pb2.Job())

    @unary
    async def ListJobs(self, request: Any, context: Any) -> Any:
        """A page of jobs."""
        state = enum_name(job_pb2.JobState.DESCRIPTOR, request.state)
        wanted = JobState(state) if state else None
        page = await self.service.mine.list_jobs(request.page_size, request.page_token, wanted)
        return to_proto(page, job_pb2.ListJobsResponse())

    @stream
    async def WatchJob(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """Replays and follows a job's events."""
        # The headers first: a watcher of a quiet job learns at once that it is connected.
        await context.send_initial_metadata(())
        async for event in self.service.mine.watch_job(request.name, request.after_seq):
            yield to_proto(event, job_pb2.JobEvent())

    @unary
    async def PauseJob(self, request: Any, context: Any) -> Any:
        """Pauses a job."""
        return to_proto(await self.service.mine.jobs.pause(request.name), job_pb2.Job())

    @unary
    async def ResumeJob(self, request: Any, context: Any) -> Any:
        """Resumes a job."""
        limit = request.max_cost if request.HasField("max_cost") else None
        if limit is not None and not 0 <= limit <= 1e9:
            raise InvalidRequest("max_cost lies between 0 and 1e9 US dollars")
        return to_proto(await self.service.mine.jobs.resume(request.name, limit), job_pb2.Job())

    @unary
    async def CancelJob(self, request: Any, context: Any) -> Any:
        """Cancels a job."""
        return to_proto(await self.service.mine.jobs.cancel(request.name), job_pb2.Job())

    @unary
    async def RetryJob(self, request: Any, context: Any) -> Any:
        """Retries what failed."""
        return to_proto(await self.service.mine.jobs.retry(request.name), job_pb2.Job())


class ExampleServicer(example_pb2_grpc.ExampleServiceServicer):
    """teachback.v1.ExampleService."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @unary
    async def ListExamples(self, request: Any, context: Any) -> Any:
        """A page of examples."""
        r = request
        page = await self.service.mine.list_examples(
            r.parent, r.page_size, r.page_token, r.outcome, rounds=r.include_rounds
        )
        return to_proto(page, example_pb2.ListExamplesResponse())

    @unary
    async def GetExample(self, request: Any, context: Any) -> Any:
        """One example."""
        return to_proto(await self.service.mine.get_example(request.name), example_pb2.Example())

    @unary
    async def ReviewExample(self, request: Any, context: Any) -> Any:
        """Keeps, edits or drops an example."""
        verdict = enum_name(example_pb2.ReviewVerdict.DESCRIPTOR, request.verdict) or None
        named = cast(ReviewVerdict | None, verdict)  # the proto's names are the literals
        shown = await self.service.mine.review_example(request.name, named, request.edited_json)
        return to_proto(shown, example_pb2.Example())

    @stream
    async def ExportExamples(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """Streams a job's rows."""
        format_ = enum_name(example_pb2.ExportFormat.DESCRIPTOR, request.format) or "source"
        tag = enum_name(example_pb2.ThinkingTag.DESCRIPTOR, request.thinking_tag) or "think"
        named = cast(ThinkingTag, tag)  # the proto's names are the literals
        pieces = await self.service.mine.export_examples(
            request.parent,
            cast(ExportFormat, format_),
            named,
            unfinished=request.include_unfinished,
            converged_only=request.converged_only,
            reviewed_only=request.reviewed_only,
        )
        async for piece in pieces:
            yield example_pb2.ExportExamplesResponse(data=piece)


def add_all(server: grpc.aio.Server, service: Service) -> list[str]:
    """Registers every servicer; returns the services' full names."""
    dataset_pb2_grpc.add_DatasetServiceServicer_to_server(DatasetServicer(service), server)
    job_pb2_grpc.add_JobServiceServicer_to_server(JobServicer(service), server)
    example_pb2_grpc.add_ExampleServiceServicer_to_server(ExampleServicer(service), server)
    trainer_pb2_grpc.add_TrainerServiceServicer_to_server(TrainerServicer(service), server)
    access_pb2_grpc.add_AccessServiceServicer_to_server(AccessServicer(service), server)
    protos = (dataset_pb2, job_pb2, example_pb2, trainer_pb2, access_pb2)
    return [s.full_name for p in protos for s in p.DESCRIPTOR.services_by_name.values()]
