"""A span and a measurement of each call of our services over gRPC; the caller's context is taken up, and answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc
from opentelemetry.context import attach
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

from agents import telemetry
from services.telemetry import context, counts

OURS: Final = "/teachback."
"""What the methods of our own services begin with; probes and reflection are in no trace."""
FAULTS: Final = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
"""Statuses that the conventions for gRPC take for the server's errors; the others are the caller's."""


class Traced(grpc.aio.ServerInterceptor):
    """Stands before the door, so that who is turned away is counted too."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        """Wraps what answers a call."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith(OURS):
            return handler
        metadata = handler_call_details.invocation_metadata
        for kind in ("unary_unary", "stream_unary"):
            if inner := getattr(handler, kind):
                return handler._replace(**{kind: _answering(inner, method[1:], metadata)})
        for kind in ("unary_stream", "stream_stream"):
            if inner := getattr(handler, kind):
                return handler._replace(**{kind: _streaming(inner, method[1:], metadata)})
        return handler


def _answering(inner: Callable[[Any, Any], Awaitable[Any]], method: str, metadata: Any) -> Any:
    async def answer(request: Any, rpc: Any) -> Any:
        with _observed(method, metadata, rpc):
            return await inner(request, rpc)

    return answer


def _streaming(inner: Callable[[Any, Any], AsyncIterator[Any]], method: str, metadata: Any) -> Any:
    async def answer(request: Any, rpc: Any) -> AsyncIterator[Any]:
        with _observed(method, metadata, rpc):
            async for reply in inner(request, rpc):
                yield reply

    return answer


@contextmanager
def _observed(method: str, metadata: Any, rpc: Any) -> Iterator[None]:
    began, span = time.perf_counter(), None
    if tracer := telemetry.tracer():
        about = {"rpc.system.name": "grpc", "rpc.method": method}
        caller = context.of_caller(metadata)
        span = tracer.start_span(method, context=caller, kind=SpanKind.SERVER, attributes=about)
        # Never detached: every call has a task of its own, and with it a context of its own.
        attach(set_span_in_context(span, caller))
        rpc.set_trailing_metadata(((context.RESPONSE, context.response()),))
    status = "OK"
    try:
        yield
    except (asyncio.CancelledError, GeneratorExit):  # the caller went away
        status = "CANCELLED"
        raise
    except BaseException:
        status = _status(rpc)
        raise
    finally:
        counts.call(method, status, time.perf_counter() - began)
        if span is not None:
            span.set_attribute("rpc.response.status_code", status)
            if status in FAULTS:
                span.set_attribute(telemetry.ERROR, status)
                span.set_status(StatusCode.ERROR)
            span.end()


def _status(rpc: Any) -> str:
    """The status that a call was ended with; UNKNOWN is what gRPC makes of an error that nobody caught."""
    code = rpc.code()
    found = next((one for one in grpc.StatusCode if code in (one, one.value[0])), grpc.StatusCode.UNKNOWN)
    return "UNKNOWN" if found is grpc.StatusCode.OK else found.name
