"""The log: a JSON object a line on stderr, of the service and its libraries alike, with the ids of the trace."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from opentelemetry.trace import format_span_id, format_trace_id, get_current_span


def traced(_logger: Any, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Adds `trace_id` and `span_id` as the trace has them, where there is one."""
    at = get_current_span().get_span_context()
    if at.is_valid:
        line["trace_id"], line["span_id"] = format_trace_id(at.trace_id), format_span_id(at.span_id)
    return line


def configure() -> None:
    """Sets it up for the process: the service's own lines from INFO on, libraries' from WARNING on."""
    shared: list[Any] = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), traced]
    last: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
