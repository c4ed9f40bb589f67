"""What the owner of a job and the workers on its rows tell each other: text that holds no secret."""

from __future__ import annotations

import hashlib
from typing import Any, Final, Literal

import orjson
from pydantic import BaseModel

from services.errors import mapped
from services.settings import Settings

SHARD: Final = "services.ray.shard:work"
"""What works on an `Order`, by the name that services/ray/call.py takes."""
TRAINING: Final = "services.ray.training:work"
"""What runs a `Program`."""


class Order(BaseModel):
    """A part of a job's rows to work on."""

    job_id: str
    fence: int
    """The owner's number; 0 where the database has no leases."""
    shard: str
    """The id under which this part is given out, this time."""
    first: int
    below: int
    """The rows with `first` <= seq < `below`."""
    at_once: int
    student: str
    teacher: str
    evaluator: str | None
    """Who plays where the job names nobody, by the service's settings."""
    max_spend: float | None
    spend_period: Literal["month", "total"]
    """What the service says of projects that have no limit of their own."""
    billed: float
    """US dollars that calls without a reply may have cost so far: no ledger has them; `max_cost` is less by them."""
    models: str
    """The digest of what the service was told of models."""
    mark: str
    """The owner's span, as a `traceparent`."""


class Program(BaseModel):
    """A program of the trainer to run, in the folder of its job."""

    job_id: str
    fence: int
    """The owner's number."""
    module: str
    arguments: list[str]
    memory_limit: int
    """Bytes; 0: nine tenths of the node's."""
    nodes: int = 1
    """How many do it together, each with a program of its own."""
    gpu: bool = False
    """Whether each of several has a GPU of its own."""
    told: str
    """The file in the job's folder that what it says is appended to, a line each."""
    mark: str
    """The owner's span, as a `traceparent`."""


class Answer(BaseModel):
    """How it went."""

    ended: Literal["done", "paused", "lost", "failed"]
    """done: every row of the part has an outcome. lost: it is no longer this worker's."""
    reason: str = ""
    """Of what failed, as callers are told it (services/errors.py)."""
    message: str = ""
    event: dict[str, Any] = {}
    """Of a program, its last word."""
    billed: float = 0.0
    """Of a part: US dollars that calls without a reply may have cost."""
    failures: int = 0
    """Of a part: rows in a row that failed, up to its end."""
    went_well: bool = False
    """Of a part: whether any row did."""


def failed(error: Exception) -> Answer:
    """What callers are told of an error; of one that nobody foresaw, no more than its kind."""
    row = mapped(error)
    if row is None:
        return Answer(ended="failed", message=f"internal error: {type(error).__name__}")
    return Answer(ended="failed", reason=row.reason, message=str(error))


def digest(settings: Settings) -> str:
    """Tells whether two processes were told the same of models: their limits are one, and a price is a price."""
    told = {name: one.model_dump(mode="json") for name, one in settings.models.items()}
    said = orjson.dumps([list(told.items()), settings.local_api_base])
    return hashlib.sha256(said).hexdigest()[:16]
