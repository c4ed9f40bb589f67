"""Keeps what callers put into a query out of the spans of REST."""

from __future__ import annotations

from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor

LEFT_OUT: Final = "left out"


class WithoutQueries(SpanProcessor):
    """A query holds names of files and keys of callers, and what else they took for a good idea."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's
        """FastAPI hands the query over when a span begins."""
        if span.attributes and "url.query" in span.attributes:
            span.set_attribute("url.query", LEFT_OUT)
