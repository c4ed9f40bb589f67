"""Requests that nobody meant, drawn from the contract itself: each answered by a status that says whose fault it is.

No 5xx, no UNKNOWN, no INTERNAL. REST requests are drawn from the OpenAPI document the service serves, RPCs from the
descriptors of the stubs, both with good names mixed in so that they get past the door.
"""

from __future__ import annotations

import json
import random
import string
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from teachback.client import JobHandle
from teachback.v1 import dataset_pb2, example_pb2, job_pb2, trainer_pb2

from tests.support.rows import mixed, row, write
from tests.support.service import Service

ODD: list[Any] = [
    "", " ", "a", "0", "-1", "null", "é", "\u202e", "😀", "../../x", "a/b", "a\x00b", "%00", "jobs/", "datasets/x",
    "x" * 300, "'; DROP TABLE jobs; --", "{}", "[]", "1e309", "NaN", "true", "running", "offline/student",
    0, 1, -1, 2**31, 2**53, 2**63, 2**64, 10**400, -(2**63) - 1, 0.5, 1e308, True, False, None, [], {}, [[]], {"a": 1},
]  # fmt: skip
ROW = json.dumps(row(1)).encode()
FINE = (grpc.StatusCode.OK, grpc.StatusCode.DEADLINE_EXCEEDED)
"""A watch of a running job answers for as long as it is listened to."""
OURS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}


# ---------------------------------------------------------------- REST
class Drawer:
    """Draws values for a schema: mostly near it, sometimes far off."""

    def __init__(self, seed: int, document: dict[str, Any], names: dict[str, list[str]]) -> None:
        self.draw, self._schemas, self._names = random.Random(seed), document["components"]["schemas"], names
        self.calls = [
            (method, path, spec) for path, methods in document["paths"].items() for method, spec in methods.items()
        ]

        self.route = ""
        """The last request's, as the document names it."""

    def odd(self) -> Any:
        """Something that fits nowhere in particular."""
        return self.draw.choice(ODD)

    def value(self, schema: dict[str, Any], name: str = "", depth: int = 0) -> Any:
        """A value for a schema."""
        if self.draw.random() < 0.1 or depth > 5:
            return self.odd()
        if name in self._names and self.draw.random() < 0.7:
            return self.draw.choice(self._names[name])
        if reference := schema.get("$ref"):
            return self.value(self._schemas[reference.rpartition("/")[2]], name, depth)
        if options := schema.get("anyOf"):
            return self.value(self.draw.choice(options), name, depth)
        if "enum" in schema or "const" in schema:
            return self.draw.choice(schema.get("enum") or [schema["const"]])
        match schema.get("type"):
            case "object":
                fields = schema.get("properties", {})
                # What stands at the top or can be named well is mostly there, so that some requests get all the way in.
                likely = {k: 0.9 if depth < 2 or k in self._names else 0.3 for k in fields}
                made = {k: self.value(v, k, depth + 1) for k, v in fields.items() if self.draw.random() < likely[k]}
                if self.draw.random() < 0.05:
                    made["unheard_of"] = self.odd()
                return made
            case "array":
                return [self.value(schema.get("items", {}), name, depth + 1) for _ in range(self.draw.randrange(3))]
            case "integer":
                low, high = int(schema.get("minimum", -5)), int(schema.get("maximum", 50))
                inside = [self.draw.randint(low, high) for _ in range(8)]
                return self.draw.choice([low, high, low - 1, high + 1, *inside])
            case "number":
                return self.draw.choice(
                    [0, 0.5, schema.get("maximum", 9.9), -0.1, *(self.draw.random() for _ in "four")]
                )
            case "boolean":
                return self.draw.random() < 0.5
            case "string":
                return "".join(self.draw.choices(string.printable, k=self.draw.randrange(20)))
        return self.odd()

    def request(self) -> tuple[str, str, dict[str, Any]]:
        """Method, path and the rest of one request."""
        method, path, spec = self.draw.choice(self.calls)
        self.route = f"{method.upper()} {path}"
        query: dict[str, str] = {}
        for parameter in spec.get("parameters", []):
            drawn = self.value(parameter["schema"], parameter["name"])
            if parameter["in"] == "path":
                text = str(drawn).replace("/", "%2F").replace("?", "%3F").replace("#", "%23")
                path = path.replace("{" + parameter["name"] + "}", "".join(c for c in text if c.isprintable()) or "x")
            elif self.draw.random() < 0.6:
                query[parameter["name"]] = str(drawn)
        more: dict[str, Any] = {"params": query}
        for kind, content in spec.get("requestBody", {}).get("content", {}).items():
            if kind == "application/json" and self.draw.random() < 0.9:
                more["content"] = json.dumps(self.value(content["schema"])).encode()
                more["headers"] = {"content-type": kind}
            else:
                more["content"] = self.draw.choice([self.draw.randbytes(self.draw.randrange(200)), ROW])
        if self.draw.random() < 0.03:
            method = self.draw.choice(["put", "delete", "patch", "options", "head", "trace"])
        if self.draw.random() < 0.1:
            more.setdefault("headers", {})["last-event-id"] = str(self.draw.randrange(10**17))
        return method.upper(), path, more


