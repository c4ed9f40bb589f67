"""A service that tells a collector all it has to tell, one job run through it, and secrets in every place there is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from teachback import wire
from teachback.client import JobHandle
from teachback.v1 import dataset_pb2, dataset_pb2_grpc, job_pb2, job_pb2_grpc

from tests.services.conftest import needed
from tests.support import brain
from tests.support.collector import Collector
from tests.support.farmodel import FarModel, first
from tests.support.rows import mixed
from tests.support.service import STAND_IN, Service

CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{CALLER[0]}-{CALLER[1]}-01"
"""Whoever asks for the job stands in this trace, under this span."""
ROWS = 6
TRACED = 8
"""Examples of a run that the service has in its trace."""
PLACES = (
    "provider-key",
    "other-key",
    "collector-header",
    "question",
    "row-field",
    "row-thinking",
    "display-name",
    "file-name",
    "idempotency-key",
    "call-metadata",
    "url-query",
    "reply",
)
CANARIES = {place: f"canary-{number:02d}-{place}-5e1f" for number, place in enumerate(PLACES)}


def until(what: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Waits for something to be so, and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


def told(folder: Path, collector: Collector, far: FarModel) -> Service:
    """A service that tells everything, not started yet."""
    service = Service(folder, far, {"input_price": 1.0, "output_price": 2.0, "api_key_env": "FAR_KEY"})
    service.env |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={CANARIES['collector-header']}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_METRIC_EXPORT_INTERVAL": "300",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "TEACHBACK_METRICS": "true",
        "TEACHBACK_TRACE_EXAMPLES": str(TRACED),
        "FAR_KEY": CANARIES["provider-key"],
        "ANTHROPIC_API_KEY": CANARIES["other-key"],
        "PYTHONPATH": str(STAND_IN),  # the trainer's programs take half a minute each
    }
    return service


def secretive(messages: list[dict[str, str]]) -> str:
    """The far model's reply, with a secret in its thinking."""
    said = brain.reply(messages)
    return said if said.startswith("{") else f"{CANARIES['reply']}\n{said}"


def rows(count: int) -> list[dict[str, Any]]:
    """Rows that hold secrets."""
    made = mixed(count)
    for row in made:
        row["messages"][0]["content"] += f" {CANARIES['question']}"
        row["metadata"] = {"note": CANARIES["row-field"], "thinking": f"{CANARIES['row-thinking']} is no reason."}
    return made


@dataclass(frozen=True)
class Observed:
    """What the tests look at. `trailing` is what came back with the call that made the job."""

    service: Service
    collector: Collector
    far: FarModel
    job: JobHandle
    trailing: dict[str, str]

    def enhance(self, count: int) -> tuple[JobHandle, dict[str, str]]:
        """A job on so many rows, asked for within the caller's trace."""
        return enhance(self.service, count)


def enhance(service: Service, count: int) -> tuple[JobHandle, dict[str, str]]:
    """See `Observed.enhance`."""
    metadata = (
        ("authorization", f"Bearer {service.token}"),
        ("traceparent", TRACEPARENT),
        ("x-note", CANARIES["call-metadata"]),
    )
    name = f"{CANARIES['file-name']}.jsonl"
    data = "".join(json.dumps(row) + "\n" for row in rows(count)).encode()

    def upload() -> Iterator[dataset_pb2.CreateDatasetRequest]:
        header = dataset_pb2.DatasetHeader(display_name=CANARIES["display-name"])
        yield dataset_pb2.CreateDatasetRequest(header=header)
        yield dataset_pb2.CreateDatasetRequest(begin_file=name)
        yield dataset_pb2.CreateDatasetRequest(data=data)

    with grpc.insecure_channel(service.grpc) as channel:
        datasets: Any = dataset_pb2_grpc.DatasetServiceStub(channel)  # type: ignore[no-untyped-call]
        dataset = datasets.CreateDataset(upload(), metadata=metadata)
        stub: Any = job_pb2_grpc.JobServiceStub(channel)  # type: ignore[no-untyped-call]
        far = "openai/far"
        spec = wire.job_spec(dataset.name, {"student": far, "teacher": far, "evaluator": far, "batch_size": 3})
        key = f"{CANARIES['idempotency-key']}-{count}-{dataset.name}"
        request = job_pb2.CreateJobRequest(spec=spec, idempotency_key=key)
        job, call = stub.CreateJob.with_call(request, metadata=metadata)
    return service.client.job(job.name), dict(call.trailing_metadata())


@pytest.fixture(scope="package")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """A finished job, and everything told of it."""
    with (
        Collector() as collector,
        FarModel(faults=first("limited"), retry_after="0", price=(1.0, 2.0), say=secretive) as far,
        told(tmp_path_factory.mktemp("observed") / "data", collector, far) as service,
        needed(service),
    ):
        job, trailing = enhance(service, ROWS)
        assert job.wait().state == job_pb2.JOB_STATE_SUCCEEDED, job.job.error.message
        with service.http as http:
            http.get("/v1/datasets", params={"note": CANARIES["url-query"]})
        until(lambda: [s for s in collector.named("job enhance") if s.attributes["teachback.job"] == job.name])
        yield Observed(service, collector, far, job, trailing)
