"""What both clients say on the wire, and how they follow a job across lost connections."""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

import grpc
import grpc.aio

from teachback.errors import BadInput, from_rpc
from teachback.plain import number
from teachback.tls import Route
from teachback.v1 import dataset_pb2, example_pb2, generate_pb2, job_pb2

CHUNK = 256 * 1024
PAGE = 500
STREAM_SECONDS = 300.0
"""A stream of events lives this long at most, so that a connection that died without a word is found out."""

Style = Literal["qa", "installer"]
ThinkingFormat = Literal["iterative", "consolidated"]
RowFormat = Literal["source", "messages", "openai"]
Verdict = Literal["keep", "edit", "drop"]
Kind = Literal["rows", "schema", "passages", "text", "chunks", "training"]
Tag = Literal["think", "thinking", "reasoning_content"]

ENDED = frozenset({job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED})
RESTING = ENDED | {job_pb2.JOB_STATE_PAUSED}
"""States in which nothing more happens unless somebody asks for it."""

_TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C's Trace Context, as a pipeline's step or another tool hands it to the programs it starts."""

CHANNEL_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
]


class EnhanceOptions(TypedDict, total=False):
    """The fields of an EnhanceSpec beside its dataset; what is left out is the service's default."""

    student: str
    teacher: str
    evaluator: str
    max_iterations: int
    thinking_format: ThinkingFormat
    style: Style
    batch_size: int
    max_samples: int
    verify_samples: int
    max_cost: float
    earlier_output: str
    reuse: bool
    measure_lift: bool
    score_threshold: float


def job_spec(dataset: str, options: EnhanceOptions) -> job_pb2.JobSpec:
    """The spec of an `enhance` job. Raises BadInput for a style or a format that does not exist, or a budget of 0."""
    fields: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    check_budget(options.get("max_cost"))
    for name in ("thinking_format", "style"):
        if name in fields:
            enum = job_pb2.EnhanceSpec.DESCRIPTOR.fields_by_name[name].enum_type
            fields[name] = number(enum, fields[name])
    return job_pb2.JobSpec(enhance=job_pb2.EnhanceSpec(dataset=dataset, **fields))


def check_budget(max_cost: float | None) -> None:
    """Raises BadInput for a budget that is none: on the wire 0 means no limit, which is not what it says."""
    if max_cost is not None and not max_cost > 0:
        raise BadInput(f"max_cost is {max_cost:g}; it is in US dollars and above 0. Leave it out for no limit")


def resume_request(job: str, max_cost: float | None) -> job_pb2.ResumeJobRequest:
    """The request to go on with a job. Raises BadInput as `check_budget` does."""
    check_budget(max_cost)
    return job_pb2.ResumeJobRequest(name=job, max_cost=max_cost)


class GenerateOptions(TypedDict, total=False):
    """The fields of a GenerateSpec beside its dataset. Exactly one recipe is named; its options are the proto's."""

    teacher: str
    evaluator: str
    batch_size: int
    max_cost: float
    max_attempts: int
    temperature: float
    seed: int
    score_threshold: float
    commands: dict[str, Any]
    passages: dict[str, Any]
    candidates: dict[str, Any]
    personas: dict[str, Any]


KINDS: dict[str, Kind] = {"commands": "schema", "passages": "passages", "candidates": "text", "personas": "chunks"}
"""Each recipe and the kind of dataset it works on."""


def kind_for(options: GenerateOptions) -> Kind:
    """The kind of dataset that the named recipe works on. Raises BadInput where not exactly one is named."""
    named = [kind for recipe, kind in KINDS.items() if options.get(recipe) is not None]
    if len(named) != 1:
        raise BadInput(f"name one recipe: {', '.join(KINDS)}")
    return named[0]


def generate_spec(dataset: str, options: GenerateOptions) -> job_pb2.JobSpec:
    """The spec of a `generate` job. Raises BadInput for an option that does not exist, or a budget of 0."""
    fields: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    check_budget(options.get("max_cost"))
    try:
        return job_pb2.JobSpec(generate=generate_pb2.GenerateSpec(dataset=dataset, **fields))
    except (TypeError, ValueError) as error:
        raise BadInput(f"the options of the recipe: {error}") from error


def kind_of(job: job_pb2.Job) -> Any:
    """The spec of the job's own kind, as an EnhanceSpec."""
    return getattr(job.spec, job.spec.WhichOneof("kind") or "enhance")


def export_request(
    job: str, format: RowFormat, thinking_tag: Tag, include_unfinished: bool, converged_only: bool
) -> example_pb2.ExportExamplesRequest:
    """The request for a job's rows. Raises BadInput for a format or a tag that does not exist."""
    enums = example_pb2.DESCRIPTOR.enum_types_by_name
    return example_pb2.ExportExamplesRequest(
        parent=job,
        format=number(enums["ExportFormat"], format),  # type: ignore[arg-type]  # the stub wants its own enum class
        thinking_tag=number(enums["ThinkingTag"], thinking_tag),  # type: ignore[arg-type]
        include_unfinished=include_unfinished,
        converged_only=converged_only,
    )


def channel(way: Route) -> grpc.Channel:
    """A channel to a service. It connects at the first call."""
    options = [*CHANNEL_OPTIONS, *way.options]
    if way.credentials is None:
        return grpc.insecure_channel(way.target, options=options)
    return grpc.secure_channel(way.target, way.credentials, options=options)