@pytest.fixture
def prey(shared: Service, tmp_path: Path) -> JobHandle:
    """A job of its own: a verb that nobody meant may retry or pause it, and other tests want theirs finished."""
    dataset = shared.client.upload(write(tmp_path / "rows.jsonl", mixed(12)), idempotency_key="prey")
    far = "openai/far"
    return shared.client.enhance(dataset.name, student=far, teacher=far, evaluator=far, idempotency_key="prey")


@pytest.fixture
def trained(shared: Service, prey: JobHandle) -> str:
    """The name of a training that has succeeded (in tests/support/stand_in)."""
    job = shared.client.sft(prey.job.spec.enhance.dataset, model="stand-in/quick", idempotency_key="trained")
    job.wait()
    return job.name


@pytest.fixture
def names(prey: JobHandle, trained: str) -> dict[str, list[str]]:
    """Names that exist, by the field they belong to."""
    job, dataset = prey.name, prey.job.spec.enhance.dataset
    example = next(iter(prey.examples())).name
    return {
        "id": [job.partition("/")[2], trained.partition("/")[2], dataset.partition("/")[2], "ffff"],
        "example": [example.rpartition("/")[2], "abc-1"],
        "dataset": [dataset] * 4 + ["datasets/ffff"],
        "earlier_output": [dataset, ""],
        "name": [
            job,
            dataset,
            example,
            f"{trained}/artifacts/manifest.json",
            "one",
            "jobs/ffff",
            "datasets/ffff",
            f"{job}/examples/ffff-1",
        ],
        "parent": [job, dataset, "jobs/ffff", "datasets/ffff"],
        "idempotency_key": ["one", "two", ""],
        "page_token": [""],
        "outcome": ["converged", ""],
        "student": ["offline/student"],
        "teacher": ["offline/teacher"],
        "evaluator": ["offline/evaluator"],
        "model": ["stand-in/quick", trained],
        "models": ["stand-in/quick", trained],
        "validation": [dataset, ""],
        "rounds": [job],
        "path": ["manifest.json", "../input/train.jsonl", "curves"],
        "state": ["running", "succeeded"],
        "begin_file": ["rows.jsonl"],
    }


Told = dict[str, Counter[str]]
"""How often each route or RPC answered each status."""


def fuzz_rest(
    shared: Service, names: dict[str, list[str]], seed: int, count: int, told: Told | None = None
) -> Counter[int]:
    """So many requests; returns the statuses."""
    seen: Counter[int] = Counter()
    with shared.http as http:
        drawer = Drawer(seed, http.get("/openapi.json").json(), names)
        for number in range(count):
            method, path, more = drawer.request()
            try:
                # Events of a job at work go on; the head of the answer is enough.
                with http.stream(method, path, **more) as answer:
                    if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                        answer.read()
            except (httpx.InvalidURL, httpx.LocalProtocolError, ValueError):
                continue  # what a client refuses to send
            seen[answer.status_code] += 1
            if told is not None:
                told.setdefault(drawer.route, Counter())[str(answer.status_code)] += 1
            assert answer.status_code < 500, f"seed {seed}, number {number}: {method} {path} {more}: {answer.text}"
            if answer.status_code >= 400 and method != "HEAD":
                assert answer.headers["content-type"] == "application/problem+json", (method, path, answer.text)
                assert answer.json()["status"] == answer.status_code
    assert "nobody foresaw" not in shared.log()
    return seen


# ---------------------------------------------------------------- gRPC
def methods() -> list[Any]:
    """Descriptors of every RPC."""
    files = (dataset_pb2, job_pb2, example_pb2, trainer_pb2)
    return [m for f in files for s in f.DESCRIPTOR.services_by_name.values() for m in s.methods]


