"""What REST says of a request that can't be carried out, and what its own document says of that."""

from __future__ import annotations

import json
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.message import Message
from teachback.client import JobHandle
from teachback.errors import BadInput
from teachback.v1 import access_pb2, job_pb2, trainer_pb2

from services.access.guards import OPEN_PATHS
from services.errors import TABLE
from tests.support.service import ROOT, Service

PROBLEM = "application/problem+json"


@pytest.fixture
def document(http: httpx.Client) -> dict[str, Any]:
    """The OpenAPI document as it is served."""
    return dict(http.get("/openapi.json").raise_for_status().json())


def refused(answer: httpx.Response, status: int = 400, reason: str = "invalid-request") -> str:
    """The detail of a problem."""
    assert answer.headers["content-type"] == PROBLEM
    body = answer.json()
    assert (answer.status_code, body["status"], body["type"]) == (status, status, f"urn:teachback:{reason}"), body
    return str(body["detail"])


# ---------------------------------------------------------------- the document
def test_the_document_tells_every_error_as_it_is(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for untrue in ("ValidationError", '"422"'):
        assert untrue not in text
    statuses = {str(row.http) for _, row in TABLE} - {"405"}
    seen = 0
    for path, methods in document["paths"].items():
        for operation in methods.values():
            told = {status: r for status, r in operation["responses"].items() if not status.startswith("2")}
            if path in OPEN_PATHS:
                assert (told, operation["security"]) == ({}, [])
                continue
            assert told.keys() == {*statuses, "default"}, path
            for response in told.values():
                assert response["content"] == {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
            assert "security" not in operation
            seen += 1
    assert seen > 30
    conflict = document["paths"]["/v1/jobs"]["post"]["responses"]["409"]
    assert {"WRONG_STATE", "IDEMPOTENCY_KEY_REUSED"} <= set(conflict["description"].split(", "))


def test_the_document_tells_of_the_token(document: dict[str, Any]) -> None:
    ((name, scheme),) = document["components"]["securitySchemes"].items()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert document["security"] == [{name: []}]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/jobs/ffff"),
        ("GET", "/v1/jobs?page_size=x"),
        ("POST", "/v1/jobs"),
        ("GET", "/v1/nothing"),
        ("PUT", "/v1/jobs"),
    ],
)
def test_a_problem_is_what_the_document_says(
    http: httpx.Client, document: dict[str, Any], method: str, path: str
) -> None:
    schema = document["components"]["schemas"]["Problem"]
    problem = http.request(method, path).json()
    assert set(schema["required"]) == set(schema["properties"]) == set(problem)
    for name, value in problem.items():
        assert isinstance(value, {"string": str, "integer": int}[schema["properties"][name]["type"]])


def test_no_page_sends_its_reader_elsewhere(http: httpx.Client) -> None:
    for path in ("/docs", "/docs/oauth2-redirect", "/redoc"):
        refused(http.get(path), 404, "not-found")


# ---------------------------------------------------------------- what is told
DATASET = "write the whole name of a dataset, as datasets/0f3c9a"
ROWS = "write the whole name of a dataset or a job, as datasets/0f3c9a or jobs/0f3c9a"
SAID: list[tuple[str, dict[str, Any], str]] = [
    (
        "/v1/tokens",
        {"scope": "read", "project": "blue"},
        "project: write the whole name of a project, as projects/team-red",
    ),
    ("/v1/tokens", {"scope": "reed"}, "scope: Input should be 'read', 'write' or 'admin'"),
    ("/v1/sft", {"spec": {"dataset": "datasets/a", "validation": "rows"}}, f"spec.validation: {ROWS}"),
    ("/v1/sft", {"spec": {"dataset": "rows"}}, f"spec.dataset: {ROWS}"),
    ("/v1/preferences", {"spec": {"rounds": "x"}}, "spec.rounds: write the whole name of a job, as jobs/0f3c9a"),
    ("/v1/preferences", {"spec": {}}, "spec: name a dataset and a model, or the job whose rounds to take"),
    (
        "/v1/jobs",
        {"spec": {"enhance": {"dataset": "datasets/a", "earlier_output": "out"}}},
        f"spec.enhance.earlier_output: {DATASET}",
    ),
    (
        "/v1/jobs",
        {"spec": {"enhance": {"dataset": "datasets/a", "style": "qaa"}}},
        "spec.enhance.style: Input should be 'qa' or 'installer'",
    ),
    (
        "/v1/jobs",
        {"spec": {"enhance": {"dataset": "datasets/a", "studnet": "gpt-4o-mini"}}},
        "spec.enhance.studnet: there is no such field; the nearest one is student",
    ),
    (
        "/v1/jobs",
        {"spec": {"generate": {"dataset": "datasets/a", "personas": {"example_per_chunk": 2}}}},
        "spec.generate.personas.example_per_chunk: there is no such field; the nearest one is examples_per_chunk",
    ),
    ("/v1/jobs", {"sepc": {}}, "sepc: there is no such field; the nearest one is spec"),
    ("/v1/jobs", {"zzz": {}}, "zzz: there is no such field"),
    ("/v1/jobs", {"spec": 3}, "spec: an object is wanted here: {...}"),
    ("/v1/jobs", [], "body: an object is wanted here: {...}"),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("path", "body", "detail"), SAID, ids=[said for _, _, said in SAID])
