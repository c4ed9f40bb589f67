"""How much a project may have: refused before the work begins, counted in the transaction that begins it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from agents.models import Endpoint
from services.access import projects
from services.access.projects import ProjectStore
from services.errors import InvalidRequest, QuotaExceeded


class Quotas:
    """The quotas of one project. Methods block; those with a connection are for use within a transaction."""

    def __init__(self, engine: Engine, store: ProjectStore, project: str) -> None:
        self._engine, self._store, self.project = engine, store, project

    def one_more_job(self, connection: Connection) -> None:
        """Raises QuotaExceeded where as many jobs as may be are queued or running."""
        limit = self._store.limits(self.project).max_jobs
        if limit is None:
            return
        projects.lock(connection, self.project)
        if (used := projects.at_work(connection, self.project)) >= limit:
            raise QuotaExceeded(
                f"projects/{self.project} may have {limit} jobs queued or running, and has {used}: wait for one to "
                "end, cancel one, or ask the operator to raise max_jobs"
            )

    def job(self) -> None:
        """The same in a transaction of its own: whether there is room this moment."""
        with self._engine.begin() as connection:
            self.one_more_job(connection)

    def more_bytes(self, connection: Connection) -> None:
        """Raises QuotaExceeded where, with what this transaction has added, the project stores more than it may."""
        limit = self._store.limits(self.project).max_stored_bytes
        if limit is None:
            return
        projects.lock(connection, self.project)
        if (used := projects.stored(connection, self.project)) > limit:
            raise self._full(limit, used)

    def room(self) -> None:
        """Raises QuotaExceeded where the project stores as much as it may already."""
        limit = self._store.limits(self.project).max_stored_bytes
        if limit is None:
            return
        with self._engine.connect() as connection:
            used = projects.stored(connection, self.project)
        if used >= limit:
            raise self._full(limit, used)

    def money(self, models: Sequence[Endpoint]) -> None:
        """Whether a job on these models may begin: their prices are known, and something is left to spend.

        Raises QuotaExceeded, or InvalidRequest for a model without a price: what it costs could not be held to a limit.
        """
        limits = self._store.limits(self.project)
        if limits.max_spend is None:
            return
        if unpriced := [model.name for model in models if model.price is None]:
            raise InvalidRequest(
                f"projects/{self.project} has a spend limit, which needs prices, and none is known for "
                f"{', '.join(unpriced)}: ask the operator for input_price and output_price under `models`"
            )
        if not any(model.price and model.price.of(1000, 1000) for model in models):
            return  # what costs nothing may go on
        with self._engine.connect() as connection:
            booked, held = projects.spent(connection, self.project, limits.spend_period)
        if booked + held >= limits.max_spend:
            raise QuotaExceeded(self.no_money(limits.max_spend, limits.spend_period, booked, held))

    def no_money(self, limit: float, period: str, booked: float, held: float, next_: float = 0.0) -> str:
        """What is said where the money does not suffice."""
        when = "in all" if period == "total" else "a month (UTC)"
        others = f", ${held:.4f} held by jobs at work" if held else ""
        call = f", the next call may cost ${next_:.4f}" if next_ else ""
        return (
            f"projects/{self.project} may spend ${limit:.4f} {when}: ${booked:.4f} is spent{others}{call}. Ask the "
            "operator to raise max_spend"
            + ("" if period == "total" else ", or wait for the next month")
            + (", then resume the job" if next_ else "")
        )

    def _full(self, limit: int, used: int) -> QuotaExceeded:
        return QuotaExceeded(
            f"projects/{self.project} may store {limit} bytes, and this makes it {used}: send less, or ask the "
            "operator to raise max_stored_bytes"
        )
