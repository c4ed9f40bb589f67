"""The figures of a whole output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from graphs.recipes.base import Draft, Lost, Slot
from graphs.recipes.personas.cast import Persona


def report(cast: Iterable[Persona], accepted: Iterable[tuple[Slot, Draft]], gone: Iterable[Lost]) -> dict[str, Any]:
    """How many examples of each persona and category, how long the answers are, and why others came to nothing.

    An example that was never made counts once, for the kind of its last attempt's first complaint.
    """
    personas = list(cast)
    voices: Counter[str] = Counter()
    length = questions = count = 0
    chunks: set[tuple[str, str]] = set()
    made: set[str] = set()
    for slot, draft in accepted:
        made.add(slot.plan["place"])
        _, user, assistant = draft.example["messages"]
        voices[slot.plan["persona"]] += 1
        length += len(assistant["content"])
        questions += len(user["content"])
        count += 1
        chunks.add((str(slot.plan["chunk"]["source_id"]), str(slot.plan["chunk"]["id"])))
    short = {one.slot.plan["place"]: one.reason for one in gone if one.slot.plan["place"] not in made}
    kinds = Counter(reason.split(":")[0].strip() for reason in short.values())
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
