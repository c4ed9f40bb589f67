"""The second workload: 500 chats in the voices of personas made of as many chunks, 1167 calls of 100 ms, 100 at once.

An example takes a proposal and a rating; every third proposal misses the chunk's theme and is mended first.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import agents
from agents.wire import Message
from graphs.recipes.base import Slot, Source, Turn
from graphs.recipes.options import PersonasOptions
from graphs.recipes.personas.recipe import Personas
from tests.bench.workload import EXAMPLES, PAD

THEME = "ledger"
_CHUNK = re.compile(rb"Bay number (\d+) of the harbour")
_PROMPTS = Path(agents.__file__).parent / "prompts"
_PROPOSAL, _RATING = (
    (_PROMPTS / f"{name}.md").read_text("utf-8").splitlines()[1].encode() for name in ("propose_chat", "rate_chat")
)
_MENDED = b"was not accepted"
_WORDS = [
    "bread", "water", "stone", "lamp", "rope", "bridge", "winter", "harvest", "engine", "tunnel", "garden", "signal",
    "captain", "bishop", "pawn", "rook", "square", "patience", "labour", "duty", "courage", "silence", "morning",
    "evening", "iron", "glass", "copper", "timber", "hands", "voices", "children", "workers", "comrades", "settlers",
    "pilots", "masons", "bakers", "teachers", "windows", "doors", "ladders", "wheels", "furnaces", "kitchens",
    "fields", "rivers",
]  # fmt: skip


def poor(ident: int) -> bool:
    """Whether the first proposal for a chunk has to be mended."""
    return ident % 3 == 0


def calls(examples: int) -> int:
    """Proposals and ratings for so many chunks, an example each."""
    return sum(3 if poor(i) else 2 for i in range(examples))


def chunk(ident: int) -> str:
    """One chunk as a filter writes it, some 1,000 characters."""
    text = f"Bay number {ident} of the harbour is kept by two sisters. {PAD}"
    row = {"id": f"bay_{ident}", "source_id": 1, "source_title": "The Harbour Book", "text": text}
    return json.dumps(row | {"keywords": [THEME]})


def chunks(examples: int) -> Iterator[bytes]:
    """The chunks as lines of JSONL."""
    return ((chunk(i) + "\n").encode() for i in range(examples))


def recipe() -> Personas:
    """The recipe over EXAMPLES chunks, one example each."""
    sources = [Source(i, str(i), chunk(i)) for i in range(EXAMPLES)]
    return Personas(PersonasOptions(examples_per_chunk=1), lambda: sources, 0)


def asks(body: bytes) -> bool:
    """Whether a request is of this workload."""
    return _PROPOSAL in body or _RATING in body


def say(body: bytes) -> str:
    """What the model says to a request of this workload."""
    if _RATING in body:
        scores = {"question": 0.9, "voice": 0.8, "grounded": 0.8, "period": 1.0, "useful": 0.9}
        return json.dumps({"critique": "The last sentence could be warmer."} | scores)
    found = _CHUNK.search(body)
    ident = int(found[1]) if found else 0
    return exchange(ident, mended=_MENDED in body or not poor(ident))


def exchange(ident: int, *, mended: bool) -> str:
    """A proposal for a chunk: words drawn by its number, so that no two answers are alike."""
    draw = random.Random(ident)
    said = " ".join(
        f"{draw.choice(_WORDS).capitalize()} {' '.join(draw.sample(_WORDS, 11))} {draw.randrange(10**6)}."
        for _ in range(3)
    )
    end = f"The {THEME} will show it." if mended else "The evening will show it."
    return json.dumps(
        {"user": f"Deep Red, who mends bay {ident} when the sisters are ill?", "assistant": f"{said} {end}"}
    )


def prompts() -> Iterator[list[list[Message]]]:
    """The messages of each example's calls, as the recipe renders them."""
    made = recipe()
    for ident, slot in enumerate(made.slots()):
        yield [*_proposals(made, slot, ident), _rating(made, slot, ident)]


def _proposals(made: Personas, slot: Slot, ident: int) -> Iterator[list[Message]]:
    yield made.propose(slot, []).prompt.messages()
    if poor(ident):
        text = exchange(ident, mended=False)
        draft = made.read(slot, text)
        yield made.propose(slot, [Turn(number=1, text=text, complaints=made.check(slot, draft))]).prompt.messages()


def _rating(made: Personas, slot: Slot, ident: int) -> list[Message]:
    draft = made.read(slot, exchange(ident, mended=True))
    assert made.check(slot, draft) == []
    return made.rubric(slot, draft).ask.prompt.messages()