def aio_channel(way: Route) -> grpc.aio.Channel:
    """The same for asyncio."""
    options = [*CHANNEL_OPTIONS, *way.options]
    if way.credentials is None:
        return grpc.aio.insecure_channel(way.target, options=options)
    return grpc.aio.secure_channel(way.target, way.credentials, options=options)


def metadata(token: str | None, project: str = "") -> tuple[tuple[str, str], ...]:
    """What goes with every call: the token, the project that an operator works in, and the trace that the environment
    says this process belongs to."""
    found = [("authorization", f"Bearer {token}")] if token else []
    if project:
        found.append(("teachback-project", project))
    if _TRACEPARENT.fullmatch(parent := os.environ.get("TRACEPARENT", "")):
        found.append(("traceparent", parent))
    return tuple(found)


def job_name(name: str) -> str:
    """ "jobs/ID" for "ID" and for "jobs/ID"."""
    return name if name.startswith("jobs/") else f"jobs/{name}"


def is_dataset(source: object) -> bool:
    """Whether a source is a dataset by name rather than files."""
    return isinstance(source, str) and source.startswith("datasets/")


def review_request(
    name: str, verdict: Verdict | None, edited: dict[str, Any] | None
) -> example_pb2.ReviewExampleRequest:
    """A person's verdict on an example."""
    named = f"REVIEW_VERDICT_{verdict.upper()}" if verdict else "REVIEW_VERDICT_UNSPECIFIED"
    body = "" if edited is None else json.dumps(edited, ensure_ascii=False)
    return example_pb2.ReviewExampleRequest(name=name, verdict=named, edited_json=body)


def example_name(job: str, id: str) -> str:
    """ "jobs/J/examples/ID" for "ID" and for the whole name."""
    return id if id.startswith("jobs/") else f"{job}/examples/{id}"


def list_jobs(state: str) -> job_pb2.ListJobsRequest:
    """The request for all jobs, or for those in one state. Raises BadInput for a state that does not exist."""
    enum = job_pb2.DESCRIPTOR.enum_types_by_name["JobState"]
    return job_pb2.ListJobsRequest(state=number(enum, state) if state else 0)  # type: ignore[arg-type]


def as_paths(source: str | Path | Sequence[str | Path]) -> list[Path]:
    """One path or several, as a list."""
    return [Path(source)] if isinstance(source, (str, Path)) else [Path(p) for p in source]


class Upload:
    """The messages of one upload, read as they are sent: memory does not grow with the files."""

    def __init__(
        self, paths: Sequence[Path], display_name: str, strict: bool, idempotency_key: str, kind: Kind = "rows"
    ) -> None:
        """Raises BadInput where there is no file, one that cannot be opened, or no such kind."""
        if not paths:
            raise BadInput("there is no file to upload")
        for path in paths:
            try:
                with path.open("rb"):
                    pass
            except OSError as error:
                raise BadInput(f"{path} cannot be read: {error.strerror}") from error
        self.paths = paths
        self.failure: BadInput | None = None
        self._header = dataset_pb2.DatasetHeader(
            display_name=display_name,
            strict=strict,
            idempotency_key=idempotency_key,
            kind=number(dataset_pb2.DESCRIPTOR.enum_types_by_name["DatasetKind"], kind),  # type: ignore[arg-type]
        )

    def __iter__(self) -> Iterator[dataset_pb2.CreateDatasetRequest]:
        yield dataset_pb2.CreateDatasetRequest(header=self._header)
        for path in self.paths:
            yield dataset_pb2.CreateDatasetRequest(begin_file=path.name)
            try:
                with path.open("rb") as file:
                    while data := file.read(CHUNK):
                        yield dataset_pb2.CreateDatasetRequest(data=data)
            except OSError as error:
                # gRPC reports an exception of this iterator as a bare UNKNOWN; the client looks here for the reason.
                self.failure = BadInput(f"{path} cannot be read: {error.strerror}")
                raise


class Follower:
    """Where a watch stands: which events were handed on, and how long to wait before the next try."""

    def __init__(self, after_seq: int, patience: float) -> None:
        """`patience` is in seconds: how long nobody may answer before that is an error."""
        self.seen = after_seq
        self._patience = patience
        self._silent_since: float | None = None
        self._tries = 0

    def take(self, event: job_pb2.JobEvent, heartbeats: bool) -> bool:
        """Whether to hand this event on. None is handed on twice, whatever the service replays."""
        self._silent_since, self._tries = None, 0
        if event.seq == 0:
            return heartbeats
        fresh = event.seq > self.seen
        self.seen = max(self.seen, event.seq)
        return fresh

    def delay(self, error: grpc.RpcError) -> float:
        """Seconds to wait before the next try. Raises the error as one of ours where another try makes no sense."""
        code = error.code()
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return 0.0
        now = time.monotonic()
        self._silent_since = self._silent_since or now
        if code != grpc.StatusCode.UNAVAILABLE or now - self._silent_since >= self._patience:
            raise from_rpc(error) from error
        self._tries += 1
        return min(0.1 * 2.0**self._tries, 3.0) * random.uniform(0.5, 1.0)  # noqa: S311 -- spreads retries, no secret
