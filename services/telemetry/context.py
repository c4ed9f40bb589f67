"""The trace's context on its way: from callers and back, to child processes, from one life of a job to the next.

W3C's Trace Context: `traceparent` on the way in, `traceresponse` (a draft yet) on the way back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import Link, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

RESPONSE: Final = "traceresponse"
_W3C: Final = TraceContextTextMapPropagator()


def of_caller(metadata: Iterable[tuple[str, str | bytes]] | None) -> Context:
    """The context that a caller sent with a call over gRPC. (FastAPI reads that of a request itself.)"""
    return propagate.extract({name: value for name, value in metadata or () if isinstance(value, str)})


def mark() -> str:
    """The current span as a `traceparent`; empty where none is recorded."""
    carried: dict[str, str] = {}
    if get_current_span().is_recording():
        _W3C.inject(carried)
    return carried.get("traceparent", "")


def response() -> str:
    """What a caller is told of the span that stands for its call; empty where there is none."""
    at = get_current_span().get_span_context()
    return f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}" if at.is_valid else ""


def environment() -> dict[str, str]:
    """What a child process is told: TRACEPARENT, and TRACESTATE where there is one."""
    carried: dict[str, str] = {}
    if get_current_span().is_recording():
        _W3C.inject(carried)
    return {name.upper(): value for name, value in carried.items()}


def links(traceparent: str | None) -> list[Link]:
    """To the span that `mark` told of, in an earlier life perhaps."""
    if not traceparent:
        return []
    span = get_current_span(_W3C.extract({"traceparent": traceparent}, context=Context()))
    return [Link(context)] if (context := span.get_span_context()).is_valid else []
