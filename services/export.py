"""A job's rows as a file: the source's bytes, with the thinking put where that shape keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from graphs.records import CONVERGED, Outcome, Result
from services import failpoints
from services.datasets.shapes import parse
from services.datasets.write import annotate, to_messages
from services.store.examples import ExampleStore
from services.store.ids import tail
from services.views import Example, ExportFormat, Job, Lift, ThinkingTag

UNTOUCHED = Result(outcome=Outcome.FAILED)


def export(
    store: ExampleStore,
    job: Job,
    *,
    format_: ExportFormat,
    tag: ThinkingTag,
    unfinished: bool,
    converged_only: bool,
) -> Iterator[str]:
    """Lines of JSONL in source order, each with its newline; a batch of rows in memory at a time.

    Rows of an earlier output that this job does not make come first, as they stood: nothing a user had is lost.
    `unfinished` adds the rows without an outcome as they came.
    """
    spec = job.spec.enhance
    assert spec is not None
    dataset_id = tail(spec.dataset, "datasets")
    if spec.earlier_output and not converged_only:
        earlier = tail(spec.earlier_output, "datasets")
        for raw in store.foreign(earlier, dataset_id, job.progress.total_examples):
            yield _as_asked(raw, UNTOUCHED, format_, tag, "") if format_ == "messages" else raw + "\n"
    for row in store.all_rows(tail(job.name, "jobs"), dataset_id, job.progress.total_examples):
        if row.outcome is None and not unfinished:
            continue
        if converged_only and row.outcome not in (*CONVERGED, Outcome.REUSED):
            continue
        failpoints.hit("export_row")
        yield _line(row, format_, tag)


def _line(row: Any, format_: ExportFormat, tag: ThinkingTag) -> str:
    if row.taken_from is not None:
        if format_ == "source":
            return str(row.taken_from) + "\n"
        kept = parse(row.taken_from).task.thinking
        return _as_asked(row.taken_from, Result(outcome=Outcome.REUSED, thinking=kept), format_, tag, row.item_id)
    if row.outcome is None:
        return str(row.raw) + "\n" if format_ == "source" else _as_asked(row.raw, UNTOUCHED, format_, tag, row.item_id)
    return _as_asked(row.raw, read_result(row.result), format_, tag, row.item_id)


def _as_asked(raw: str, result: Result, format_: ExportFormat, tag: ThinkingTag, row_id: str) -> str:
    item = parse(raw)
    if format_ == "messages":
        if result is UNTOUCHED:
            result = Result(outcome=Outcome.FAILED, thinking=item.task.thinking)
        return to_messages(raw, item.shape, result, item.place, tag, row_id)
    return annotate(raw, item.shape, result, item.place)


def read_result(stored: bytes) -> Result:
    """The result in the database's bytes; what was measured beside it is left aside."""
    fields = json.loads(stored)
    fields.pop("lift", None)
    return Result.model_validate(fields)


def example(job_id: str, row: Any, *, rounds: bool) -> Example:
    """A joined row of the example store as callers see it."""
    task = parse(row.raw).task
    shown = Example(
        name=f"jobs/{job_id}/examples/{row.item_id}",
        index=row.seq,
        file=json.loads(row.files)[row.file],
        line=row.line,
        messages_json=json.dumps([t.model_dump() for t in task.question.turns], ensure_ascii=False),
        reference=task.reference,
        original_thinking=task.thinking,
    )
    if row.outcome is None:
        return shown
    result = read_result(row.result)
    shown.outcome, shown.reason, shown.thinking = row.outcome, result.reason, result.thinking
    shown.enhanced, shown.best_round, shown.labels = result.enhanced, result.best_round, result.labels
    if row.taken_from is not None:
        shown.thinking = parse(row.taken_from).task.thinking
    if rounds:
        shown.rounds = result.rounds
    if lift := json.loads(row.result).get("lift"):
        shown.lift = Lift.model_validate(lift)
    return shown
