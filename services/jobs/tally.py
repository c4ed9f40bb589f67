"""Adds up a job while it runs."""

from __future__ import annotations

import time

from graphs.records import Outcome
from services.store.examples import Counted
from services.store.ledger import JobLedger
from services.views import Progress, RoleUsage

UNCOUNTED = (Outcome.FAILED, Outcome.REUSED)


class Tally:
    """Figures of one job. `before` is what earlier runs of the job had finished."""

    def __init__(self, total: int, before: Counted, ledger: JobLedger) -> None:
        self._total, self._ledger = total, ledger
        self.recount(before)
        self._began, self._done_before = time.monotonic(), sum(before.outcomes.values())

    def recount(self, counted: Counted) -> None:
        """Takes what is stored for what is true: duplicates are found after they were counted."""
        self._outcomes = dict(counted.outcomes)
        self._enhanced, self._iterations = counted.enhanced, counted.iterations

    def expect(self, total: int) -> None:
        """There are so many examples to bring to an outcome."""
        self._total = total

    def add(self, outcome: str, iterations: int, *, enhanced: bool) -> None:
        """One more example has an outcome."""
        self._outcomes[outcome] = self._outcomes.get(outcome, 0) + 1
        self._enhanced += enhanced
        if outcome not in UNCOUNTED:
            self._iterations += iterations

    def progress(self) -> Progress:
        """The figures as callers see them."""
        done = sum(self._outcomes.values())
        fresh = done - self._outcomes.get(Outcome.REUSED, 0)
        ran = fresh - self._outcomes.get(Outcome.FAILED, 0)
        converged = self._outcomes.get(Outcome.CONVERGED, 0) + self._outcomes.get(Outcome.CONVERGED_FIRST_TRY, 0)
        now_done, elapsed = done - self._done_before, time.monotonic() - self._began
        usage = [
            RoleUsage(
                role=role,
                model=model,
                calls=int(calls),
                prompt_tokens=int(prompt),
                completion_tokens=int(completion),
                cost=None if unpriced else round(cost, 8),
            )
            for (role, model), (calls, prompt, completion, cost, unpriced) in sorted(self._ledger.used.items())
        ]
        cost = None if any(u.cost is None for u in usage) else round(sum(u.cost or 0.0 for u in usage), 8)
        return Progress(
            total_examples=self._total,
            done_examples=done,
            outcomes=dict(sorted(self._outcomes.items())),
            enhanced_examples=self._enhanced,
            average_iterations=round(self._iterations / ran, 4) if ran else 0.0,
            convergence_rate=round(converged / fresh, 4) if fresh else 0.0,
            usage=usage,
            cost=cost,
            cost_estimate=None if cost is None or not fresh else round(cost / fresh * (fresh + self._total - done), 8),
            eta_seconds=round((self._total - done) * elapsed / now_done, 1) if now_done else None,
        )
