"""passages.md: written, edited by a person, and read again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.recipes.passages.blocks import Passage, not_in, read, write
from tests.recipes.candidates.book import INNER, book

FILE = f'''# Passages from book.txt

## PASSAGE 1: Martha’s waking
**Core phenomenology:** lost dream, unexplained happiness

"""
{INNER[0]}
"""

**Applicable templates:** 1, 2, 4, 5

---

## PASSAGE 2: Shame without a reason
**Core phenomenology:** shame, watching oneself

"""
{INNER[1].partition(" the coat")[0]}
the coat{INNER[1].partition(" the coat")[2]}
"""

**Applicable templates:** 1, 4
'''
PASSAGES = [
    Passage(
        title="Martha’s waking",
        passage=INNER[0],
        core_phenomenology="lost dream, unexplained happiness",
        templates=["1", "2", "4", "5"],
        source="book.txt",
    ),
    Passage(
        title="Shame without a reason",
        passage=INNER[1],
        core_phenomenology="shame, watching oneself",
        templates=["1", "4"],
        source="book.txt",
    ),
]


def test_read() -> None:
    blocks, faults = read(FILE)
    assert [block.passage for block in blocks] == PASSAGES
    assert [(block.line, block.quote) for block in blocks] == [(3, 7), (14, 18)]
    assert faults == []


def test_write_then_read() -> None:
    text = write(PASSAGES)
    assert [block.passage for block in read(text)[0]] == PASSAGES
    assert max(map(len, text.splitlines())) <= 88
    assert write(block.passage for block in read(text)[0]) == text


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("\n", "\r\n"),
        ("\n\n", "\n"),
        ("\n", " \n"),
        ("\n", "\n\n\n"),
        ("## PASSAGE 1:", "### Passage 1 –"),
        ("## PASSAGE 1:", "##PASSAGE 1."),
        ("**Core phenomenology:**", "**core phenomenology**:"),
        ("**Core phenomenology:**", "- Core Phenomenology :"),
        ("**Applicable templates:** 1, 2, 4, 5", "**Applicable templates:** 1,2 , 4 and 5."),
        ("**Applicable templates:** 1, 2, 4, 5", "Applicable templates: Template 1; template 2; 4 & 5"),
        ('"""', "“””"),
        ("---\n", ""),
        ("# Passages", "<!-- read\nagain -->\n# Passages"),
        ("# Passages", "My own notes, before the first block.\n\n# Passages"),
        (INNER[0], INNER[0].replace(" ", "\n   ", 9)),
    ],
)
def test_spacing_and_marks_are_forgiven(was: str, becomes: str) -> None:
    blocks, faults = read(FILE.replace(was, becomes))
    assert faults == []
    expected = PASSAGES
    if becomes == "\n\n\n":  # blank lines inside a quote part its paragraphs; its words stay
        assert [b.passage.passage.split() for b in blocks] == [p.passage.split() for p in expected]
        return
    assert [block.passage for block in blocks] == expected


@pytest.mark.parametrize(
    ("was", "becomes", "line", "reason"),
    [
        ("**Core phenomenology:** lost dream, unexplained happiness", "", 3, "has no .*Core phenomenology"),
        ("**Core phenomenology:** lost", "**Core phenomenolgy:** lost", 4, "belongs to no part"),
        ("1, 2, 4, 5", "", 3, "has no .*Applicable templates"),
        ("1, 2, 4, 5", "all of them", 3, "lists no numbers"),
        (f'"""\n{INNER[0]}\n"""\n', "", 3, "has no quote"),
        (f"{INNER[0]}\n", "", 3, "quote is empty"),
        (f"{INNER[0]}\n" + '"""', INNER[0], 7, "not closed"),
        (INNER[0], f'{INNER[0]}\n"""\n\n"""\nMore.', 10, "second quote"),
        ("---\n", "A line of my own.\n", 12, "belongs to no part"),
    ],
)
def test_content_is_not_forgiven(was: str, becomes: str, line: int, reason: str) -> None:
    blocks, faults = read(FILE.replace(was, becomes, 1))
    assert any(fault.line == line and re.search(reason, fault.reason) for fault in faults), faults
    assert [block.passage.title for block in blocks] == ["Shame without a reason"], "the other block stays good"


def test_the_same_passage_twice_and_an_empty_file() -> None:
    twice = FILE + FILE.partition("\n\n")[2]
    assert [fault.reason.partition(" as ")[0] for fault in read(twice)[1]] == ["the block quotes the same passage"] * 2
    assert "no block" in read("")[1][0].reason


def test_quotes_are_held_to_their_source() -> None:
    blocks, _ = read(FILE)
    assert not_in(blocks, book()) == []
    assert not_in(blocks, book().replace("  ", " ").replace(" ", "\n")) == [], "white space alone differs"
    (fault,) = not_in(read(FILE.replace("could not say of what", "could not tell of what"))[0], book())
    assert fault.line == 18
    assert "after 'was that he could not'" in fault.reason
    assert "'tell' does not follow" in fault.reason


def test_what_cannot_be_read_back_is_not_written() -> None:
    with pytest.raises(ValueError, match="passage 1"):
        write([PASSAGES[0].model_copy(update={"passage": 'He said """ and went.\n\n## PASSAGE 3: no'})])


@given(st.text(max_size=400))
def test_any_text_is_read(text: str) -> None:
    blocks, faults = read(text)
    assert blocks or faults
