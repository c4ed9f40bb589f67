"""Spans and figures of a program in a child process, made of the events that it tells: it knows nothing of traces.

What it starts may: it finds the context in TRACEPARENT, as OpenTelemetry's programs look for it.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from opentelemetry.trace import Span, Tracer, use_span

from agents import telemetry
from services.telemetry import counts
from services.training.specs import TrainingProgress


class Told:
    """One run of a program; below its span one for each of its stages (loading, proof, train, quantize ...)."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._tracer: Tracer | None = None
        self._stage: tuple[str, Span] | None = None
        self._lowest: float | None = None

    def __enter__(self) -> Self:
        self._tracer = telemetry.below()
        if self._tracer:
            span = self._tracer.start_span(f"program {self._kind}", attributes={counts.KIND: self._kind})
            self._current = use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False)
            self._span = self._current.__enter__()
            self._begin("loading")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        counts.training(self._kind, None)
        if self._tracer:
            self._end(kind)
            if kind is not None:
                telemetry.failed(self._span, kind)
            self._current.__exit__(None, None, None)

    def hear(self, now: TrainingProgress) -> None:
        """The program has told where it is."""
        if now.loss is not None:
            self._lowest = min(now.loss, now.loss if self._lowest is None else self._lowest)
        told = counts.Training(now.loss, self._lowest, now.eval_loss, now.tokens_per_second)
        counts.training(self._kind, told)
        if self._tracer is None or self._stage is None:
            return
        if now.stage != self._stage[0]:
            self._end()
            self._begin(now.stage)
        figures: dict[str, Any] = {
            "teachback.step": now.step,
            "teachback.steps": now.steps,
            "teachback.loss": now.loss,
            "teachback.eval_loss": now.eval_loss,
            "teachback.tokens_per_second": now.tokens_per_second,
        }
        self._stage[1].set_attributes({name: value for name, value in figures.items() if value})

    def _begin(self, stage: str) -> None:
        assert self._tracer is not None
        self._stage = stage, self._tracer.start_span(f"stage {stage}")

    def _end(self, error: type[BaseException] | None = None) -> None:
        if self._stage is None:
            return
        if error is not None:
            telemetry.failed(self._stage[1], error)
        self._stage[1].end()
        self._stage = None