def message(draw: random.Random, descriptor: Any, names: dict[str, list[str]], depth: int = 0) -> Message:
    """A message of this kind, its fields filled at random."""
    made: Message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if draw.random() < 0.4 or field.is_repeated:
            continue
        if field.message_type is not None:
            if depth < 4:
                getattr(made, field.name).CopyFrom(message(draw, field.message_type, names, depth + 1))
            continue
        setattr(made, field.name, _scalar(draw, field, names))
    return made


def _scalar(draw: random.Random, field: Any, names: dict[str, list[str]]) -> Any:
    if field.cpp_type == field.CPPTYPE_STRING:
        if field.type == field.TYPE_BYTES:
            return draw.randbytes(draw.randrange(50))
        if field.name in names and draw.random() < 0.7:
            return draw.choice(names[field.name])
        return draw.choice([o for o in ODD if isinstance(o, str)])
    if field.cpp_type == field.CPPTYPE_BOOL:
        return draw.random() < 0.5
    mild = draw.random() < 0.7
    if field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return draw.choice([0.0, 0.5, 1.0] if mild else [-1.0, 1e308, float("inf"), float("nan"), 1e-320])
    if field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64):
        return draw.choice([0, 1, 7] if mild else [-1, 2**53, 2**63 - 1, -(2**63)])
    # Enums take any number on the wire.
    return draw.choice([0, 1, 2] if mild else [3, 7, -1, 99, 1000, 2**31 - 1, -(2**31)])


def fuzz_grpc(
    shared: Service, names: dict[str, list[str]], seed: int, count: int, told: Told | None = None
) -> Counter[grpc.StatusCode]:
    """So many calls; returns the statuses."""
    draw, seen = random.Random(seed), Counter[grpc.StatusCode]()
    token = (("authorization", f"Bearer {shared.token}"),)
    with grpc.insecure_channel(shared.grpc) as channel:
        for number in range(count):
            method = draw.choice(methods())
            sent = [message(draw, method.input_type, names) for _ in range(draw.randrange(4))] or [
                message(draw, method.input_type, names)
            ]
            status, said = _call(channel, method, sent, token, draw)
            seen[status] += 1
            if told is not None:
                told.setdefault(method.full_name, Counter())[status.name] += 1
            assert status in OURS or status in FINE, (
                f"seed {seed}, number {number}: {method.name} {sent}: {status} {said}"
            )
    assert "nobody foresaw" not in shared.log()
    return seen


def _call(
    channel: grpc.Channel, method: Any, sent: list[Message], token: Any, draw: random.Random
) -> tuple[grpc.StatusCode, str]:
    kind = ("stream" if method.client_streaming else "unary") + "_" + ("stream" if method.server_streaming else "unary")
    call: Any = getattr(channel, kind)(f"/{method.containing_service.full_name}/{method.name}")
    raw = [one.SerializeToString() for one in sent]
    if draw.random() < 0.03:  # no message of any kind
        raw[-1] = draw.randbytes(30)
    try:
        answer = call(iter(raw) if method.client_streaming else raw[0], metadata=token, timeout=3)
        if method.server_streaming:
            for _ in _first(answer, 50):
                pass
            answer.cancel()
    except grpc.RpcError as error:
        status: Any = error
        return status.code(), status.details()
    return grpc.StatusCode.OK, ""


def _first(stream: Iterator[Any], count: int) -> Iterator[Any]:
    for _, one in zip(range(count), stream, strict=False):
        yield one


# ---------------------------------------------------------------- a few here, thousands in the long proofs
def test_a_few_hundred_requests_that_nobody_meant(shared: Service, names: dict[str, list[str]]) -> None:
    seen = fuzz_rest(shared, names, seed=1, count=300)
    assert {200, 201, 400, 404} <= set(seen), seen


def test_a_few_hundred_calls_that_nobody_meant(shared: Service, names: dict[str, list[str]]) -> None:
    seen = fuzz_grpc(shared, names, seed=1, count=300)
    assert {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND} <= set(seen), seen


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10))
def test_ten_thousand_of_each(shared: Service, names: dict[str, list[str]], seed: int) -> None:
    told: Told = {}
    print(fuzz_rest(shared, names, seed + 100, 1000, told), fuzz_grpc(shared, names, seed + 100, 1000, told))
    for route, statuses in sorted(told.items()):
        print(route, dict(statuses.most_common()))


def test_the_service_is_none_the_worse_for_it(shared: Service, finished: JobHandle) -> None:
    assert shared.process is not None
    assert shared.process.poll() is None
    assert "nobody foresaw" not in shared.log()
    assert "Traceback" not in shared.log()
    assert finished.refresh().progress.done_examples == 12
