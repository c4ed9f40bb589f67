"""What FastAPI is told to observe, and the route that tells Prometheus what was counted."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request, Response
from fastapi.telemetry import TelemetryConfig

from services.errors import NotFound
from services.telemetry.exporting import Exporting

UNSEEN = frozenset({"/healthz", "/metrics"})
"""What machines ask every few seconds."""
TEXT = "text/plain"


def observed(exporting: Exporting) -> TelemetryConfig:
    """Spans and durations of requests where somebody wants them, and nothing that was sent or said in them."""
    return {
        "tracing": exporting.tracers is not None,
        "tracer_provider": exporting.tracers,
        "metrics": exporting.meters is not None,
        "meter_provider": exporting.meters,
        "logs": False,  # they hold messages of errors
        "operation_spans": False,
        "auto_configure": False,
        "exclude": lambda scope: scope["path"] in UNSEEN,
    }


def add_metrics(app: FastAPI, exporting: Exporting) -> None:
    """Adds `/metrics`, behind the same door as every other route."""

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {TEXT: {}}}},
        summary="What was counted, for Prometheus",
    )
    async def metrics(request: Request) -> Response:
        if exporting.registry is None:
            raise NotFound("metrics are off: set TEACHBACK_METRICS=true and start the service again")
        from prometheus_client.exposition import choose_encoder

        encode, media = choose_encoder(request.headers.get("accept", ""))
        return Response(await asyncio.to_thread(encode, exporting.registry), media_type=media)
