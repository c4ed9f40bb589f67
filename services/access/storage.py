"""How many bytes a job's outcome takes up."""

from __future__ import annotations

from sqlalchemy import Engine, func, select

from services.store.tables import calls, examples
from services.training.artifacts import Artifacts


def of_job(engine: Engine, artifacts: Artifacts, job_id: str) -> int:
    """Of its results, the replies in its ledger (in characters), and its files. Blocks."""
    sums = (
        select(func.coalesce(func.sum(func.length(examples.c.result)), 0)).where(examples.c.job_id == job_id),
        select(func.coalesce(func.sum(func.length(calls.c.text)), 0)).where(calls.c.job_id == job_id),
    )
    with engine.connect() as connection:
        stored = sum(int(connection.execute(one).scalar_one()) for one in sums)
    return stored + artifacts.size(job_id)
