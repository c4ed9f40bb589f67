"""`--accept seed`: the checks that a user of the first version would hold a run to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypedDict

from teachback.stats import Stats


class Check(TypedDict):
    """One condition: its name, whether it holds, and what was seen."""

    name: str
    holds: bool
    seen: str


def checks(stats: Stats, out: Path, iterative: bool) -> list[Check]:
    """Each check with whether it holds and what was seen. As there, the sample is the first row of the output."""
    rows = [_thinking(json.loads(line)) for line in out.read_text("utf-8").splitlines() if line.strip()]
    sample = rows[0] if rows else ""
    enhanced, total = stats["enhanced_examples"], stats["total_examples"]
    held = [
        ("every row was enhanced", enhanced == total, f"{enhanced} of {total}"),
        ("average iterations above 1.0", stats["average_iterations"] > 1.0, f"{stats['average_iterations']:.2f}"),
        ("convergence rate above 0.7", stats["convergence_rate"] > 0.7, f"{stats['convergence_rate']:.2f}"),
    ]
    if iterative:
        aha = sum("Aha!" in row for row in rows)
        held.append(('the first row holds "Aha!"', "Aha!" in sample, f"{aha} of {len(rows)} rows do"))
    long = sum(len(row) > 200 for row in rows)
    held.append(("the first row is longer than 200 characters", len(sample) > 200, f"{long} of {len(rows)} rows are"))
    return [Check(name=name, holds=holds, seen=seen) for name, holds, seen in held]


def _thinking(row: dict[str, Any]) -> str:
    """The thinking of an output row, wherever its shape keeps it."""
    places = [row.get("metadata"), row.get("expected_response"), row, *reversed(row.get("messages") or [])]
    for place in places:
        if isinstance(place, dict) and isinstance(place.get("thinking"), str):
            return str(place["thinking"])
    return ""
