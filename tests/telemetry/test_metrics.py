"""What `/metrics` and a collector are told, held against the jobs' own figures."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus
from teachback.errors import NotFound
from teachback.v1 import job_pb2

from services.settings import Settings
from services.telemetry import exporting
from tests.support.service import Service
from tests.telemetry.conftest import Observed, until

Samples = dict[str, list[tuple[dict[str, str], float]]]
UNBOUNDED = re.compile(r"job$|example|row|item|id$|key|token$|caller|message|path|query")
"""What no label may be named by."""


def scraped(service: Service, accept: str = "text/plain") -> Samples:
    """What Prometheus would read: by name of the sample, labels and value."""
    with service.http as http:
        answer = http.get("/metrics", headers={"accept": accept})
    assert answer.status_code == 200, answer.text
    parse: Callable[[str], Any] = open_metrics if "openmetrics" in accept else prometheus
    found: Samples = {}
    for family in parse(answer.text):
        assert family.documentation, family.name
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of a name's samples that have these labels."""
    return sum(value for has, value in samples.get(name, []) if labels.items() <= has.items())


def test_the_counts_are_the_jobs_own(observed: Observed) -> None:
    before = scraped(observed.service)
    job, _ = observed.enhance(5)
    assert job.wait().state == job_pb2.JOB_STATE_SUCCEEDED
    own = job.refresh().progress
    # A run is over a moment after its end is told.
    until(lambda: total(scraped(observed.service), "teachback_jobs", teachback_state="running") == 0)
    after = scraped(observed.service)

    def more(name: str, **labels: str) -> float:
        return total(after, name, **labels) - total(before, name, **labels)

    kind = {"teachback_kind": "enhance"}
    for outcome in own.outcomes:
        assert more("teachback_examples_total", teachback_outcome=outcome, **kind) == own.outcomes[outcome]
    assert more("teachback_examples_total") == own.done_examples == 5
    assert more("teachback_rounds_total", **kind) == pytest.approx(own.average_iterations * 5, abs=0.01)
    assert more("teachback_jobs_ended_total", teachback_state="succeeded", teachback_reason="", **kind) == 1
    assert {used.role for used in own.usage} == {"student", "teacher", "evaluator"}
    for used in own.usage:
        whose = {"teachback_role": used.role, "gen_ai_request_model": used.model}
        assert more("gen_ai_client_operation_duration_seconds_count", **whose) == used.calls
        tokens = "gen_ai_client_token_usage_sum"
        assert more(tokens, gen_ai_token_type="input", **whose) == used.prompt_tokens
        assert more(tokens, gen_ai_token_type="output", **whose) == used.completion_tokens
        assert more("teachback_model_cost_usd_total", **whose) == pytest.approx(used.cost)
    asked = observed.far.asked  # by this job and by the others
    limited = [one for one in asked if one.fault == "limited"]
    assert total(after, "teachback_model_retries_total", error_type="RateLimited") == len(limited)
    assert total(after, "teachback_limiter_wait_seconds_count") == len(asked)


def test_a_collector_is_told_the_same(observed: Observed) -> None:
    name, seen = "teachback.examples", observed.collector.metrics
    own = total(scraped(observed.service), "teachback_examples_total")
    until(lambda: sum(value for _, value in seen.get(name, [])) == own)
    assert observed.collector.resource["service.name"] == "teachback"
    assert observed.collector.resource["deployment.environment.name"] == "test"


def test_errors_are_counted_by_their_code(observed: Observed) -> None:
    service, before = observed.service, scraped(observed.service)
    for _ in range(3):
        with pytest.raises(NotFound):
            service.client.job("jobs/nothing").refresh()
    with service.http as http:
        for _ in range(2):
            http.get("/v1/jobs/nothing")
        http.get("/v1/jobs", headers={"authorization": "Bearer wrong"})
    after = scraped(service)

    def more(name: str, **labels: str) -> float:
        return total(after, name, **labels) - total(before, name, **labels)

    assert more("teachback_errors_total", teachback_reason="NOT_FOUND") == 5
    assert more("teachback_errors_total", teachback_reason="UNAUTHENTICATED") == 1
    calls = {"rpc_method": "teachback.v1.JobService/GetJob", "rpc_response_status_code": "NOT_FOUND"}
    assert more("rpc_server_call_duration_seconds_count", **calls) == 3
    requests = {"http_route": "/v1/jobs/{id}", "http_response_status_code": "404"}
    assert more("http_server_request_duration_seconds_count", **requests) == 2


def test_labels_are_bounded(observed: Observed) -> None:
    """Not one label is named by what there is no end of, and none holds the id of anything."""
    samples = scraped(observed.service)
    labels = {
        (name, label, value) for name, found in samples.items() for has, _ in found for label, value in has.items()
    }
    assert not {label for name, label, _ in labels if UNBOUNDED.search(label) and name != "target_info"}
    held = {value for name, _, value in labels if name != "target_info"}
    assert not {value for value in held if re.search(r"[0-9a-f]{12}|canary", value)}
    assert max(len({value for _, one, value in labels if one == label}) for _, label, _ in labels if label != "le") < 30


def test_openmetrics_where_it_is_asked_for(observed: Observed) -> None:
    samples = scraped(observed.service, "application/openmetrics-text; version=1.0.0")
    assert total(samples, "teachback_examples_total") > 0


def test_metrics_are_behind_the_door(observed: Observed) -> None:
    with observed.service.http as http:
        assert http.get("/metrics", headers={"authorization": ""}).status_code == 401


# ---------------------------------------------------------------- what the environment asks for
@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER=zipkin: only otlp and none"),
        ({"OTEL_METRICS_EXPORTER": "prometheus"}, "TEACHBACK_METRICS=true for Prometheus"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "user:pass@collector"}, "OTEL_EXPORTER_OTLP_ENDPOINT is no address"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "collector:4317"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no address"),
    ],
)
def test_what_can_not_be_met_is_told_at_the_start(
    env: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"} | env).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=re.escape(why)) as raised:
        exporting.begin(Settings())
    assert "pass@" not in str(raised.value)


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
        },
    ],
)
def test_where_nobody_asks_nothing_is_set_up(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert exporting.begin(Settings()) is exporting.NOT_EXPORTING


def test_a_collector_that_is_away_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
    exported = exporting.begin(Settings())
    assert exported.tracers is not None
    for _ in range(100):
        exported.tracers.get_tracer("test").start_span("lost").end()
    began = time.monotonic()
    exported.end()
    assert time.monotonic() - began < exporting.PATIENCE + 1
