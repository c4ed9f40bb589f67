"""Figures of what Ray's workers do, told by the job's owner as it learns of them from the database.

Workers send what they count by OTLP, where an operator wants that. Nobody asks their processes for `/metrics`: so
without OTLP it is the owner who counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agents import telemetry
from services.store.examples import Counted
from services.telemetry import counts

Used = Mapping[tuple[str, str], list[float]]
"""By role and model: calls, prompt tokens, completion tokens, US dollars, calls without a price."""
_NOTHING: Final = [0.0] * 5


class Counting:
    """One run of one job. What was there `before` has been counted."""

    def __init__(self, kind: str, before: Counted, used: Used) -> None:
        self._kind, self._before = kind, before
        self._used = {who: list(sums) for who, sums in used.items()}

    def look(self, now: Counted, used: Used) -> None:
        """Counts what has come since the last look."""
        for outcome, count in now.outcomes.items():
            if (more := count - self._before.outcomes.get(outcome, 0)) > 0:
                counts.example(self._kind, outcome, times=more)
        counts.rounds(self._kind, max(0, now.iterations - self._before.iterations))
        for (role, model), sums in used.items():
            earlier = self._used.get((role, model), _NOTHING)
            more_calls, prompt, completion, cost, unpriced = (a - b for a, b in zip(sums, earlier, strict=True))
            if more_calls > 0:
                telemetry.used(role, model, int(prompt), int(completion), cost, int(unpriced))
        self._before, self._used = now, {who: list(sums) for who, sums in used.items()}
