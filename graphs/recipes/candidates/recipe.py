"""The recipe `candidates`: passages of a book that show a mind from within, quoted exactly, spread over the book."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from agents.prompting import render
from agents.replies import read_json
from graphs.recipes.base import Admit, Ask, Draft, Lost, Rating, Rubric, Slot, Sources, Turn, Unreadable
from graphs.recipes.candidates import quoting
from graphs.recipes.candidates.plan import Spot, Stretches
from graphs.recipes.options import CandidatesOptions
from graphs.recipes.passages.blocks import Passage, normal, write

COUNT: Final = 20
TEMPLATES: Final = ("1", "2", "3", "4", "5")
"""Numbers of the packaged templates; the prompt tells what each is for."""
ASKED: Final = (40, 150)
ALLOWED: Final = (30, 200)
"""Words of a passage: what the teacher is asked for, and what is let pass."""
_SHARED: Final = 0.3
"""Part of a passage's sentences that an earlier one may have too."""
_EMPTY: Final = re.compile(
    r"phenomenology|states? of (?:the )?mind|movements? of the mind|inner experience|kinds? of experience|^\W*$",
    re.I,
)
"""What a small model writes that repeats the question."""

Score = Annotated[float, Field(ge=0, le=1)]


class PassageRating(Rating):
    """What the evaluator says of a candidate."""

    inner: Score
    whole: Score
    named: Score


