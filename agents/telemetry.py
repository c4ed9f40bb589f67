"""What an operator hears of the agents' work: spans of roles and model calls, and what they used.

Every name of OpenTelemetry's conventions for generative AI stands here and nowhere else, for they still move: release
`CONVENTIONS` defined them; since then they live in a repository of their own (semantic-conventions-genai).

Silent until `listen` is called: then `agent` and `chat` hand out one object that does nothing, and no span is made.
A span is made only below one that is recorded, so whoever samples a trace away pays for none of it. What was said is in
no span unless `content` asks for it, and never in a metric.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import urlsplit

import orjson
from opentelemetry.context import attach, detach
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, get_current_span, set_span_in_context

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter

    from agents.line import Place
    from agents.models import Endpoint
    from agents.wire import Reply, Request

CONVENTIONS: Final = "1.41.0"
"""Release of OpenTelemetry's semantic conventions whose `gen_ai.*` names these are."""

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
MODEL: Final = "gen_ai.request.model"
AGENT: Final = "gen_ai.agent.name"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - a name
ERROR: Final = "error.type"
ROLE: Final = "teachback.role"

_PROVIDERS: Final = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""Providers whose name in the conventions is not LiteLLM's."""
_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
"""The buckets that the conventions ask for."""
_MOST_MODELS: Final = 50
"""Models that are told apart in metrics: a caller may name any, and every name would be a series of its own."""


