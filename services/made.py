"""What a generate job made, as callers see it and as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from graphs.recipes.base import Generated, Made, Slot
from services import failpoints
from services.errors import InvalidRequest
from services.formats.conversation import read
from services.formats.rows import chatml
from services.store.examples import ExampleStore
from services.store.ids import tail
from services.views import Attempt, Example, ExportFormat, Job, ReviewVerdict


def export(store: ExampleStore, job: Job, format_: ExportFormat, *, reviewed_only: bool = False) -> Iterator[str]:
    """The accepted examples in the order of the plan, a line of JSON each; a batch of rows in memory at a time.

    In their recipe's own shape, or as `messages`, which an enhance job takes. What a person dropped is left out, what
    was edited stands as edited. `reviewed_only`: nothing else.
    """
    id_ = tail(job.name, "jobs")
    for row in store.all_rows(id_, id_, job.progress.total_examples):
        if row.outcome != Made.ACCEPTED:
            continue
        reviewed = json.loads(row.review) if row.review else {}
        if reviewed.get("verdict") == "drop" or (reviewed_only and not reviewed):
            continue
        failpoints.hit("export_row")
        draft = Generated.model_validate_json(row.result).draft
        assert draft is not None
        shown = reviewed.get("example", draft.example)
        if format_ == "messages":
            shown = chatml(read(shown))
        yield json.dumps(shown, ensure_ascii=False) + "\n"


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
    if row.review:
        reviewed = json.loads(row.review)
        shown.review = reviewed["verdict"]
        if "example" in reviewed:
            shown.edited_json = json.dumps(reviewed["example"], ensure_ascii=False)
    if rounds:
        shown.turns = [Attempt(**turn.model_dump(exclude={"draft"})) for turn in result.turns]
    return shown


def review(verdict: ReviewVerdict | None, edited_json: str) -> str | None:
    """A verdict as it is stored; None takes an earlier one back. Raises InvalidRequest."""
    if (verdict == "edit") != bool(edited_json):
        raise InvalidRequest("edited_json goes with the verdict edit, and only with it")
    if verdict is None:
        return None
    if verdict != "edit":
        return json.dumps({"verdict": verdict})
    try:
        edited = json.loads(edited_json)
        read(edited)
        # Lone surrogates are JSON and no text; databases and files refuse them.
        stored = json.dumps({"verdict": verdict, "example": edited}, ensure_ascii=False)
        stored.encode()
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"edited_json is no example: {error}") from None
    if "\\u0000" in stored:
        raise InvalidRequest("edited_json is no example: it holds a NUL")
    return stored