class Candidates:
    """One slot a stretch of the book; where its best window gives nothing, the next best is asked."""

    def __init__(self, options: CandidatesOptions, sources: Sources, seed: int) -> None:
        del seed  # nothing is drawn: the plan follows from the book
        self._count = options.count or COUNT
        self._sources = sources
        self._read: Stretches | None = None

    @property
    def _stretches(self) -> Stretches:
        if self._read is None:
            self._read = Stretches(self._sources, self._count)
        return self._read

    def slots(self) -> Iterator[Slot]:
        """The best spot of each stretch, in the order of the book."""
        spots = [self._stretches.spot(n, 0) for n in range(self._stretches.stretches)]
        return self._slots([spot for spot in spots if spot])

    def again(self, wave: int, lost: Sequence[Lost]) -> Iterator[Slot]:
        """For each lost slot the next best spot of its stretch."""
        del wave
        nexts = [self._stretches.spot(gone.slot.plan["stretch"], gone.slot.plan["rank"] + 1) for gone in lost]
        return self._slots([spot for spot in nexts if spot])

    def propose(self, slot: Slot, earlier: Sequence[Turn]) -> Ask:
        """As base.Recipe."""
        last = earlier[-1] if earlier else None
        prompt = render(
            "propose_passage",
            text=slot.plan["text"],
            least=ASKED[0],
            most=ASKED[1],
            reply=last.text.strip() if last else "",
            critique=("; ".join(last.complaints) or last.critique or "It was rated too low.") if last else "",
        )
        return Ask("propose_passage", prompt)

    def read(self, slot: Slot, text: str) -> Draft:
        """The passage in a reply, in the text's own words. Raises Unreadable."""
        try:
            said = read_json(text)
        except ValueError as error:
            raise Unreadable(f"{error}; write one JSON object") from None
        if not isinstance(said, dict):
            raise Unreadable("write one JSON object, not a list")
        quote = said.get("quote")
        if not isinstance(quote, str) or not quote.strip():
            raise Unreadable('"quote" has to hold the passage as text')
        found = quoting.find(quote, slot.plan["text"])
        passage = Passage(
            title=" ".join(str(said.get("title") or "").split()).strip("\"'*# "),
            passage=found or " ".join(quote.split()),
            core_phenomenology=_listed(said.get("core_phenomenology")),
            templates=_numbers(said.get("templates")),
            source=slot.plan["source"],
        )
        return Draft(example=passage.model_dump(), words=passage.passage)

    def check(self, slot: Slot, draft: Draft) -> list[str]:
        """As base.Recipe."""
        said = Passage.model_validate(draft.example)
        found: list[str] = []
        if normal(said.passage) not in normal(slot.plan["text"]):
            found.append(
                "the quote is not in the text as it stands there: "
                f"{quoting.where_it_leaves(said.passage, slot.plan['text'])}; copy letter by letter"
            )
        elif not ALLOWED[0] <= (words := len(said.passage.split())) <= ALLOWED[1]:
            found.append(f"the quote has {words} words; choose {ASKED[0]} to {ASKED[1]}")
        if not 1 <= len(said.title.split()) <= 12:
            found.append("the title has to have 2 to 7 words")
        kinds = [kind.strip() for kind in said.core_phenomenology.split(",")]
        if not said.core_phenomenology or len(kinds) > 6 or any(len(kind.split()) > 8 for kind in kinds):
            found.append(
                '"core_phenomenology" has to list two to four feelings or movements of the mind, 1 to 4 words each'
            )
        elif echoed := [kind for kind in kinds if _EMPTY.search(kind)]:
            found.append(
                f'"{echoed[0]}" names no experience; say which feeling or movement of the mind the quote shows'
            )
        if not said.templates:
            found.append('"templates" has to list at least one number')
        elif unknown := [number for number in said.templates if number not in TEMPLATES]:
            found.append(f"there is no template {', '.join(unknown)}; there are {', '.join(TEMPLATES)}")
        return found

    def rubric(self, slot: Slot, draft: Draft) -> Rubric | None:
        """As base.Recipe."""
        del slot
        said = Passage.model_validate(draft.example)
        prompt = render("rate_passage", passage=said.passage, core_phenomenology=said.core_phenomenology)
        return Rubric(Ask("rate_passage", prompt), PassageRating)

    def admission(self) -> Admit:
        """No passage of which another one holds a good part already."""
        kept: list[str] = []

        def admit(slot: Slot, draft: Draft) -> str:
            del slot
            if any(quoting.shared(draft.words, other) > _SHARED for other in kept):
                return "it overlaps with an earlier passage"
            kept.append(draft.words)
            return ""

        return admit

    def report(
        self,
        accepted: Iterable[tuple[Slot, Draft]],
        lost: dict[str, dict[str, int]],
        gone: Sequence[Lost] = (),  # noqa: ARG002
    ) -> dict[str, Any]:
        """How many, how long, which templates; and under "markdown" the whole as passages.md, in the book's order."""
        del lost
        placed = sorted(accepted, key=lambda pair: (pair[0].plan["seq"], pair[0].plan["first"]))
        passages = [Passage.model_validate(draft.example) for _, draft in placed]
        lengths = [len(p.passage.split()) for p in passages]
        report: dict[str, Any] = {
            "wanted": self._count,
            "passages": len(passages),
            "words": {"least": min(lengths), "most": max(lengths)} if lengths else {},
            "templates": {n: sum(n in p.templates for p in passages) for n in TEMPLATES},
            "lines": [slot.plan["line"] for slot, _ in placed],
            "markdown": write(passages),
        }
        if len(passages) < self._count:
            report["short"] = self._why_short(len(passages))
        return report

    def _why_short(self, passages: int) -> str:
        if self._stretches.stretches < self._count:
            return f"the text is long enough for {self._stretches.stretches} passages, of which {passages} were found"
        return f"{self._count - passages} of {self._count} stretches of the text gave no passage that could be used"

    def _slots(self, spots: list[Spot]) -> Iterator[Slot]:
        for spot, window in self._stretches.read(spots):
            piece = spot.piece
            yield Slot(
                plan={
                    "stretch": spot.stretch,
                    "rank": spot.rank,
                    "seq": piece.seq,
                    "first": piece.first,
                    "density": piece.density,
                    **window.model_dump(),
                }
            )


def _listed(said: object) -> str:
    """Kinds of experience as one line, from text or a list."""
    parts = said if isinstance(said, list) else re.split(r"[,;\n]", str(said or ""))
    kinds = [" ".join(str(p).split()).strip(" .\"'*-") for p in parts]
    return ", ".join(dict.fromkeys(kind for kind in kinds if kind))


def _numbers(said: object) -> list[str]:
    """Template numbers, from a list or text, each once and in order."""
    parts = said if isinstance(said, list) else [said]
    return sorted({n for part in parts for n in re.findall(r"\d+", str(part))})
