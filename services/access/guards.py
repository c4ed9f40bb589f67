"""What each RPC and each route wants of its caller. What is not listed here is shut to everybody; a test says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.access.caller import Scope


@dataclass(frozen=True, slots=True)
class Guard:
    """What a call wants. `operator`: a token of no project. `audited`: whether it stands in the log when it is done."""

    scope: Scope
    operator: bool = False
    audited: bool = False


READ: Final = Guard(Scope.READ)
FETCH: Final = Guard(Scope.READ, audited=True)
"""Reads of what leaves the service as a whole: exports and files."""
WRITE: Final = Guard(Scope.WRITE, audited=True)
ADMIN: Final = Guard(Scope.ADMIN, audited=True)
OPERATE: Final = Guard(Scope.ADMIN, operator=True, audited=True)
WATCH: Final = Guard(Scope.READ, operator=True)
"""Figures of the whole service, all projects together."""

OPEN_RPCS: Final = ("/grpc.health.v1.Health/",)
"""What answers without a token: an orchestrator's probe has none. Tells of no project."""
OPEN_PATHS: Final = frozenset({"/healthz"})

_T: Final = "/teachback.v1."
RPCS: Final[dict[str, Guard]] = {
    f"{_T}DatasetService/CreateDataset": WRITE,
    f"{_T}DatasetService/GetDataset": READ,
    f"{_T}DatasetService/ListDatasets": READ,
    f"{_T}DatasetService/ListBadRows": READ,
    f"{_T}JobService/CreateJob": WRITE,
    f"{_T}JobService/GetJob": READ,
    f"{_T}JobService/ListJobs": READ,
    f"{_T}JobService/WatchJob": READ,
    f"{_T}JobService/PauseJob": WRITE,
    f"{_T}JobService/ResumeJob": WRITE,
    f"{_T}JobService/CancelJob": WRITE,
    f"{_T}JobService/RetryJob": WRITE,
    f"{_T}ExampleService/ListExamples": READ,
    f"{_T}ExampleService/GetExample": READ,
    f"{_T}ExampleService/ReviewExample": WRITE,
    f"{_T}ExampleService/ExportExamples": FETCH,
    f"{_T}TrainerService/StartSft": WRITE,
    f"{_T}TrainerService/StartPreferences": WRITE,
    f"{_T}TrainerService/StartDpo": WRITE,
    f"{_T}TrainerService/StartQuantize": WRITE,
    f"{_T}TrainerService/StartEvaluate": WRITE,
    f"{_T}TrainerService/StartPipeline": WRITE,
    f"{_T}TrainerService/EstimateTraining": WRITE,  # starts nothing, and takes minutes of the machine
    f"{_T}TrainerService/ListArtifacts": READ,
    f"{_T}TrainerService/GetArtifact": FETCH,
    f"{_T}AccessService/CreateProject": OPERATE,
    f"{_T}AccessService/GetProject": READ,
    f"{_T}AccessService/ListProjects": OPERATE,
    f"{_T}AccessService/UpdateProject": OPERATE,
    f"{_T}AccessService/CreateToken": ADMIN,
    f"{_T}AccessService/ListTokens": ADMIN,
    f"{_T}AccessService/RotateToken": ADMIN,
    f"{_T}AccessService/RevokeToken": ADMIN,
    f"{_T}AccessService/ListAuditEntries": ADMIN,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": READ,
}
ROUTES: Final[dict[tuple[str, str], Guard]] = {
    ("POST", "/v1/datasets"): WRITE,
    ("POST", "/v1/schemas"): WRITE,
    ("POST", "/v1/passages"): WRITE,
    ("POST", "/v1/texts"): WRITE,
    ("POST", "/v1/chunks"): WRITE,
    ("POST", "/v1/training_rows"): WRITE,
    ("GET", "/v1/datasets"): READ,
    ("GET", "/v1/datasets/{id}"): READ,
    ("GET", "/v1/datasets/{id}/bad_rows"): READ,
    ("POST", "/v1/jobs"): WRITE,
    ("GET", "/v1/jobs"): READ,
    ("GET", "/v1/jobs/{id}"): READ,
    ("GET", "/v1/jobs/{id}/events"): READ,
    ("POST", "/v1/jobs/{id}:pause"): WRITE,
    ("POST", "/v1/jobs/{id}:resume"): WRITE,
    ("POST", "/v1/jobs/{id}:cancel"): WRITE,
    ("POST", "/v1/jobs/{id}:retry"): WRITE,
    ("GET", "/v1/jobs/{id}/examples"): READ,
    ("GET", "/v1/jobs/{id}/examples/{example}"): READ,
    ("POST", "/v1/jobs/{id}/examples/{example}:review"): WRITE,
    ("GET", "/v1/jobs/{id}/export"): FETCH,
    ("POST", "/v1/sft"): WRITE,
    ("POST", "/v1/preferences"): WRITE,
    ("POST", "/v1/dpo"): WRITE,
    ("POST", "/v1/quantize"): WRITE,
    ("POST", "/v1/evaluate"): WRITE,
    ("POST", "/v1/pipelines"): WRITE,
    ("POST", "/v1/training:estimate"): WRITE,
    ("GET", "/v1/jobs/{id}/artifacts"): READ,
    ("GET", "/v1/jobs/{id}/artifacts/{path:path}"): FETCH,
    ("POST", "/v1/projects"): OPERATE,
    ("GET", "/v1/projects"): OPERATE,
    ("GET", "/v1/projects/{project}"): READ,
    ("PATCH", "/v1/projects/{project}"): OPERATE,
    ("POST", "/v1/tokens"): ADMIN,
    ("GET", "/v1/tokens"): ADMIN,
    ("POST", "/v1/tokens/{id}:rotate"): ADMIN,
    ("POST", "/v1/tokens/{id}:revoke"): ADMIN,
    ("GET", "/v1/audit"): ADMIN,
    ("GET", "/metrics"): WATCH,
    ("GET", "/openapi.json"): READ,
    ("HEAD", "/openapi.json"): READ,
}
