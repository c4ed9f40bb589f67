"""The figures of a whole output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from graphs.recipes.base import Draft, Slot
from graphs.recipes.personas.cast import Persona


def report(
    cast: Iterable[Persona], accepted: Iterable[tuple[Slot, Draft]], lost: dict[str, dict[str, int]]
) -> dict[str, Any]:
    """How many examples of each persona and category, how long the answers are, and why others came to nothing.

    `lost`: outcome -> reason -> how many; a slot with several complaints counts for each kind of complaint.
    """
    personas = list(cast)
    voices: Counter[str] = Counter()
    length = questions = count = 0
    chunks: set[tuple[str, str]] = set()
    for slot, draft in accepted:
        _, user, assistant = draft.example["messages"]
        voices[slot.plan["persona"]] += 1
        length += len(assistant["content"])
        questions += len(user["content"])
        count += 1
        chunks.add((str(slot.plan["chunk"]["source_id"]), str(slot.plan["chunk"]["id"])))
    kinds: Counter[str] = Counter()
    for reasons in lost.values():
        for reason, number in reasons.items():
            for kind in {part.split(":")[0].strip() for part in reason.split("; ")}:
                kinds[kind] += number
    categories: Counter[str] = Counter()
    for persona in personas:
        categories[persona.category] += voices[persona.name]
    return {
        "chunks_with_examples": len(chunks),
        "system_prompt_distribution": {p.name: voices[p.name] for p in personas},
        "category_distribution": dict(categories),
        "average_response_length": round(length / count) if count else 0,
        "average_question_length": round(questions / count) if count else 0,
        "failures_by_reason": dict(kinds.most_common()),
    }
