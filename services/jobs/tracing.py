"""What is told of jobs at work: a span of each run and of its first examples, how it ended, and a line in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final

import structlog
from opentelemetry.trace import NonRecordingSpan, Span, StatusCode, get_current_span, use_span

from agents import telemetry
from agents.errors import BudgetExceeded
from services.errors import mapped
from services.telemetry import context, counts
from services.views import Job

log = structlog.get_logger()

JOB: Final = "teachback.job"
"""The attribute that every span of a job carries that stands for one of its runs: it ties the traces of its lives."""


class Ends:
    """How a run ends, where no error says so."""

    state = "succeeded"


@contextmanager
def at_work(job: Job, run: int, earlier: str) -> Iterator[Ends]:
    """Around one run of a job, `run` from 1.

    Its span stands below the call that asked for the run. `earlier` is the mark of the span that stood for the job
    before (services/telemetry/context.py), and is linked: a job that goes on after a crash begins a new trace.
    """
    kind, ends, reason = job.spec.kind_name, Ends(), ""
    with _span(f"job {kind}", {JOB: job.name, counts.KIND: kind, "teachback.run": run}, earlier) as span:
        log.info("a job begins", job=job.name, kind=kind, run=run)
        try:
            yield ends
        except asyncio.CancelledError:  # by a caller, or by the end of the service, after which it goes on
            ends.state = "stopped"
            raise
        except Exception as error:  # whatever it is, the span says so, and it is raised
            ends.state = "paused" if isinstance(error, BudgetExceeded) else "failed"
            reason = _reason(error)
            span.set_attribute(telemetry.ERROR, reason)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.set_attribute(counts.STATE, ends.state)
            counts.job(kind, ends.state, reason)
            log.info("a job ends", job=job.name, kind=kind, run=run, state=ends.state, reason=reason)


def _reason(error: BaseException) -> str:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    row = mapped(error)
    return row.reason if row else "INTERNAL"


class Examples:
    """The spans of one run's examples: of the first `most`, so that a trace of a long job can still be read.

    What is done for the others belongs to the trace all the same: their lines in the log carry its id, and they are
    counted; but nothing below them is recorded.
    """

    def __init__(self, job_id: str, most: int) -> None:
        self._job, self._left = f"jobs/{job_id}", most

    def one(self, item_id: str) -> AbstractContextManager[None]:
        """Around the work on one example."""
        if telemetry.below() is None:
            return nullcontext()
        if self._left <= 0:
            return _unrecorded()
        self._left -= 1
        return self._recorded(item_id)

    @contextmanager
    def _recorded(self, item_id: str) -> Iterator[None]:
        with _span("example", {JOB: self._job, "teachback.example": item_id}) as span:
            token = _example.set(span)
            try:
                yield
            except BaseException as error:  # cancelled, too: the span says so, and it is raised
                telemetry.failed(span, type(error))
                raise
            finally:
                _example.reset(token)


_example: ContextVar[Span | None] = ContextVar("example", default=None)


def outcome(kind: str, reached: str, rounds: int) -> None:
    """The example at work has come to its outcome."""
    counts.example(kind, reached, rounds)
    if span := _example.get():
        span.set_attributes({counts.OUTCOME: reached, "teachback.rounds": rounds})


@contextmanager
def _span(name: str, about: dict[str, str | int], earlier: str = "") -> Iterator[Span]:
    """A current span; an unrecorded one where nobody wants any."""
    tracer = telemetry.tracer()
    if tracer is None:
        yield get_current_span()
        return
    parent = get_current_span().get_span_context().span_id
    links = [link for link in context.links(earlier) if link.context.span_id != parent]
    span = tracer.start_span(name, attributes=about, links=links)
    with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        yield span


@contextmanager
def _unrecorded() -> Iterator[None]:
    with use_span(NonRecordingSpan(get_current_span().get_span_context())):
        yield
