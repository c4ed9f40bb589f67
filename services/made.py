"""What a generate job made, as callers see it and as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from graphs.recipes.base import Generated, Made, Slot
from services import failpoints
from services.store.examples import ExampleStore
from services.store.ids import tail
from services.views import Attempt, Example, Job


def export(store: ExampleStore, job: Job) -> Iterator[str]:
    """The accepted examples in the order of the plan, a line of JSON each; a batch of rows in memory at a time."""
    id_ = tail(job.name, "jobs")
    for row in store.all_rows(id_, id_, job.progress.total_examples):
        if row.outcome != Made.ACCEPTED:
            continue
        failpoints.hit("export_row")
        draft = Generated.model_validate_json(row.result).draft
        assert draft is not None
        yield json.dumps(draft.example, ensure_ascii=False) + "\n"


def example(job_id: str, row: Any, *, rounds: bool) -> Example:
    """A joined row of the example store as callers see it."""
    shown = Example(
        name=f"jobs/{job_id}/examples/{row.item_id}",
        index=row.seq,
        file=json.loads(row.files)[row.file],
        plan_json=json.dumps(Slot.model_validate_json(row.raw).plan, ensure_ascii=False),
    )
    if row.outcome is None:
        return shown
    result = Generated.model_validate_json(row.result)
    shown.outcome, shown.reason, shown.labels = row.outcome, result.reason, result.labels
    if result.draft:
        shown.made_json = json.dumps(result.draft.example, ensure_ascii=False)
    if rounds:
        shown.turns = [Attempt(**turn.model_dump(exclude={"draft"})) for turn in result.turns]
    return shown