class Instruments:
    """What is counted. Labels are roles, models, providers and classes of errors, each from a bounded set."""

    def __init__(self, meter: Meter) -> None:
        self.duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "Calls of models as their callers see them, all tries included.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Tokens in and out of a call of a model.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self.cost = meter.create_counter("teachback.model.cost_usd", "{USD}", "US dollars, where prices are known.")
        self.unpriced = meter.create_counter(
            "teachback.model.unpriced", "{call}", "Calls of models whose price is not known."
        )
        self.retries = meter.create_counter(
            "teachback.model.retries", "{retry}", "Tries after the first, by what went wrong with the one before."
        )
        self.waits = meter.create_histogram(
            "teachback.limiter.wait",
            "s",
            "Waits for a model's limits: its concurrency, its requests and its tokens a minute.",
            explicit_bucket_boundaries_advisory=(0.001, 0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
        )
        self._models: set[str] = set()

    def model(self, name: str) -> str:
        """The label of a model: tuned models carry the id of a job, so they share one."""
        if name.startswith("jobs/"):
            return "jobs"
        if name not in self._models:
            if len(self._models) >= _MOST_MODELS:
                return "other"
            self._models.add(name)
        return name


@dataclass(frozen=True, slots=True)
class _Listener:
    tracer: Tracer | None
    instruments: Instruments | None
    content: bool


_listener: _Listener | None = None


def listen(tracer: Tracer | None, meter: Meter | None, *, content: bool = False) -> None:
    """Spans go to `tracer`, figures to `meter`. `content`: prompts and replies too, as attributes of spans."""
    global _listener  # noqa: PLW0603 - one process, one listener
    _listener = _Listener(tracer, Instruments(meter) if meter else None, content) if tracer or meter else None


def silence() -> None:
    """Nobody listens any more."""
    listen(None, None)


def tracer() -> Tracer | None:
    """Where spans go; None where nobody wants any."""
    return _listener.tracer if _listener else None


def below() -> Tracer | None:
    """Where a span below the current one goes; None where that one is not recorded."""
    if _listener is None or _listener.tracer is None or not get_current_span().is_recording():
        return None
    return _listener.tracer


def provider(model: str) -> str:
    """The conventions' name of the provider of `provider/model`."""
    head = model.partition("/")[0]
    return _PROVIDERS.get(head, head)


class _Silence:
    """Stands where nobody listens."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def said(self, reply: Reply) -> None:
        """Forgets it."""

    def counted(self, reply: Reply) -> None:
        """Forgets it."""


_SILENCE: Final = _Silence()


class _Spanned:
    """A span, current while it lasts. Of an error only the class is told: its message may hold what a model said."""

    def __init__(self, span: Span | None) -> None:
        self._span = span
        self._token: Token[Context] | None = None

    def __enter__(self) -> Self:
        if self._span is not None:
            self._token = attach(set_span_in_context(self._span))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._span is None or self._token is None:
            return
        detach(self._token)
        if kind is not None:
            failed(self._span, kind)
        self._span.end()


def failed(span: Span, kind: type[BaseException]) -> None:
    """Marks a span with the class of its error. What was cancelled has not failed."""
    span.set_attribute(ERROR, kind.__name__)
    if issubclass(kind, Exception):
        span.set_status(StatusCode.ERROR)


def agent(place: Place, model: str) -> _Spanned | _Silence:
    """A role at work: from its question, repairs included, to what could be read of the reply."""
    if (to := below()) is None:
        return _SILENCE
    about: dict[str, Any] = {
        OPERATION: "invoke_agent",
        PROVIDER: provider(model),
        AGENT: place.role,
        MODEL: model,
        "teachback.step": place.step,
        "teachback.round": place.round,
        "teachback.attempt": place.attempt,
    }
    return _Spanned(to.start_span(f"invoke_agent {place.role}", attributes=about))


def recalled() -> None:
    """The role's question was answered from the ledger: no model is called, and nothing is paid."""
    if _listener is not None and (span := get_current_span()).is_recording():
        span.set_attribute("teachback.recalled", True)


class _Chat(_Spanned):
    """A call of a model. `said` ends its time, `counted` takes its use up once the ledger holds the reply."""

    def __init__(self, role: str, request: Request, listener: _Listener) -> None:
        self._instruments, self._content, self._request = listener.instruments, listener.content, request
        self._labels: dict[str, Any] = {OPERATION: "chat", PROVIDER: provider(request.model), ROLE: role}
        span = None
        if (to := below()) is not None:
            about = {
                **self._labels,
                MODEL: request.model,
                "gen_ai.request.temperature": request.temperature,
                "gen_ai.request.max_tokens": request.max_tokens,
                "gen_ai.output.type": "json" if request.schema is not None else "text",
            }
            span = to.start_span(f"chat {request.model}", kind=SpanKind.CLIENT, attributes=about)
        super().__init__(span)
        if self._instruments:
            self._labels[MODEL] = self._instruments.model(request.model)
        self._began = time.perf_counter()

    def said(self, reply: Reply) -> None:
        """What came back."""
        if self._span is None:
            return
        self._span.set_attributes(
            {
                "gen_ai.response.finish_reasons": (reply.finish_reason,),
                "gen_ai.usage.input_tokens": reply.prompt_tokens,
                "gen_ai.usage.output_tokens": reply.completion_tokens,
            }
        )
        if reply.cost is not None:
            self._span.set_attribute("teachback.cost_usd", reply.cost)
        if self._content:
            self._span.set_attributes(_content(self._request, reply))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._instruments and (kind is None or issubclass(kind, Exception)):
            labels = self._labels if kind is None else {**self._labels, ERROR: kind.__name__}
            self._instruments.duration.record(time.perf_counter() - self._began, labels)
        super().__exit__(kind, error, at)

    def counted(self, reply: Reply) -> None:
        """What it used, in the words of the job's own figures: those count what the ledger holds."""
        if not self._instruments:
            return
        self._instruments.tokens.record(reply.prompt_tokens, {**self._labels, TOKEN_TYPE: "input"})
        self._instruments.tokens.record(reply.completion_tokens, {**self._labels, TOKEN_TYPE: "output"})
        whose = {ROLE: self._labels[ROLE], MODEL: self._labels[MODEL]}
        if reply.cost is None:
            self._instruments.unpriced.add(1, whose)
        else:
            self._instruments.cost.add(reply.cost, whose)


def used(role: str, model: str, prompt_tokens: int, completion_tokens: int, cost: float, unpriced: int) -> None:
    """Calls that another process made have used so much, which it can't tell itself. Of many calls it is one sum."""
    if _listener is None or (instruments := _listener.instruments) is None:
        return
    whose = {ROLE: role, MODEL: instruments.model(model)}
    labels = {OPERATION: "chat", PROVIDER: provider(model), **whose}
    instruments.tokens.record(prompt_tokens, {**labels, TOKEN_TYPE: "input"})
    instruments.tokens.record(completion_tokens, {**labels, TOKEN_TYPE: "output"})
    instruments.cost.add(max(0.0, cost), whose)
    if unpriced:
        instruments.unpriced.add(unpriced, whose)


def chat(role: str, request: Request) -> _Chat | _Silence:
    """One call of a model, all its tries included."""
    return _SILENCE if _listener is None else _Chat(role, request, _listener)


def reached(endpoint: Endpoint) -> None:
    """The call that is under way goes to this server."""
    if _listener is None or endpoint.api_base is None or not (span := get_current_span()).is_recording():
        return
    at = urlsplit(endpoint.api_base)
    if at.hostname:
        span.set_attribute("server.address", at.hostname)
        span.set_attribute("server.port", at.port or {"http": 80}.get(at.scheme, 443))


def waited(model: str, seconds: float) -> None:
    """A call has waited so long for its model's limits."""
    if _listener is None:
        return
    if _listener.instruments:
        _listener.instruments.waits.record(seconds, {MODEL: _listener.instruments.model(model)})
    if (span := get_current_span()).is_recording():
        span.set_attribute("teachback.limiter.wait", round(seconds, 6))


def retried(model: str, error: type[BaseException] | None) -> None:
    """A call is tried again, after an error of this class."""
    if _listener is None:
        return
    why = {ERROR: error.__name__ if error else ""}
    if _listener.instruments:
        _listener.instruments.retries.add(1, {MODEL: _listener.instruments.model(model), **why})
    get_current_span().add_event("retry", why)


def _content(request: Request, reply: Reply) -> dict[str, str]:
    """Prompt and reply as the conventions' messages, in JSON."""
    system = [_part("text", m["content"]) for m in request.messages if m["role"] == "system"]
    asked = [
        {"role": m["role"], "parts": [_part("text", m["content"])]} for m in request.messages if m["role"] != "system"
    ]
    thought = [_part("reasoning", reply.reasoning)] if reply.reasoning else []
    said = {
        "role": "assistant",
        "parts": [*thought, _part("text", reply.text)],
        "finish_reason": reply.finish_reason,
    }
    told: dict[str, object] = {"gen_ai.input.messages": asked, "gen_ai.output.messages": [said]}
    if system:
        told["gen_ai.system_instructions"] = system
    return {name: orjson.dumps(value).decode() for name, value in told.items()}


def _part(kind: Literal["text", "reasoning"], content: str) -> dict[str, str]:
    return {"type": kind, "content": content.encode(errors="replace").decode()}
