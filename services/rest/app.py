"""The REST face on FastAPI: the same handlers, JSON in the proto's field names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, NamedTuple

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from services.access.caller import about
from services.rest import access, training
from services.rest.bodies import BoundedBodies
from services.rest.document import RESPONSES, Documented
from services.rest.door import Doorman
from services.rest.fields import ExampleId, Id, Short, Size, Token
from services.rest.metrics import add_metrics, observed
from services.rest.problems import install
from services.rest.queries import only_known
from services.service import Service
from services.telemetry import context
from services.telemetry.exporting import NOT_EXPORTING, Exporting
from services.views import (
    BadRowPage,
    CreateJobRequest,
    Dataset,
    DatasetKind,
    DatasetPage,
    Example,
    ExamplePage,
    ExportFormat,
    Job,
    JobEvent,
    JobPage,
    JobState,
    ResumeJobRequest,
    ReviewRequest,
    ThinkingTag,
)

JSONL = "application/x-ndjson"


class Takes(NamedTuple):
    """What an upload route takes."""

    kind: DatasetKind
    media: str
    summary: str


UPLOADS = {
    "/v1/datasets": Takes("rows", JSONL, "Upload one file of rows as a dataset, streamed"),
    "/v1/schemas": Takes("schema", "application/yaml", "Upload a CLI schema"),
    "/v1/passages": Takes("passages", "text/markdown", "Upload passages with their templates"),
    "/v1/texts": Takes("text", "text/plain", "Upload a book's text"),
    "/v1/chunks": Takes("chunks", JSONL, "Upload text chunks, streamed"),
    "/v1/training_rows": Takes("training", JSONL, "Upload rows or preference pairs to train on, streamed"),
}


def build(service: Service, exporting: Exporting = NOT_EXPORTING) -> FastAPI:
    """The app. Every route but the probe stands behind the door. FastAPI makes the spans of its requests itself."""
    app = Documented(
        title="Teachback",
        version="1",
        summary="Thinking that converges",
        separate_input_output_schemas=False,
        telemetry=observed(exporting),
        dependencies=[Depends(only_known)],
        responses=RESPONSES,
        # These pages would make their reader's browser fetch scripts and fonts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    install(app)
    app.add_middleware(BoundedBodies, streams=frozenset(UPLOADS))  # the innermost: what it raises is a route's error
    app.state.service = service
    doorman = Doorman(app, service)

    @app.middleware("http")
    async def answered(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await doorman.answer(request, call_next)
        if told := context.response():
            response.headers[context.RESPONSE] = told
        return response

    _datasets(app, service)
    _jobs(app, service)
    _examples(app, service)
    training.add(app, service)
    access.add(app, service)
    add_metrics(app, exporting)

    @app.get("/healthz", summary="Whether the service answers")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "serving"})

    return app


def _datasets(app: FastAPI, service: Service) -> None:
    async def create(
        request: Request,
        file: Short = "upload",
        display_name: Short = "",
        strict: bool = False,
        idempotency_key: Short = "",
    ) -> Dataset:
        kind = UPLOADS[request.url.path].kind
        upload = await service.mine.open_upload(display_name, strict=strict, key=idempotency_key, kind=kind)
        done = False
        try:
            await asyncio.to_thread(upload.begin_file, file)
            async for piece in request.stream():
                if piece:
                    await asyncio.to_thread(upload.feed, piece)
            made = await asyncio.to_thread(upload.finish)
            about(made.name)
            done = True
            return made
        finally:
            if not done:
                await asyncio.to_thread(upload.abandon)

    for path, takes in UPLOADS.items():
        content = {takes.media: {"schema": {"type": "string", "format": "binary"}}}
        app.add_api_route(
            path,
            create,
            methods=["POST"],
            status_code=201,
            name=f"create_{takes.kind}",
            openapi_extra={"requestBody": {"required": True, "content": content}},
            summary=takes.summary,
        )

    @app.get("/v1/datasets", summary="Datasets, newest first")
    async def list_datasets(page_size: Size = 0, page_token: Token = "") -> DatasetPage:
        return await service.mine.list_datasets(page_size, page_token)

    @app.get("/v1/datasets/{id}", summary="One dataset")
    async def get_dataset(id: Id) -> Dataset:
        return await service.mine.get_dataset(f"datasets/{id}")

    @app.get("/v1/datasets/{id}/bad_rows", summary="The rows a dataset refused")
    async def list_bad_rows(id: Id, page_size: Size = 0, page_token: Token = "") -> BadRowPage:
        return await service.mine.list_bad_rows(f"datasets/{id}", page_size, page_token)


def _jobs(app: FastAPI, service: Service) -> None:
    @app.post("/v1/jobs", status_code=201, summary="Create a job")
    async def create_job(request: CreateJobRequest) -> Job:
        return await service.mine.create_job(request)

    @app.get("/v1/jobs", summary="Jobs, newest first")
    async def list_jobs(page_size: Size = 0, page_token: Token = "", state: JobState | None = None) -> JobPage:
        return await service.mine.list_jobs(page_size, page_token, state)

    @app.get("/v1/jobs/{id}", summary="One job")
    async def get_job(id: Id) -> Job:
        return await service.mine.get_job(f"jobs/{id}")

    @app.get(
        "/v1/jobs/{id}/events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
        summary="A job's events, replayed and followed (server-sent events)",
    )
    async def watch_job(
        id: Id,
        request: Request,
        after_seq: Annotated[int, Query(ge=0, le=2**53)] = 0,
    ) -> StreamingResponse:
        name = f"jobs/{id}"
        await service.mine.get_job(name)
        # What a browser sends when it takes a broken stream up again.
        last = request.headers.get("last-event-id", "")
        after = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else after_seq
        return StreamingResponse(_events(service.mine.watch_job(name, after)), media_type="text/event-stream")

    @app.post("/v1/jobs/{id}:pause", summary="Hand out no further row")
    async def pause_job(id: Id) -> Job:
        return await service.mine.jobs.pause(f"jobs/{id}")

    @app.post("/v1/jobs/{id}:resume", summary="Go on with a paused or failed job")
    async def resume_job(id: Id, request: ResumeJobRequest | None = None) -> Job:
        return await service.mine.jobs.resume(f"jobs/{id}", request.max_cost if request else None)

    @app.post("/v1/jobs/{id}:cancel", summary="End a job, keep what is finished")
    async def cancel_job(id: Id) -> Job:
        return await service.mine.jobs.cancel(f"jobs/{id}")

    @app.post("/v1/jobs/{id}:retry", summary="Run failed examples again")
    async def retry_job(id: Id) -> Job:
        return await service.mine.jobs.retry(f"jobs/{id}")


def _examples(app: FastAPI, service: Service) -> None:
    @app.get("/v1/jobs/{id}/examples", summary="A job's examples in source order")
    async def list_examples(
        id: Id,
        page_size: Size = 0,
        page_token: Token = "",
        outcome: Short = "",
        include_rounds: bool = False,
    ) -> ExamplePage:
        return await service.mine.list_examples(f"jobs/{id}", page_size, page_token, outcome, rounds=include_rounds)

    @app.get("/v1/jobs/{id}/examples/{example}", summary="One example with its rounds")
    async def get_example(id: Id, example: ExampleId) -> Example:
        return await service.mine.get_example(f"jobs/{id}/examples/{example}")

    @app.post("/v1/jobs/{id}/examples/{example}:review", summary="Keep, edit or drop an example, or take that back")
    async def review_example(id: Id, example: ExampleId, request: ReviewRequest) -> Example:
        return await service.mine.review_example(f"jobs/{id}/examples/{example}", request.verdict, request.edited_json)

    @app.get(
        "/v1/jobs/{id}/export",
        response_class=StreamingResponse,
        responses={200: {"content": {JSONL: {}}}},
        summary="A job's rows as JSONL",
    )
    async def export_examples(
        id: Id,
        format: ExportFormat = "source",
        thinking_tag: ThinkingTag = "think",
        include_unfinished: bool = False,
        converged_only: bool = False,
        reviewed_only: bool = False,
    ) -> StreamingResponse:
        pieces = await service.mine.export_examples(
            f"jobs/{id}",
            format,
            thinking_tag,
            unfinished=include_unfinished,
            converged_only=converged_only,
            reviewed_only=reviewed_only,
        )
        return StreamingResponse(pieces, media_type=JSONL)


async def _events(events: AsyncIterator[JobEvent]) -> AsyncIterator[str]:
    async for event in events:
        body = event.model_dump_json(exclude_defaults=True)
        mark = f"id: {event.seq}\n" if event.seq else ""
        yield f"{mark}event: {event.type}\ndata: {body}\n\n"
