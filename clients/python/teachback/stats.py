"""What a job came to, as numbers, and the two files that tell it beside an output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from teachback.files import replacing
from teachback.plain import to_plain, word
from teachback.v1 import job_pb2

OUTCOMES = ("converged_first_try", "converged", "stalled", "exhausted", "failed", "reused")
CHECKPOINT = ".thinking_checkpoint.json"


class Stats(TypedDict):
    """What a run came to. `cost` is in US dollars, None where a price is unknown; `usage` is a list of RoleUsage."""

    total_examples: int
    enhanced_examples: int
    average_iterations: float
    convergence_rate: float
    outcomes: dict[str, int]
    cost: float | None
    usage: list[dict[str, Any]]
    job: str
    state: str
    bad_rows: NotRequired[int]


def stats_of(job: job_pb2.Job) -> Stats:
    """The numbers of a job as it stands."""
    progress = job.progress
    return Stats(
        total_examples=progress.total_examples,
        enhanced_examples=progress.enhanced_examples,
        average_iterations=round(progress.average_iterations, 4),
        convergence_rate=round(progress.convergence_rate, 4),
        outcomes={name: progress.outcomes.get(name, 0) for name in OUTCOMES},
        cost=progress.cost if progress.HasField("cost") else None,
        usage=[to_plain(role) for role in progress.usage],
        job=job.name,
        state=state_of(job),
    )


def state_of(job: job_pb2.Job) -> str:
    """The state of a job as a word, as "running"."""
    return word(job_pb2.DESCRIPTOR.enum_types_by_name["JobState"], job.state)


def write_json(path: Path, content: object) -> None:
    """Writes a small JSON file that is never seen half-written. Raises OutputError."""
    with replacing(path) as file:
        file.write(json.dumps(content, indent=2).encode() + b"\n")


def write_checkpoint(out: Path, progress: job_pb2.Progress, bad_rows: int) -> None:
    """Counts for those who watch the folder of an output: of the rows that were looked at, those that were worked
    through, converged or not, and those that could not be, as they failed or were no rows at all."""
    failed = progress.outcomes.get("failed", 0)
    counts = {
        "processed": progress.done_examples + bad_rows,
        "success": progress.done_examples - failed,
        "errors": failed + bad_rows,
    }
    write_json(out.with_name(CHECKPOINT), counts)
