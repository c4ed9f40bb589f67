"""Models without a model: deterministic, instant, grounded in the item's own facts, and open about what they are."""

from __future__ import annotations

from typing import Final

LABELS: Final[dict[str, str]] = {
    f"offline/{role}": f"offline/{role}: rule-based stand-in, not a language model"
    for role in ("student", "teacher", "evaluator")
}
"""What every record must say that one of these had a part in, by model name."""
