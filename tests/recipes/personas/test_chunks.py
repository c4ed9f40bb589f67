"""Chunks in both spellings, what they show, and what their time did not know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.recipes.personas.cast import Persona, packaged, read_personas
from graphs.recipes.personas.chunks import Chunk, read_chunk
from graphs.recipes.personas.words import Anachronisms, keywords, shown, table

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared/data/war_and_peace_chunks.jsonl"
GREEDY = ROOT.parent / "shared/data/deepred_anachronisms.json"
ONE = {"id": "c1", "source_id": 7, "source_title": "Tales", "text": "The duty of the keeper was a heavy one."}


def test_both_spellings_say_the_same() -> None:
    other = {"chunk_id": "c1", "work_id": 7, "work_title": "Tales", "text": ONE["text"], "length": 39}
    assert read_chunk(json.dumps(ONE)) == read_chunk(json.dumps(other))
    chunk = read_chunk(json.dumps(other))
    assert read_chunk(chunk.model_dump_json()) == chunk


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"id": ""}, "id (chunk_id)"),
        ({"id": None}, "id (chunk_id)"),
        ({"id": True}, "id of the chunk"),
        ({"id": 1.5}, "id of the chunk"),
        ({"text": " \n"}, "text"),
        ({"text": None}, "text"),
        ({"text": "a" * 20_001}, "text of the chunk has 20001"),
        ({"text": "a\0b"}, "NUL"),
        ({"text": "\ud800"}, "surrogate"),
        ({"source_id": None, "source_title": ""}, "source_title (work_title)"),
        ({"keyword_counts": {"war": "two"}}, "keyword_counts"),
        ({"keyword_counts": [1]}, "keyword_counts"),
        ({"keywords": "war"}, "keywords"),
    ],
)
def test_a_fault_names_its_field(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match="chunk") as caught:
        read_chunk(json.dumps({**ONE, **changed}))
    assert named in str(caught.value)


@given(st.text(max_size=80) | st.just("[" * 5000))
def test_no_text_is_worse_than_a_value_error(raw: str) -> None:
    with pytest.raises(ValueError, match="the chunk"):
        read_chunk(raw)


def test_provenance_is_never_null() -> None:
    titled = read_chunk(json.dumps({**ONE, "source_id": None}))
    numbered = read_chunk(json.dumps({**ONE, "source_title": None}))
    assert (titled.source_id, titled.source_title) == ("Tales", "Tales")
    assert (numbered.source_id, numbered.source_title) == (7, "7")
    assert read_chunk(json.dumps({**ONE, "id": 0})).id == 0


def chunk(text: str, **more: Any) -> Chunk:
    return read_chunk(json.dumps({**ONE, "text": text, **more}))


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        ("Of duty and of the battles.", {"keyword_counts": {"authority": 1, "revolution": 1}}, ["duty", "battles"]),
        ("He spoke of duty and of the battle.", {"keyword_counts": {"revolution": 1, "authority": 0}}, ["battles"]),
        ("The comet rose.", {"keywords": ["comet", "winter"]}, ["comet"]),
        ("He said that the train came again.", {"keyword_counts": {"rain": 2}}, ["train"]),
        ("Its lantern swung, its lantern fell.", {}, ["lantern", "swung"]),
    ],
)  # fmt: skip
def test_keywords_are_whole_words_of_the_chunk_itself(text: str, more: dict[str, Any], words: list[str]) -> None:
    found = keywords(chunk(text, **more))
    assert found[: len(words)] == words
    assert shown(found, text)


def test_a_word_inside_another_is_not_shown() -> None:
    assert not shown(["art", "war"], "He started toward the wardrobe, warmly.")
    assert not shown(["fate"], "a fat major")
    assert shown(["battles"], "the Battle, he said")


@pytest.mark.parametrize(
    "text",
    ["He saw it on the Internet.", "I read it on Twitter", "her web browser", "a meeting of key stakeholders",
     "her smartphone rang", "two e-mails", "They\nmet on-line.", "as with COVID-19"],
)  # fmt: skip
def test_later_things_are_caught(text: str) -> None:
    assert Anachronisms().find(text)


@pytest.mark.parametrize(
    "text",
    [
        "My word, friends, put on your cap: the signal is given and the windows of the opera are lit.",
        "A cloud, a stream, a tablet of stone; an apple, the Amazon, a net, a mouse, a drone of bees.",
        "The twitter of sparrows; the browser of young leaves; he was stakeholder in their wager, and had no cap.",
        "A man of deep learning and dark energy; a dark web of lies; a hard drive of ten miles to a smart home.",
        "The general led light infantry along a live stream; it was the best practice, and an open source of quarrel.",
        "A European union of princes; the smart speaker, an influencer of youth; the hours logged in his book.",
        "The lap of the countess, a virtual prisoner, based in Moscow, in matrix and digital ink.",
    ],
)
def test_period_words_pass(text: str) -> None:
    assert Anachronisms().find(text) == []


def test_a_caller_can_let_a_word_through() -> None:
    assert Anachronisms(["Internet"]).find("the internet and a laptop") == ["laptop"]
    assert Anachronisms(["hard drive to town"]).find("a hard drive to town") == []


@pytest.mark.skipif(not REAL.exists(), reason="extra data: the real chunks are not at hand")
def test_real_chunks_have_keywords_and_are_of_their_time() -> None:
    ours, greedy = Anachronisms(), json.loads(GREEDY.read_text())
    found = [read_chunk(line) for line in REAL.read_text(encoding="utf-8").splitlines()]
    assert len(found) == 600
    assert all(keywords(c) and shown(keywords(c), c.text) for c in found)
    assert sum(bool(ours.find(c.text)) for c in found) <= 3
    # Of what the published list holds and could only be modern, most is known here too.
    assert sum(bool(ours.find(f"a {term} here")) for term in greedy) > 170


def test_the_packaged_cast() -> None:
    cast = packaged()
    assert len(cast) == 22
    assert len({p.category for p in cast}) == 9
    assert len({p.system for p in cast}) == 22
    for persona in cast:
        assert min(len(persona.openings), len(persona.turns), len(persona.closings), len(persona.images)) >= 3
        said = " ".join([persona.system, *persona.openings, *persona.turns, *persona.closings])
        assert not Anachronisms().find(said)
    for kind in ("openings", "turns", "closings"):
        lines = [line for p in cast for line in getattr(p, kind)]
        assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no persona"),
        ("name: a\n", "persona a"),
        ("- 3\n", "persona number 1"),
        ("a: [", "no YAML"),
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("name: a b\ncategory: c\nsystem: You are somebody else.\nvoice: v\n", "persona a b: name"),
        ("name: a\ncategory: c\nsystem: You are somebody else.\nvoice: v\ntone: x\n", "tone"),
    ],
)
def test_a_cast_that_cannot_be_read_says_why(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_personas(text)


def test_own_personas_are_read_as_documents_or_as_a_list() -> None:
    one = "name: {}\ncategory: c\nsystem: You are somebody else.\nvoice: plain\n"
    assert [p.name for p in read_personas(f"{one.format('a')}---\n{one.format('b')}")] == ["a", "b"]
    listed = [
        Persona.model_validate({"name": n, "category": "c", "system": "You are " * 4, "voice": "v"}) for n in "ab"
    ]
    assert list(read_personas(json.dumps([p.model_dump() for p in listed]))) == listed
    with pytest.raises(ValueError, match="two personas"):
        read_personas(f"{one.format('a')}---\n{one.format('a')}")


def test_every_list_is_read() -> None:
    assert len(table("themes")) >= 16
    assert all(isinstance(w, str) and w.strip() for words in table("themes").values() for w in words)
    assert all(isinstance(t, str) for group in table("anachronisms")["terms"].values() for t in group)
