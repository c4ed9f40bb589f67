"""Spans and figures of roles and model calls, in one process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from agents import telemetry
from agents.errors import RefusedCall, UnreadableReply
from agents.evaluator import Evaluator
from agents.line import Line, Place
from agents.question import Question
from agents.wire import Reply, Request
from tests.agents.conftest import MakeGateway, ask
from tests.support.farmodel import FarModel, first
from tests.support.script import Script

PLACE = Place("teacher", "coach", 2, 3)


class Heard:
    """What came to the listener's ends."""

    def __init__(self) -> None:
        self.memory, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.memory))
        self._meters = MeterProvider(metric_readers=[self._reader], shutdown_on_exit=False)
        self.tracer, self.meter = self.tracers.get_tracer("test"), self._meters.get_meter("test")

    def span(self, name: str) -> ReadableSpan:
        """The one span of that name."""
        (found,) = [span for span in self.memory.get_finished_spans() if span.name == name]
        return found

    def points(self, name: str) -> list[Any]:
        """What was counted under a name."""
        data: Any = self._reader.get_metrics_data()
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]


@pytest.fixture
def heard() -> Iterator[Heard]:
    """A listener for both, content left out."""
    listener = Heard()
    telemetry.listen(listener.tracer, listener.meter)
    yield listener
    telemetry.silence()
    listener.tracers.shutdown()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """Its attributes."""
    return dict(span.attributes or {})


async def test_a_call_is_a_span_below_its_role(heard: Heard, far: FarModel, make: MakeGateway) -> None:
    with heard.tracer.start_as_current_span("root"):
        await Line(make(far)).send(PLACE, ask())
    role, call = heard.span("invoke_agent teacher"), heard.span("chat openai/far")
    assert call.parent
    assert role.context
    assert call.parent.span_id == role.context.span_id
    assert attributes(role) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "openai",
        "gen_ai.agent.name": "teacher",
        "gen_ai.request.model": "openai/far",
        "teachback.step": "coach",
        "teachback.round": 2,
        "teachback.attempt": 3,
    }
    told = attributes(call)
    assert told["gen_ai.usage.input_tokens"] > 0
    assert (told["server.address"], told["server.port"]) == ("127.0.0.1", int(far.root.rpartition(":")[2]))
    assert told["gen_ai.response.finish_reasons"] == ("stop",)
    assert not [name for name in told if "messages" in name or "instructions" in name]


async def test_below_nothing_recorded_there_is_no_span_but_all_is_counted(
    heard: Heard, far: FarModel, make: MakeGateway
) -> None:
    await Line(make(far)).send(PLACE, ask())
    assert not heard.memory.get_finished_spans()
    (took,) = heard.points("gen_ai.client.operation.duration")
    assert took.count == 1
    assert took.attributes["teachback.role"] == "teacher"
    assert {p.attributes["gen_ai.token.type"] for p in heard.points("gen_ai.client.token.usage")} == {"input", "output"}


