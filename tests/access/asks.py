"""What is asked of every RPC and of every route, about somebody's things. A new one has to be added here."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from google.protobuf.message import Message
from teachback.v1 import access_pb2, dataset_pb2, example_pb2, job_pb2, trainer_pb2
from teachback.wire import job_spec

from tests.access.conftest import OFFLINE, Things

T = "/teachback.v1."
Ask = Callable[[Things], list[Message]]


def upload(_: Things) -> list[Message]:
    """An upload is of whoever sends it."""
    row = json.dumps({"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]})
    part = dataset_pb2.CreateDatasetRequest
    return [part(header=dataset_pb2.DatasetHeader()), part(begin_file="a.jsonl"), part(data=row.encode())]


def one(make: Callable[[Things], Message]) -> Ask:
    """A request of one message."""
    return lambda things: [make(things)]


def sft(t: Things) -> Any:
    """Training on top of a model."""
    return job_pb2.JobSpec(sft={"dataset": t.rows, "model": t.model}).sft


def enhance(t: Things) -> Any:
    """A job with everything that a spec can name."""
    return job_spec(t.dataset, {**OFFLINE, "earlier_output": t.dataset})  # type: ignore[typeddict-item]


RPCS: dict[str, Ask] = {
    f"{T}DatasetService/CreateDataset": upload,
    f"{T}DatasetService/GetDataset": one(lambda t: dataset_pb2.GetDatasetRequest(name=t.dataset)),
    f"{T}DatasetService/ListDatasets": one(lambda _: dataset_pb2.ListDatasetsRequest()),
    f"{T}DatasetService/ListBadRows": one(lambda t: dataset_pb2.ListBadRowsRequest(parent=t.dataset)),
    f"{T}JobService/CreateJob": one(lambda t: job_pb2.CreateJobRequest(spec=enhance(t))),
    f"{T}JobService/GetJob": one(lambda t: job_pb2.GetJobRequest(name=t.job)),
    f"{T}JobService/ListJobs": one(lambda _: job_pb2.ListJobsRequest()),
    f"{T}JobService/WatchJob": one(lambda t: job_pb2.WatchJobRequest(name=t.job)),
    f"{T}JobService/PauseJob": one(lambda t: job_pb2.PauseJobRequest(name=t.job)),
    f"{T}JobService/ResumeJob": one(lambda t: job_pb2.ResumeJobRequest(name=t.job)),
    f"{T}JobService/CancelJob": one(lambda t: job_pb2.CancelJobRequest(name=t.job)),
    f"{T}JobService/RetryJob": one(lambda t: job_pb2.RetryJobRequest(name=t.job)),
    f"{T}ExampleService/ListExamples": one(lambda t: example_pb2.ListExamplesRequest(parent=t.job)),
    f"{T}ExampleService/GetExample": one(lambda t: example_pb2.GetExampleRequest(name=t.example)),
    f"{T}ExampleService/ReviewExample": one(
        lambda t: example_pb2.ReviewExampleRequest(name=t.made_example, verdict="REVIEW_VERDICT_KEEP")
    ),
    f"{T}ExampleService/ExportExamples": one(lambda t: example_pb2.ExportExamplesRequest(parent=t.job)),
    f"{T}TrainerService/StartSft": one(lambda t: trainer_pb2.StartSftRequest(spec=sft(t))),
    f"{T}TrainerService/StartPreferences": one(lambda t: trainer_pb2.StartPreferencesRequest(spec={"rounds": t.job})),
    f"{T}TrainerService/StartDpo": one(
        lambda t: trainer_pb2.StartDpoRequest(spec={"dataset": t.pairs, "model": t.model})
    ),
    f"{T}TrainerService/StartQuantize": one(lambda t: trainer_pb2.StartQuantizeRequest(spec={"model": t.model})),
    f"{T}TrainerService/StartEvaluate": one(
        lambda t: trainer_pb2.StartEvaluateRequest(spec={"dataset": t.rows, "models": [t.model]})
    ),
    f"{T}TrainerService/StartPipeline": one(
        lambda t: trainer_pb2.StartPipelineRequest(
            spec={"name": "kettle", "cli_schema": t.schema, "stages": ["generate"], "num": 20}
        )
    ),
    f"{T}TrainerService/EstimateTraining": one(lambda t: trainer_pb2.EstimateTrainingRequest(sft=sft(t))),
    f"{T}TrainerService/ListArtifacts": one(lambda t: trainer_pb2.ListArtifactsRequest(parent=t.model)),
    f"{T}TrainerService/GetArtifact": one(lambda t: trainer_pb2.GetArtifactRequest(name=t.artifact)),
    f"{T}AccessService/CreateProject": one(
        lambda t: access_pb2.CreateProjectRequest(project_id=f"new-{t.project.rpartition('/')[2]}")
    ),
    f"{T}AccessService/GetProject": one(lambda t: access_pb2.GetProjectRequest(name=t.project)),
    f"{T}AccessService/ListProjects": one(lambda _: access_pb2.ListProjectsRequest()),
    f"{T}AccessService/UpdateProject": one(
        lambda t: access_pb2.UpdateProjectRequest(name=t.project, display_name="Changed")
    ),
    f"{T}AccessService/CreateToken": one(
        lambda t: access_pb2.CreateTokenRequest(project=t.project, scope="SCOPE_READ")
    ),
    f"{T}AccessService/ListTokens": one(lambda t: access_pb2.ListTokensRequest(project=t.project)),
    f"{T}AccessService/RotateToken": one(lambda t: access_pb2.RotateTokenRequest(name=t.token)),
    f"{T}AccessService/RevokeToken": one(lambda t: access_pb2.RevokeTokenRequest(name=t.token)),
    f"{T}AccessService/ListAuditEntries": one(lambda t: access_pb2.ListAuditEntriesRequest(project=t.project)),
}


class Sent(NamedTuple):
    """A request over REST, its path filled in."""

    path: str
    body: Any = None
    """JSON, or bytes."""


def named(name: str, rest: str = "") -> str:
    """The path of a thing."""
    return f"/v1/{name}{rest}"


ROW = upload(Things())[2].data  # type: ignore[attr-defined]
ROUTES: dict[tuple[str, str], Callable[[Things], Sent]] = {
    **{
        ("POST", f"/v1/{what}"): lambda _, what=what: Sent(f"/v1/{what}", ROW)  # type: ignore[misc]
        for what in ("datasets", "schemas", "passages", "texts", "chunks", "training_rows")
    },
    ("GET", "/v1/datasets"): lambda _: Sent("/v1/datasets"),
    ("GET", "/v1/datasets/{id}"): lambda t: Sent(named(t.dataset)),
    ("GET", "/v1/datasets/{id}/bad_rows"): lambda t: Sent(named(t.dataset, "/bad_rows")),
    ("POST", "/v1/jobs"): lambda t: Sent("/v1/jobs", {"spec": {"enhance": {"dataset": t.dataset, **OFFLINE}}}),
    ("GET", "/v1/jobs"): lambda _: Sent("/v1/jobs"),
    ("GET", "/v1/jobs/{id}"): lambda t: Sent(named(t.job)),
    ("GET", "/v1/jobs/{id}/events"): lambda t: Sent(named(t.job, "/events")),
    **{
        ("POST", f"/v1/jobs/{{id}}:{verb}"): lambda t, verb=verb: Sent(named(t.job, f":{verb}"))  # type: ignore[misc]
        for verb in ("pause", "resume", "cancel", "retry")
    },
    ("GET", "/v1/jobs/{id}/examples"): lambda t: Sent(named(t.job, "/examples")),
    ("GET", "/v1/jobs/{id}/examples/{example}"): lambda t: Sent(named(t.example)),
    ("POST", "/v1/jobs/{id}/examples/{example}:review"): lambda t: Sent(
        named(t.made_example, ":review"), {"verdict": "keep"}
    ),
    ("GET", "/v1/jobs/{id}/export"): lambda t: Sent(named(t.job, "/export")),
    ("POST", "/v1/sft"): lambda t: Sent("/v1/sft", {"spec": {"dataset": t.rows, "model": t.model}}),
    ("POST", "/v1/preferences"): lambda t: Sent("/v1/preferences", {"spec": {"rounds": t.job}}),
    ("POST", "/v1/dpo"): lambda t: Sent("/v1/dpo", {"spec": {"dataset": t.pairs, "model": t.model}}),
    ("POST", "/v1/quantize"): lambda t: Sent("/v1/quantize", {"spec": {"model": t.model}}),
    ("POST", "/v1/evaluate"): lambda t: Sent("/v1/evaluate", {"spec": {"dataset": t.rows, "models": [t.model]}}),
    ("POST", "/v1/pipelines"): lambda t: Sent(
        "/v1/pipelines", {"spec": {"name": "kettle", "cli_schema": t.schema, "stages": ["generate"], "num": 20}}
    ),
    ("POST", "/v1/training:estimate"): lambda t: Sent(
        "/v1/training:estimate", {"sft": {"dataset": t.rows, "model": t.model}}
    ),
    ("GET", "/v1/jobs/{id}/artifacts"): lambda t: Sent(named(t.model, "/artifacts")),
    ("GET", "/v1/jobs/{id}/artifacts/{path:path}"): lambda t: Sent(named(t.artifact)),
    ("POST", "/v1/projects"): lambda t: Sent("/v1/projects", {"project_id": f"more-{t.project.rpartition('/')[2]}"}),
    ("GET", "/v1/projects"): lambda _: Sent("/v1/projects"),
    ("GET", "/v1/projects/{project}"): lambda t: Sent(named(t.project)),
    ("PATCH", "/v1/projects/{project}"): lambda t: Sent(named(t.project), {"display_name": "Changed"}),
    ("POST", "/v1/tokens"): lambda t: Sent("/v1/tokens", {"project": t.project, "scope": "read"}),
    ("GET", "/v1/tokens"): lambda t: Sent(f"/v1/tokens?project={t.project}"),
    ("POST", "/v1/tokens/{id}:rotate"): lambda t: Sent(named(t.token, ":rotate")),
    ("POST", "/v1/tokens/{id}:revoke"): lambda t: Sent(named(t.token, ":revoke")),
    ("GET", "/v1/audit"): lambda t: Sent(f"/v1/audit?project={t.project}"),
    ("GET", "/metrics"): lambda _: Sent("/metrics"),
    **{(method, "/openapi.json"): lambda _: Sent("/openapi.json") for method in ("GET", "HEAD")},
}