def test_a_value_that_does_not_fit_is_told_what_is_wanted(
    http: httpx.Client, path: str, body: dict[str, Any], detail: str
) -> None:
    assert refused(http.post(path, json=body)) == detail


def test_a_slip_in_any_body_is_told(document: dict[str, Any], http: httpx.Client) -> None:
    """Also where the whole body may be left out."""
    seen = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                answer = http.request(method, path.replace("{id}", "f00").replace("{name}", "f00"), json={"zzz": 1})
                assert refused(answer).startswith("zzz: there is no such field"), path
                seen += 1
    assert seen > 8
    slip = http.post("/v1/jobs/f00:resume", json={"max_cots": 1})
    assert refused(slip) == "max_cots: there is no such field; the nearest one is max_cost"


def test_a_name_that_may_be_left_out_may_be_empty(http: httpx.Client) -> None:
    body = {"spec": {"dataset": "datasets/ffff", "validation": ""}}
    assert "datasets/ffff" in refused(http.post("/v1/sft", json=body), 404, "not-found")


def test_grpc_says_the_same(shared: Service) -> None:
    told = []
    with grpc.insecure_channel(shared.grpc) as channel:
        calls: dict[str, Message] = {
            "AccessService/CreateToken": access_pb2.CreateTokenRequest(scope="SCOPE_READ", project="blue"),
            "TrainerService/StartSft": trainer_pb2.StartSftRequest(
                spec={"dataset": "datasets/a", "validation": "rows"}
            ),
            "TrainerService/StartPreferences": trainer_pb2.StartPreferencesRequest(spec={}),
            "JobService/CreateJob": job_pb2.CreateJobRequest(
                spec={"enhance": {"dataset": "datasets/a", "earlier_output": "out"}}
            ),
        }
        for name, request in calls.items():
            call: Any = channel.unary_unary(f"/teachback.v1.{name}")
            with pytest.raises(grpc.RpcError) as raised:
                call(request.SerializeToString(), metadata=(("authorization", f"Bearer {shared.token}"),), timeout=10)
            told.append(raised.value.details())
    assert told == [SAID[n][2] for n in (0, 2, 5, 6)]


def test_a_body_that_is_not_called_json_is_told_how_to_send_it(http: httpx.Client) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    said = refused(http.post("/v1/jobs", content=b'{"spec": {}}', headers=form))
    assert said == "the body came as application/x-www-form-urlencoded: send JSON with `Content-Type: application/json`"
    assert "came as no content type: send JSON" in refused(http.post("/v1/jobs", content=b"{}"))
    assert refused(http.post("/v1/jobs")).startswith("the body is missing: send JSON")


def test_a_body_that_is_no_json_is_told_where(http: httpx.Client) -> None:
    as_json = {"content-type": "application/json"}
    for content, detail in (
        (b'{"spec": ', "the body is not JSON: Expecting value at line 1, column 10"),
        (b'{\n  "spec": {"a" 1}}', "the body is not JSON: Expecting ':' delimiter at line 2, column 16"),
        (b'{"spec": "\xff"}', "the body can't be read as JSON: it is not UTF-8, or nested too deep"),
    ):
        assert refused(http.post("/v1/jobs", content=content, headers=as_json)) == detail


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/nothing"),
        ("GET", "/"),
        ("POST", "/v1/jobs/0f3c:frob"),
        ("POST", "/v1/jobs/0f3c/examples/4be1-1:frob"),
    ],
)
def test_a_route_that_is_not_there_is_not_found(http: httpx.Client, method: str, path: str) -> None:
    answer = http.request(method, path)
    assert refused(answer, 404, "not-found") == f"there is no route {method} {path}"
    assert answer.json()["title"] == "There is no such thing"


