"""What the service does, once; gRPC and REST both call these and add nothing but their own wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import suppress
from functools import partial

from graphs.recipes.base import Made
from graphs.records import Outcome
from services import export, made
from services.access.caller import about
from services.datasets.intake import Intake
from services.errors import InvalidRequest, NotFound, WrongState
from services.jobs.kinds import named
from services.jobs.owned import ProjectJobs
from services.jobs.work import Kit
from services.store.ids import page_size, page_token, read_token, tail
from services.store.slots import rows_of
from services.training.estimating import Estimator
from services.training.requests import EstimateTrainingRequest, StartRequest
from services.training.specs import ArtifactList, TrainingEstimate
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
    JobSpec,
    JobState,
    ReviewVerdict,
    ThinkingTag,
)

PIECE = 64 * 1024
"""Bytes of an export handed out at once, about."""


class Handlers:
    """Every call of one project's callers. All raise what services/errors.py maps; what is another project's is not
    found, as what never was."""

    def __init__(self, jobs: ProjectJobs, kit: Kit, estimator: Estimator) -> None:
        self.jobs, self._kit, self._estimator = jobs, kit, estimator
        self._datasets, self._examples, self._settings = kit.datasets, kit.examples, kit.settings

    # ------------------------------------------------------------ datasets
    async def open_upload(self, display_name: str, *, strict: bool, key: str, kind: DatasetKind = "rows") -> Intake:
        """Begins an upload. Its methods block, so they are called in a thread."""
        if len(key) > 200 or len(display_name) > 200:
            raise InvalidRequest("idempotency_key and display_name hold at most 200 characters")
        limits = self._settings.max_row_bytes, self._settings.max_upload_bytes
        room = self._kit.quotas.more_bytes
        make = partial(
            Intake,
            self._datasets,
            display_name=display_name,
            strict=strict,
            key=key,
            limits=limits,
            kind=kind,
            room=room,
        )
        await asyncio.to_thread(self._kit.quotas.room)
        return await asyncio.to_thread(make)

    async def get_dataset(self, name: str) -> Dataset:
        """One dataset."""
        return await asyncio.to_thread(self._datasets.get, name)

    async def list_datasets(self, size: int, token: str) -> DatasetPage:
        """A page of datasets."""
        return await asyncio.to_thread(self._datasets.page, size, token)

    async def list_bad_rows(self, name: str, size: int, token: str) -> BadRowPage:
        """A page of refused rows."""
        return await asyncio.to_thread(self._datasets.bad_rows, name, size, token)

    # ------------------------------------------------------------ jobs
    async def create_job(self, request: CreateJobRequest) -> Job:
        """Creates a job, or finds the one made under the same key."""
        job = await self.jobs.create(request.spec, request.idempotency_key)
        about(job.name)
        return job

    async def get_job(self, name: str) -> Job:
        """One job."""
        return await self.jobs.get(name)

    async def list_jobs(self, size: int, token: str, state: JobState | None) -> JobPage:
        """A page of jobs."""
        return await self.jobs.page(size, token, state)

    def watch_job(self, name: str, after: int) -> AsyncIterator[JobEvent]:
        """A job's events from `after` on, until it has ended."""
        if after < 0:
            raise InvalidRequest("after_seq can't be negative")
        return self.jobs.watch(name, after)

    # ------------------------------------------------------------ examples
    async def list_examples(self, parent: str, size: int, token: str, outcome: str, *, rounds: bool) -> ExamplePage:
        """A page of finished examples."""
        limit, at = page_size(size), read_token(token, int)
        job = await asyncio.to_thread(self._kit.store.get, parent)
        job_id, dataset_id = tail(parent, "jobs"), rows_of(job)
        _check_outcome(job, outcome)
        after = int(str(at[0])) if at else -1
        fetch = partial(self._examples.rows, job_id, dataset_id, after, limit + 1, outcome)
        rows = await asyncio.to_thread(fetch)
        show = made.example if dataset_id == job_id else export.example
        shown = await asyncio.to_thread(lambda: [show(job_id, r, rounds=rounds) for r in rows[:limit]])
        return ExamplePage(examples=shown, next_page_token=page_token(rows[limit - 1].seq) if len(rows) > limit else "")

    async def get_example(self, name: str) -> Example:
        """One example with its rounds."""
        parent, slash, item_id = name.partition("/examples/")
        if not slash:
            raise InvalidRequest(f"{name!r} is no name of an example; it looks like jobs/0f3c9a12/examples/4be1-1")
        tail(f"examples/{item_id}", "examples")
        job_id, dataset_id = await self._ids(parent)
        row = await asyncio.to_thread(self._examples.one, job_id, dataset_id, item_id)
        if row is None:
            raise NotFound(f"there is no {name}")
        show = made.example if dataset_id == job_id else export.example
        return show(job_id, row, rounds=True)

    async def review_example(self, name: str, verdict: ReviewVerdict | None, edited_json: str) -> Example:
        """Writes a person's verdict on an example, or takes it back."""
        shown = await self.get_example(name)
        if shown.outcome != Made.ACCEPTED:
            raise WrongState(
                f"only what a generate job accepted is reviewed; {name} is {shown.outcome or 'unfinished'}"
            )
        stored = await asyncio.to_thread(made.review, verdict, edited_json)
        parent, _, item_id = name.partition("/examples/")
        await asyncio.to_thread(self._examples.review, tail(parent, "jobs"), item_id, stored)
        return await self.get_example(name)

    async def export_examples(
        self,
        parent: str,
        format_: ExportFormat,
        tag: ThinkingTag,
        *,
        unfinished: bool,
        converged_only: bool,
        reviewed_only: bool = False,
    ) -> AsyncIterator[bytes]:
        """A job's rows as pieces of a JSONL file. Errors come before the first piece where they can be known."""
        job = await self.jobs.get(parent)
        if format_ == "openai" and not job.spec.preferences:
            raise InvalidRequest(f"{parent} has no pairs; rows are exported as source or as messages")
        if job.spec.generate:
            return _pieces(made.export(self._examples, job, format_, reviewed_only=reviewed_only))
        if job.spec.preferences:
            from services.jobs import preferring  # its graph takes LangGraph, which loads after the ports are open

            return _pieces(preferring.export(self._examples, job, format_, reviewed_only=reviewed_only))
        if not job.spec.enhance:
            raise WrongState(
                f"{parent} is a job of kind {job.spec.kind_name}: it leaves files (artifacts), and no rows"
            )
        lines = export.export(
            self._examples, job, format_=format_, tag=tag, unfinished=unfinished, converged_only=converged_only
        )
        return _pieces(lines)

    # ------------------------------------------------------------ the trainer
    async def start(self, request: StartRequest) -> Job:
        """Creates a job of the request's kind, or finds the one made under the same key."""
        kind = type(request).__name__.removeprefix("Start").removesuffix("Request").lower()
        job = await self.jobs.create(JobSpec.model_validate({kind: request.spec}), request.idempotency_key)
        about(job.name)
        return job

    async def estimate(self, request: EstimateTrainingRequest) -> TrainingEstimate:
        """What a training needs on this machine."""
        spec = request.sft or request.dpo
        assert spec is not None  # the request has seen to it
        await asyncio.to_thread(named, spec, self._kit)
        return await self._estimator.estimate(spec, self._kit)

    async def list_artifacts(self, parent: str) -> ArtifactList:
        """The files that a job has left."""
        await asyncio.to_thread(self._kit.store.get, parent)
        return ArtifactList(artifacts=await asyncio.to_thread(self._kit.artifacts.listed, parent))

    async def open_artifact(self, name: str) -> tuple[int, AsyncIterator[bytes]]:
        """One file: its bytes' number, and the bytes. Errors come before the first piece."""
        await asyncio.to_thread(self._kit.store.get, name.partition("/artifacts/")[0])
        found = await asyncio.to_thread(self._kit.artifacts.opened, name)
        return found.size, _read(found.pieces)

    async def _ids(self, parent: str) -> tuple[str, str]:
        job = await asyncio.to_thread(self._kit.store.get, parent)
        return tail(parent, "jobs"), rows_of(job)


def _check_outcome(job: Job, outcome: str) -> None:
    """Raises InvalidRequest for one that no example of such a job comes to: nothing would ever be listed."""
    known = list(Outcome if job.spec.enhance else Made)
    if outcome and outcome not in known:
        kind = job.spec.kind_name
        raise InvalidRequest(f"outcome: of a job of kind {kind} it should be one of {', '.join(known)}")


async def _read(pieces: Generator[bytes]) -> AsyncIterator[bytes]:
    try:
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece
    finally:
        with suppress(ValueError):  # the caller went away during a read; the file is closed after it
            pieces.close()


async def _pieces(lines: Iterator[str]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(_next_piece, lines):
        yield piece


def _next_piece(lines: Iterator[str]) -> bytes:
    held, size = [], 0
    for line in lines:
        held.append(line.encode())
        size += len(held[-1])
        if size >= PIECE:
            break
    return b"".join(held)
