"""Whether a hyphen at a line's end belongs to the word."""

from __future__ import annotations

import pytest

from services.pdf.hyphens import Vocabulary


@pytest.mark.parametrize(
    ("before", "after", "joined"),
    [
        ("a dan-", "gerous thing", "a dangerous thing"),
        ("the well-", "known song", "the well-known song"),
        ("some-", "thing else", "something else"),
        ("his mother-in-", "law came", "his mother-in-law came"),
        ("in 1914-", "18 they", "in 1914-18 they"),
        ("the Anglo-", "Saxon stone", "the Anglo-Saxon stone"),
        ("twenty-", "five men", "twenty-five men"),
        ("remem-", "bering it", "remembering it"),
        ("soft\xad", "ened light", "softened light"),
        ("he said—", "and went", "he said—and went"),
        ("he said --", "and went", "he said -- and went"),
        ("no hyphen", "here", "no hyphen here"),
        ("a sea-", "green coat", "a sea-green coat"),
    ],
)
def test_join(before: str, after: str, joined: str) -> None:
    vocabulary = Vocabulary(
        ["something is well-known and remembered", "by my father-in-law and the law", "the sea is green today"]
    )
    assert vocabulary.join(before, after) == joined


def test_the_documents_own_words_decide() -> None:
    assert Vocabulary(["the today of it"]).join("to-", "day is") == "today is"
    assert Vocabulary(["the to-day of it"]).join("to-", "day is") == "to-day is"


@pytest.mark.parametrize(
    ("before", "after", "joined"),
    [
        ("an ex-", "panding gas", "an expanding gas"),
        ("by ex-", "changing words", "by exchanging words"),
        ("its ex-", "pressed wish", "its expressed wish"),
        ("the ex-", "president came", "the ex-president came"),
        ("a so-", "called friend", "a so-called friend"),
        ("a so-", "cial question", "a social question"),
        ("a co-", "lumn marched", "a column marched"),
        ("they co-", "operate now", "they co-operate now"),
        ("speak high-", "ly of it", "speak highly of it"),
        ("of one-", "self alone", "of oneself alone"),
        ("low self-", "esteem is", "low self-esteem is"),
    ],
)
def test_short_first_halves_keep_their_hyphen_where_the_document_shows_it(before: str, after: str, joined: str) -> None:
    lines = ["the president called them, pressed and changing", "in co-operation with all"]
    assert Vocabulary(lines).join(before, after) == joined


def test_halves_at_the_ends_of_lines_are_no_evidence() -> None:
    lines = ["a con-", "stant wind, and a con-", "stant sea, and no con-", "stant friend"]
    assert Vocabulary(lines).join("con-", "stant") == "constant"