@pytest.mark.parametrize(
    ("path", "takes"),
    [("/v1/jobs", "GET, POST"), ("/v1/jobs/0f3c:pause", "POST"), ("/v1/jobs/0f3c", "GET"), ("/v1/sft", "POST")],
)
def test_a_method_that_is_not_there_is_told_which_are(http: httpx.Client, path: str, takes: str) -> None:
    answer = http.delete(path)
    assert refused(answer, 405, "method-not-allowed") == f"{path} takes {takes}, and not DELETE"
    assert answer.headers["allow"] == takes
    assert answer.json()["title"] == "The route does not take this method"


# ---------------------------------------------------------------- slips in a query
@pytest.mark.parametrize(
    ("method", "path", "detail"),
    [
        (
            "POST",
            "/v1/datasets?strikt=true",
            "query.strikt: POST /v1/datasets takes no such parameter; the nearest one is strict",
        ),
        (
            "GET",
            "/v1/jobs/{id}/export?converged-only=true",
            "query.converged-only: GET /v1/jobs/{id}/export takes no such parameter; the nearest one is converged_only",
        ),
        ("GET", "/v1/jobs?stat=running", "query.stat: GET /v1/jobs takes no such parameter; the nearest one is state"),
        (
            "GET",
            "/v1/jobs?zzz",
            "query.zzz: GET /v1/jobs takes no such parameter; there are page_size, page_token, state",
        ),
        ("GET", "/v1/jobs/{id}?state=running", "query.state: GET /v1/jobs/{id} takes no such parameter"),
        ("POST", "/v1/jobs/{id}:retry?all=1", "query.all: POST /v1/jobs/{id}:retry takes no such parameter"),
    ],
)
def test_a_slip_in_a_query_is_refused(
    http: httpx.Client, finished: JobHandle, method: str, path: str, detail: str
) -> None:
    before = http.get("/v1/datasets", params={"page_size": 1000}).json()["datasets"]
    filled = path.replace("{id}", finished.name.partition("/")[2])
    row = b'{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]}'
    assert refused(http.request(method, filled, content=row if method == "POST" else b"")) == detail
    assert http.get("/v1/datasets", params={"page_size": 1000}).json()["datasets"] == before


def test_the_probe_takes_whatever_a_balancer_adds(http: httpx.Client) -> None:
    assert http.get("/healthz?from=balancer").status_code == 200


# ---------------------------------------------------------------- outcomes
LOOP = ["converged_first_try", "converged", "stalled", "exhausted", "failed", "reused"]
MADE = ["accepted", "dropped", "duplicate", "failed"]


@pytest.fixture
def generated(shared: Service, http: httpx.Client) -> JobHandle:
    """A generate job that has succeeded."""
    schema = http.post("/v1/schemas", content=(ROOT / "examples/kettle.yaml").read_bytes()).raise_for_status().json()
    spec = {"dataset": schema["name"], "teacher": "offline/teacher", "evaluator": "offline/evaluator"}
    body = {"spec": {"generate": {**spec, "commands": {"num": 3}}}, "idempotency_key": "outcomes"}
    job = shared.client.job(http.post("/v1/jobs", json=body).raise_for_status().json()["name"])
    job.wait()
    return job


@pytest.mark.parametrize(("kind", "known", "not_its"), [("enhance", LOOP, "accepted"), ("generate", MADE, "converged")])
def test_an_outcome_that_no_example_comes_to_is_refused(
    request: pytest.FixtureRequest, http: httpx.Client, kind: str, known: list[str], not_its: str
) -> None:
    job: JobHandle = request.getfixturevalue("finished" if kind == "enhance" else "generated")
    every = http.get(f"/v1/{job.name}/examples").json()["examples"]
    found = 0
    for outcome in known:
        found += len(http.get(f"/v1/{job.name}/examples", params={"outcome": outcome}).json()["examples"])
    assert found == len(every) > 0
    detail = f"outcome: of a job of kind {kind} it should be one of {', '.join(known)}"
    for slip in ("convergd", not_its, "FAILED"):
        assert refused(http.get(f"/v1/{job.name}/examples", params={"outcome": slip})) == detail
        with pytest.raises(BadInput) as raised:
            list(job.examples(slip))
        assert str(raised.value) == detail
