"""Rows split into those to train on and those held out, each half a dataset of its own that is made once."""

from __future__ import annotations

import json
from collections.abc import Iterator

from teachback.training_data import validation

from services.datasets.intake import Intake
from services.errors import InvalidRequest
from services.jobs.work import Kit
from services.training.inputs import lines

RATIO = 0.1
"""Share held out, as `teachback generate commands` does."""


def halves(source: str, name: str, kit: Kit) -> tuple[str, str]:
    """The datasets to train on and held out of "datasets/{id}" or "jobs/{id}", made where they are not there. Blocks.

    Split as the command line splits its files: always the same, and what a generate job says belongs together stays so.
    Raises NotFound, DatasetError, or InvalidRequest where there are too few rows to hold any out.
    """
    keys = f"halves-{source}-train", f"halves-{source}-validation"
    before = [found.name for key in keys if (found := kit.datasets.by_key(key))]
    if len(before) == len(keys):
        return before[0], before[1]
    count = sum(1 for _ in lines(source, kit))
    report = kit.store.get(source).report_json if source.startswith("jobs/") else ""
    held_out = validation(count, json.loads(report or "{}").get("together", []), RATIO)
    if not held_out:
        raise InvalidRequest(f"{source} has {count} rows, too few to hold any out; name validation rows of its own")
    parts = (
        (line for place, line in enumerate(lines(source, kit)) if place not in held_out),
        (line for place, line in enumerate(lines(source, kit)) if place in held_out),
    )
    shown = f"{name}: train", f"{name}: validation"
    train, rest = (_keep(kit, *one) for one in zip(parts, shown, keys, strict=True))
    return train, rest


def _keep(kit: Kit, rows: Iterator[str], shown: str, key: str) -> str:
    limits = kit.settings.max_row_bytes, kit.settings.max_upload_bytes
    intake = Intake(
        kit.datasets,
        display_name=shown,
        strict=True,
        key=key,
        limits=limits,
        kind="training",
        room=kit.quotas.more_bytes,
    )
    try:
        intake.begin_file("rows.jsonl")
        for row in rows:
            intake.feed(row.encode() + b"\n")
        return intake.finish().name
    except BaseException:  # whatever ends it, no half of a half stays behind
        intake.abandon()
        raise
