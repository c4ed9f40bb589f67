"""Passages proposed from a book: by the offline models, and by a teacher that says what it likes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from agents.evaluator import Evaluator
from agents.gateway import Gateway
from agents.inner_life import density, traces
from agents.line import Line
from agents.models import Catalog
from agents.teacher import Teacher
from graphs.generate import Makers, build, generate
from graphs.recipes.base import Draft, Generated, Lost, Made, Slot, Source, Turn, Unreadable
from graphs.recipes.candidates.quoting import find, shared
from graphs.recipes.candidates.recipe import Candidates
from graphs.recipes.options import CandidatesOptions
from graphs.recipes.passages.blocks import normal, not_in, read
from graphs.recipes.passages.windows import windows
from tests.recipes.candidates.book import INNER, book, plain


def candidates(text: str, count: int) -> Candidates:
    items = [Source(n, f"i{n}", w.model_dump_json()) for n, w in enumerate(windows(text, "book.txt"))]

    def sources() -> Iterator[Source]:
        yield from items

    return Candidates(CandidatesOptions(count=count), sources, 0)


async def made(recipe: Candidates, slots: list[Slot]) -> list[tuple[Slot, Generated]]:
    line = Line(Gateway(Catalog()))
    makers = Makers(Teacher(line, "offline/teacher"), Evaluator(line, "offline/evaluator"), recipe)
    graph = build()
    return [(slot, await generate(graph, slot, makers)) for slot in slots]


def accepted(results: list[tuple[Slot, Generated]]) -> list[tuple[Slot, Draft]]:
    return [(slot, result.draft) for slot, result in results if result.outcome is Made.ACCEPTED and result.draft]


async def test_offline_finds_the_inner_passage_of_each_chapter() -> None:
    recipe = candidates(book(), 6)
    results = await made(recipe, list(recipe.slots()))
    report = recipe.report(accepted(results), {})
    assert (report["wanted"], report["passages"]) == (6, 6)
    blocks, faults = read(report["markdown"])
    assert faults == []
    assert not_in(blocks, book()) == []
    for block, inner in zip(blocks, INNER, strict=True):
        assert shared(block.passage.passage, inner) == 1.0
        assert block.passage.source == "book.txt"
        assert "1" in block.passage.templates
        assert 1 <= len(block.passage.core_phenomenology.split(", ")) <= 4
    assert blocks[0].passage.title.startswith("Martha’s ")
    assert len({block.passage.core_phenomenology for block in blocks}) == 6
    assert report["lines"] == sorted(report["lines"])


async def test_where_nothing_is_felt_nothing_is_proposed() -> None:
    recipe = candidates("\n\n".join(plain(n, 12) for n in range(12)), 3)
    results = await made(recipe, list(recipe.slots()))
    assert {result.outcome for _, result in results} == {Made.DROPPED}
    report = recipe.report([], {})
    assert report["passages"] == 0
    assert "gave no passage" in report["short"]


def test_the_plan_follows_from_the_book_alone() -> None:
    slots = list(candidates(book(), 4).slots())
    assert slots == list(candidates(book(), 4).slots())
    assert [slot.plan["stretch"] for slot in slots] == [0, 1, 2, 3]
    lost = [Lost(slots[1], Made.DROPPED, ""), Lost(slots[2], Made.DUPLICATE, "")]
    again = list(candidates(book(), 4).again(1, lost))
    assert [(slot.plan["stretch"], slot.plan["rank"]) for slot in again] == [(1, 1), (2, 1)]
    assert not {slot.plan["text"] for slot in again} & {slot.plan["text"] for slot in slots}


def test_a_short_text_is_cut_finer_and_says_when_it_is_too_short() -> None:
    text = "\n\n".join(INNER)
    recipe = candidates(text, 3)
    parts = [slot.plan["text"] for slot in recipe.slots()]
    assert len(parts) == 3
    assert all(normal(part) in normal(text) for part in parts)
    few = candidates(text, 50)
    assert 1 < len(list(few.slots())) < 6
    assert "long enough for" in few.report([], {})["short"]
    assert list(candidates("CHAPTER 1\n", 5).slots()) == []


def reply(**changed: Any) -> str:
    said = {"quote": INNER[0], "title": "Martha’s waking", "core_phenomenology": "lost dream, joy", "templates": [1, 4]}
    return json.dumps(said | changed, ensure_ascii=False)


@pytest.fixture
def slot() -> Slot:
    return next(iter(candidates(book(), 6).slots()))


@pytest.mark.parametrize(
    "quote",
    [
        INNER[0],
        f"“{INNER[0]}”",
        INNER[0].replace(" ", "\n  ", 5),
        INNER[0].replace("did not know", "did not knew"),
        INNER[0][20:-12],
        INNER[0].replace("’", "'"),
    ],
)
def test_a_quote_becomes_the_books_own_words(quote: str, slot: Slot) -> None:
    recipe = candidates(book(), 6)
    draft = recipe.read(slot, f"Here it is:\n```json\n{reply(quote=quote)}\n```")
    assert draft.example["passage"] == INNER[0]
    assert recipe.check(slot, draft) == []


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        (
            {"quote": INNER[0].replace("happy", "glad").replace("dream", "night")[:120] + " And so she wept."},
            "not in the text",
        ),
        ({"quote": "Martha woke and did not know where she was."}, "9 words; choose 40 to 150"),
        ({"quote": plain(1, 12) + " " + plain(2, 12)}, "words; choose|not in the text"),
        ({"title": ""}, "title"),
        ({"title": "a " * 13}, "title"),
        ({"core_phenomenology": ""}, "core_phenomenology"),
        ({"core_phenomenology": "she wakes and she does not know where she is at all"}, "core_phenomenology"),
        ({"core_phenomenology": "joy, states of mind"}, "names no experience"),
        ({"templates": []}, "at least one"),
        ({"templates": [1, 7]}, "no template 7"),
    ],
)
def test_what_is_wrong_is_said(changed: dict[str, Any], complaint: str, slot: Slot) -> None:
    recipe = candidates(book(), 6)
    found = recipe.check(slot, recipe.read(slot, reply(**changed)))
    assert any(re.search(complaint, said) for said in found), found


@pytest.mark.parametrize("text", ["", "no passage here", "[1, 2]", '{"quote": ""}', '{"quote": 5}', "{"])
def test_what_holds_no_passage_is_unreadable(text: str, slot: Slot) -> None:
    with pytest.raises(Unreadable):
        candidates(book(), 6).read(slot, text)


def test_lists_and_lines_are_taken_as_they_are_meant(slot: Slot) -> None:
    text = reply(core_phenomenology=["Lost dream.", "joy", "joy"], templates="4, 1")
    example = candidates(book(), 6).read(slot, text).example
    assert (example["core_phenomenology"], example["templates"]) == ("Lost dream, joy", ["1", "4"])


def test_the_complaint_goes_back_with_the_reply(slot: Slot) -> None:
    recipe = candidates(book(), 6)
    turn = Turn(number=1, text="my reply", complaints=["the quote has 9 words"])
    asked = recipe.propose(slot, [turn]).prompt.user
    assert "my reply" in asked
    assert "the quote has 9 words" in asked
    assert INNER[0] in asked


def test_overlapping_passages_are_not_both_admitted(slot: Slot) -> None:
    admit = candidates(book(), 6).admission()
    assert admit(slot, Draft(example={}, words=INNER[0])) == ""
    assert admit(slot, Draft(example={}, words=INNER[1])) == ""
    half = INNER[0].partition(". ")[2] + " " + INNER[2].partition(". ")[0] + "."
    assert "overlaps" in admit(slot, Draft(example={}, words=half))


def test_find_takes_paragraphs_and_leaves_neighbours() -> None:
    text = f"{plain(1, 2)}\n\n{INNER[0]}\n\n{INNER[1]}\n\n{plain(2, 2)}"
    assert find(f"{INNER[0]} {INNER[1]}", text) == f"{INNER[0]}\n\n{INNER[1]}"
    assert find("Nobody ever said this in any chapter of the book.", text) == ""


def test_experience_is_told_from_events() -> None:
    assert min(map(density, INNER)) > 3
    assert max(density(plain(n, 12)) for n in range(20)) < 1
    assert [t.name for t in traces("He was not afraid, and never sad; he was happy.")] == ["happiness"]
    spoken, lived = "“I am so happy,” she said, and took the cup.", "She was so happy then, and she took the cup."
    assert density(spoken) < density(lived)
