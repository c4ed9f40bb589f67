"""A collector on loopback: takes OTLP over HTTP in, as protobuf, and keeps the spans and the figures."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from tests.support.loopback import serving


@dataclass(frozen=True)
class Sent:
    """A span as it came. Ids are hexadecimal."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    status: int
    begin: int
    end: int
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    events: list[tuple[str, dict[str, Any]]]


@dataclass
class Collector:
    """`with Collector() as collector:` listens at `collector.endpoint`."""

    spans: list[Sent] = field(default_factory=list)
    metrics: dict[str, list[tuple[dict[str, Any], float]]] = field(default_factory=dict)
    """By name, the newest points: their attributes, and their value (of a histogram its sum)."""
    resource: dict[str, Any] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    """Everything that came, unpacked."""
    headers: list[dict[str, str]] = field(default_factory=list)
    """Names in lower case."""

    def __enter__(self) -> Self:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                collector.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._serving = serving(Handler)
        self._port = self._serving.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._serving.__exit__(kind, error, at)

    @property
    def endpoint(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT has to say."""
        return f"http://127.0.0.1:{self._port}"

    def take(self, path: str, body: bytes) -> None:
        """Keeps what came."""
        self.bodies.append(body)
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resource = _plain(resource.resource.attributes)
                self.spans += [_sent(span) for scope in resource.scope_spans for span in scope.spans]
        elif path == "/v1/metrics":
            for one in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in one.scope_metrics:
                    for metric in scope.metrics:
                        kind = str(metric.WhichOneof("data"))
                        points = getattr(metric, kind).data_points
                        self.metrics[metric.name] = [(_plain(p.attributes), _value(p, kind)) for p in points]

    def named(self, begin: str) -> list[Sent]:
        """The spans whose name begins so, in the order of their beginnings."""
        return sorted((s for s in self.spans if s.name.startswith(begin)), key=lambda s: s.begin)

    def below(self, span: Sent) -> list[Sent]:
        """The spans right below one."""
        return sorted((s for s in self.spans if s.parent == span.id), key=lambda s: s.begin)


def _sent(span: Any) -> Sent:
    return Sent(
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        kind=span.kind,
        status=span.status.code,
        begin=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=_plain(span.attributes),
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        events=[(event.name, _plain(event.attributes)) for event in span.events],
    )


def _value(point: Any, kind: str) -> float:
    if kind == "histogram":
        return float(point.sum)
    return float(point.as_double if point.HasField("as_double") else point.as_int)


def _plain(attributes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in attributes:
        assert isinstance(one, KeyValue)
        found[one.key] = _one(one.value)
    return found


def _one(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_one(one) for one in value.array_value.values]
    return getattr(value, kind) if kind else None
