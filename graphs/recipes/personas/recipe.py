"""Chunks times personas: a question that somebody of the colony would ask, and an answer in one persona's voice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from agents.prompting import render
from agents.replies import read_json
from graphs.recipes.base import Admit, Ask, Draft, Example, Lost, Made, Rating, Rubric, Slot, Sources, Turn, Unreadable
from graphs.recipes.neardup import NearDuplicates
from graphs.recipes.options import PersonasOptions
from graphs.recipes.personas.cast import Persona, packaged, read_personas
from graphs.recipes.personas.chunks import Chunk
from graphs.recipes.personas.plan import asking, manner, rounds
from graphs.recipes.personas.report import report
from graphs.recipes.personas.rules import Bounds, complaints
from graphs.recipes.personas.words import Anachronisms, keywords

EXAMPLES_PER_CHUNK: Final = 2
LEAST: Final = 50
REPLACED: Final = 2
"""How often a lost example is planned anew, with another asker and other sentences to learn the voice from."""
_LABELLED: Final = re.compile(
    r"^[\W_]*(?:user|question)\b[\W_]*?:[\W_]*(.+?)\s*\n[\W_]*(?:assistant|answer|deep red)\b[\W_]*?:[*_\s]*(.+)$",
    re.IGNORECASE | re.DOTALL,
)
Score = Annotated[float, Field(ge=0, le=1)]


class ChatRating(Rating):
    """What only a judge can tell of an exchange."""

    question: Score
    """Natural, of the theme, understood without the source."""
    voice: Score
    """The answer is the persona's, not just anybody's."""
    grounded: Score
    """It takes up what the source is about."""
    period: Score
    """Nothing in it is of a later time."""
    useful: Score
    """One would train on it."""


class Personas:
    """The recipe over one dataset of chunks. Raises ValueError for personas that can't be read."""

    def __init__(self, options: PersonasOptions, sources: Sources, seed: int) -> None:
        self._options, self._sources, self._seed = options, sources, seed
        cast = read_personas(options.personas_yaml) if options.personas_yaml.strip() else packaged()
        self._cast: dict[str, Persona] = {p.name: p for p in cast}
        self._bounds = Bounds(options.min_length or LEAST, options.max_length)
        if 0 < options.max_length < self._bounds.least:
            raise ValueError(f"max_length {options.max_length} is less than min_length {self._bounds.least}")
        self._modern = Anachronisms(options.allowed_words)

    def slots(self) -> Iterator[Slot]:
        """Every chunk in turn, the personas evenly over all of them, different ones for one chunk."""
        each = self._options.examples_per_chunk or EXAMPLES_PER_CHUNK
        voices = rounds(list(self._cast), each, f"{self._seed}:personas")
        for number, source in enumerate(self._sources()):
            if self._options.max_chunks and number >= self._options.max_chunks:
                return
            chunk = Chunk.model_validate_json(source.raw)
            shared = {"chunk": json.loads(source.raw), "keywords": keywords(chunk)}
            for copy in range(each):
                yield self._slot(shared, next(voices), f"{source.seq}:{copy}", 0)

    def again(self, wave: int, lost: Sequence[Lost]) -> Iterator[Slot]:
        """The same chunk and persona for another asker, so that the distribution stays even."""
        if wave > REPLACED:
            return
        for slot, outcome, _ in lost:
            if outcome in (Made.DROPPED, Made.DUPLICATE):
                plan = slot.plan
                shared = {"chunk": plan["chunk"], "keywords": plan["keywords"]}
                yield self._slot(shared, plan["persona"], plan["place"], wave)

    def propose(self, slot: Slot, earlier: Sequence[Turn]) -> Ask:
        """The persona's system message and voice, who asks, and the chunk; what was wrong before."""
        plan, chunk, persona = slot.plan, _chunk(slot), self._persona(slot)
        last = earlier[-1] if earlier else None
        prompt = render(
            "propose_chat",
            system=persona.system,
            voice=persona.voice,
            images=", ".join(persona.images),
            manner=plan["manner"],
            asker=plan["asker"],
            aim=plan["aim"],
            keywords=", ".join(plan["keywords"]),
            title=" ".join(chunk.source_title.split()),
            text=chunk.text,
            least=self._bounds.least,
            most=self._bounds.most,
            complaints=[*last.complaints, *([last.critique] if last.critique else [])] if last else [],
        )
        return Ask("propose_chat", prompt)

    def read(self, slot: Slot, text: str) -> Draft:
        """The exchange in a reply: a JSON object, in a fence or among other words, or two labelled parts."""
        user, assistant = _exchange(text)
        return Draft(example=self._example(slot, user, assistant), words=assistant)

    def check(self, slot: Slot, draft: Draft) -> list[str]:
        """What breaks a rule."""
        user, assistant = _said(draft)
        plan, persona = slot.plan, self._persona(slot)
        asked_by = f"{plan['asker']} {plan['aim']}"
        words = plan["keywords"]
        return complaints(user, assistant, asked_by, _chunk(slot), persona, words, self._bounds, self._modern)

    def rubric(self, slot: Slot, draft: Draft) -> Rubric:
        """Question, voice, matter, era, use."""
        user, assistant = _said(draft)
        persona = self._persona(slot)
        prompt = render(
            "rate_chat",
            system=persona.system,
            voice=persona.voice,
            images=", ".join(persona.images),
            text=_chunk(slot).text,
            user=user,
            assistant=assistant,
        )
        return Rubric(Ask("rate_chat", prompt), ChatRating)

    def admission(self) -> Admit:
        """No answer twice in the whole output, nor almost."""
        seen = NearDuplicates()

        def admit(_: Slot, draft: Draft) -> str:
            earlier = seen.add(draft.words)
            return "" if earlier is None else "Near duplicate: another answer of this output says almost the same."

        return admit

    def report(
        self,
        accepted: Iterable[tuple[Slot, Draft]],
        lost: dict[str, dict[str, int]],
        gone: Sequence[Lost] = (),
    ) -> dict[str, Any]:
        """The figures of the run's stats file."""
        del lost  # counts a place once for each of its waves
        return report(self._cast.values(), accepted, gone)

    def _slot(self, shared: dict[str, Any], persona: str, place: str, wave: int) -> Slot:
        name = f"{place}:{wave}"
        asker, aim = asking(self._seed, name)
        said = manner(self._cast[persona], self._seed, name)
        plan = {**shared, "persona": persona, "place": place, "asker": asker, "aim": aim, "manner": said}
        return Slot(plan=plan)

    def _persona(self, slot: Slot) -> Persona:
        return self._cast[slot.plan["persona"]]

    def _example(self, slot: Slot, user: str, assistant: str) -> Example:
        chunk, persona = _chunk(slot), self._persona(slot)
        return {
            "messages": [
                {"role": "system", "content": persona.system},
                {"role": "user", "content": user},
                {"role": "assistant", "content": assistant},
            ],
            "metadata": {
                "persona": persona.name,
                "category": persona.category,
                "chunk_id": chunk.id,
                "source_id": chunk.source_id,
                "source_title": chunk.source_title,
            },
        }


def _chunk(slot: Slot) -> Chunk:
    return Chunk.model_validate(slot.plan["chunk"])


def _said(draft: Draft) -> tuple[str, str]:
    _, user, assistant = draft.example["messages"]
    return user["content"], assistant["content"]


def _chatty(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError:
        return None


def _exchange(text: str) -> tuple[str, str]:
    try:
        found = json.loads(text) if text.startswith("{") else read_json(text)
    except (ValueError, RecursionError):
        found = _chatty(text)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if isinstance(found, dict):
        user, assistant = found.get("user"), found.get("assistant")
    else:
        labelled = _LABELLED.search(text)
        user, assistant = labelled.groups() if labelled else (None, None)
    if not isinstance(user, str) or not isinstance(assistant, str) or not user.strip() or not assistant.strip():
        raise Unreadable('Unreadable: reply with one JSON object that has the texts "user" and "assistant", no more.')
    return user.strip(), assistant.strip()
