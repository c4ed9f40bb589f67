"""Where traces and metrics go: to an OTLP collector, as OpenTelemetry's own variables say, and to who asks `/metrics`.

Without either nothing of OpenTelemetry's SDK is loaded, and nothing listens (agents/telemetry.py).
"""

from __future__ import annotations

import os
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from agents import telemetry
from services.settings import Settings
from services.telemetry import counts

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from prometheus_client import CollectorRegistry

NAME: Final = "teachback"
"""Of the service, unless OTEL_SERVICE_NAME says otherwise, and of what measures."""
QUEUE: Final = 16_384
"""Spans that wait for the collector; what comes beyond is dropped. OTEL_BSP_MAX_QUEUE_SIZE sets another number."""
PATIENCE: Final = 3.0
"""Seconds for the last spans and figures at the end; a collector that is away must hold nobody up."""


@dataclass(frozen=True, slots=True)
class Exporting:
    """What was set up; None where nobody wants it."""

    tracers: TracerProvider | None = None
    meters: MeterProvider | None = None
    registry: CollectorRegistry | None = None
    """What `/metrics` tells."""

    def end(self) -> None:
        """Sends what is left, for `PATIENCE` seconds at most. Blocks."""
        telemetry.silence()
        counts.silence()
        ending = [
            threading.Thread(target=provider.shutdown, name="telemetry", daemon=True)
            for provider in (self.tracers, self.meters)
            if provider is not None
        ]
        for one in ending:
            one.start()
        for one in ending:
            one.join(PATIENCE)


NOT_EXPORTING: Final = Exporting()


def begin(settings: Settings) -> Exporting:
    """Sets up what settings and environment ask for, and listens. Raises ValueError for variables that can't be met."""
    pushes = {signal: pushed(signal) for signal in ("TRACES", "METRICS")}
    if not settings.metrics and not any(pushes.values()):
        return NOT_EXPORTING
    from opentelemetry.semconv.schemas import Schemas

    resource, schema = _resource(), Schemas.V1_41_0.value
    tracers = _tracers(resource) if pushes["TRACES"] else None
    meters, registry = None, None
    if settings.metrics or pushes["METRICS"]:
        meters, registry = _meters(resource, pull=settings.metrics, push=pushes["METRICS"])
    meter = meters.get_meter(NAME, schema_url=schema) if meters else None
    tracer = tracers.get_tracer(NAME, schema_url=schema) if tracers else None
    telemetry.listen(tracer, meter, content=settings.trace_content)
    if meter:
        counts.listen(meter)
    return Exporting(tracers, meters, registry)


def pushed(signal: Literal["TRACES", "METRICS"]) -> bool:
    """Whether a signal goes to a collector. The exporters read address, headers, certificates and times themselves."""
    exporter = (os.environ.get(f"OTEL_{signal}_EXPORTER") or "otlp").strip().lower()
    own = f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"
    name = own if os.environ.get(own) else "OTEL_EXPORTER_OTLP_ENDPOINT"
    endpoint = os.environ.get(name)
    if exporter == "none" or not endpoint or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if exporter != "otlp":
        raise ValueError(
            f"OTEL_{signal}_EXPORTER={exporter}: only otlp and none are known (TEACHBACK_METRICS=true for Prometheus)"
        )
    protocol = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if (protocol or "http/protobuf") != "http/protobuf":
        raise ValueError(
            f"OTLP by {protocol} is not spoken here: set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, and in the "
            "endpoint the collector's port for HTTP (4318 by default)"
        )
    at = urlsplit(endpoint)
    if at.scheme not in ("http", "https") or not at.hostname:
        raise ValueError(f"{name} is no address; it looks like http://collector:4318")  # it may hold a password
    return True


def _resource() -> Resource:
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    ours: dict[str, str] = {"service.name": NAME, "service.instance.id": str(uuid.uuid4())}
    with suppress(PackageNotFoundError):  # run from a folder that nobody installed
        ours["service.version"] = version("teachback-server")
    said = OTELResourceDetector().detect().attributes
    return Resource.create({name: value for name, value in ours.items() if name not in said})


def _tracers(resource: Resource) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from services.telemetry.queries import WithoutQueries

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(WithoutQueries())
    queue = None if os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE") else QUEUE
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=queue))
    return provider


def _meters(resource: Resource, *, pull: bool, push: bool) -> tuple[MeterProvider, CollectorRegistry | None]:
    from opentelemetry.sdk.metrics import MeterProvider

    readers: list[Any] = []
    registry = None
    if pull:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from prometheus_client import CollectorRegistry

        registry = CollectorRegistry()
        readers.append(PrometheusMetricReader(scope_info_enabled=False, registry=registry))
    if push:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    return MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False), registry