async def test_content_is_told_where_it_is_asked_for(heard: Heard) -> None:
    telemetry.listen(heard.tracer, None, content=True)
    system, user = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why? \ud800"}
    request = Request("openai/far", [system, user], 0.0, 5)
    with heard.tracer.start_as_current_span("root"), telemetry.chat("student", request) as call:
        call.said(Reply("Because.", reasoning="Hm."))
    told = attributes(heard.span("chat openai/far"))
    assert json.loads(told["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be brief."}]
    assert json.loads(told["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "Why? ?"}]}
    ]
    (said,) = json.loads(told["gen_ai.output.messages"])
    assert said["parts"] == [{"type": "reasoning", "content": "Hm."}, {"type": "text", "content": "Because."}]
    assert said["finish_reason"] == "stop"


async def test_of_an_error_the_class_is_told_and_nothing_else(heard: Heard, make: MakeGateway) -> None:
    with (
        FarModel(refuse=lambda _body: (400, "canary-in-the-error")) as far,
        heard.tracer.start_as_current_span("root"),
        pytest.raises(RefusedCall, match="canary-in-the-error"),
    ):
        await Line(make(far)).send(PLACE, ask())
    for name in ("invoke_agent teacher", "chat openai/far"):
        span = heard.span(name)
        assert attributes(span)["error.type"] == "RefusedCall"
        assert span.status.status_code is StatusCode.ERROR
        assert not span.status.description
        assert not span.events
        assert "canary" not in span.to_json()
    (failed,) = heard.points("gen_ai.client.operation.duration")
    assert failed.attributes["error.type"] == "RefusedCall"


async def test_tries_and_waits_are_told(heard: Heard, make: MakeGateway) -> None:
    with (
        FarModel(faults=first("limited", "broken"), retry_after="0") as far,
        heard.tracer.start_as_current_span("root"),
    ):
        await Line(make(far, rpm=600_000)).send(PLACE, ask())
    events = [(e.name, dict(e.attributes or {})) for e in heard.span("chat openai/far").events]
    assert events == [("retry", {"error.type": "RateLimited"}), ("retry", {"error.type": "ServerError"})]
    assert {p.attributes["error.type"]: p.value for p in heard.points("teachback.model.retries")} == {
        "RateLimited": 1,
        "ServerError": 1,
    }
    (waits,) = heard.points("teachback.limiter.wait")
    assert waits.count == 3


async def test_a_repair_is_the_same_role_and_a_second_call(heard: Heard) -> None:
    line = Line(Script({"judge": ["no JSON", "still none"]}))
    question = Question.model_validate({"turns": [{"role": "user", "content": "3 + 4?"}]})
    with heard.tracer.start_as_current_span("root"), pytest.raises(UnreadableReply):
        await Evaluator(line, "openai/far").judge(question, "7", "t", "8", known=None, round_=1)
    role = heard.span("invoke_agent evaluator")
    calls = [span for span in heard.memory.get_finished_spans() if span.name == "chat openai/far"]
    assert len(calls) == 2
    assert role.context
    assert all(call.parent and call.parent.span_id == role.context.span_id for call in calls)
    assert attributes(role)["error.type"] == "UnreadableReply"


def test_models_are_told_apart_up_to_a_number_and_jobs_never(heard: Heard) -> None:
    for number in range(200):
        telemetry.waited(f"openai/made-up-{number}", 0.0)
        telemetry.waited(f"jobs/{number:08x}", 0.0)
    models = {p.attributes["gen_ai.request.model"] for p in heard.points("teachback.limiter.wait")}
    assert len(models) == 52
    assert {"jobs", "other"} < models
    assert not [name for name in models if name.startswith("jobs/")]


def test_providers_go_by_the_conventions_names() -> None:
    names = ("openai/x", "gemini/x", "bedrock/x", "offline/teacher", "jobs/0f")
    assert [telemetry.provider(n) for n in names] == ["openai", "gcp.gemini", "aws.bedrock", "offline", "jobs"]


def test_where_nobody_listens_one_object_stands_for_all() -> None:
    assert telemetry.agent(PLACE, "openai/far") is telemetry.chat("student", ask())
    assert telemetry.tracer() is None


@pytest.mark.parametrize("code", ["import teachback, teachback.aio", "from teachback.cli.app import app"])
def test_a_client_knows_nothing_of_it(code: str) -> None:
    look = f"{code}; import sys; sys.exit([m for m in sys.modules if m.startswith('opentelemetry')] or 0)"
    ended = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_gateway_and_the_graphs_load_no_sdk() -> None:
    look = (
        "import agents.gateway, agents.line, agents.student, sys; "
        "sys.exit([m for m in sys.modules if m.startswith(('opentelemetry.sdk', 'prometheus_client'))] or 0)"
    )
    ended = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
