"""Near duplicates: what counts as one, against a plain comparison of every pair, in every process, and at size."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.recipes.neardup import NearDuplicates, grams, jaccard, normal

VOCABULARY = [
    "harbour", "lamp", "winter", "train", "ledger", "orchard", "signal", "kettle", "bridge", "copper", "window",
    "letter", "garden", "engine", "ribbon", "violin", "market", "anchor", "candle", "sparrow", "marble", "pepper",
    "saddle", "tunnel", "basket", "meadow", "turnip", "pulley", "chimney", "ladder", "barrel", "cobbler",
]  # fmt: skip


def sentence(rng: random.Random, length: int) -> list[str]:
    return [rng.choice(VOCABULARY) + str(rng.randrange(40)) for _ in range(length)]


@pytest.mark.parametrize(
    ("first", "second", "near"),
    [
        ("List the open pull requests.", "list the open pull requests", True),
        ("List  the open pull requests.", "List all the open pull requests.", False),
        ("List the open pull requests.", "Close issue 12, please.", False),
        ("Straße", "STRASSE", True),
        ("a", "b", False),
        ("", "", True),
        ("", "a", False),
        ("\ud800 half a character", "\ud800 half a character", True),
        ("café", "cafe\u0301", True),
    ],
)
def test_what_counts_as_near(first: str, second: str, near: bool) -> None:
    seen = NearDuplicates()
    assert seen.add(first) is None
    assert seen.add(second) == (first if near else None)
    assert len(seen) == (1 if near else 2)


def test_words_alike_in_letters_alone_are_no_duplicates() -> None:
    seen = NearDuplicates()
    assert seen.add("the clerk sealed the letter and sent the boy to the harbour before the lamps were lit") is None
    assert seen.add("before the lamps were lit the boy sent to the harbour and the letter the clerk sealed") is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab  é."), max_size=60), max_size=30))
def test_no_pair_that_a_plain_comparison_finds_is_missed_and_none_is_made_up(texts: list[str]) -> None:
    seen, kept = NearDuplicates(), list[str]()
    for text in texts:
        near = [k for k in kept if jaccard(grams(normal(k)), grams(normal(text))) >= 0.8]
        found = seen.add(text)
        assert (found in near) if near else (found is None)
        if found is None:
            kept.append(text)


def test_edited_copies_are_found_and_looser_ones_let_through() -> None:
    rng = random.Random(4)
    seen = NearDuplicates()
    originals = [sentence(rng, 60) for _ in range(700)]
    assert all(seen.add(" ".join(words)) is None for words in originals)
    for words in originals[::10]:
        copy = [*words[:30], "otherwise", *words[31:]]  # 3 of 58 grams differ: Jaccard 0.90
        assert seen.add(" ".join(copy)) == " ".join(words)
        loose = [*words[:10], "one", *words[11:30], "two", *words[31:50], "three", *words[51:]]  # 0.73
        assert seen.add(" ".join(loose)) is None


def test_every_process_finds_the_same() -> None:
    program = (
        "import random\nfrom graphs.recipes.neardup import NearDuplicates\n"
        "rng, seen = random.Random(1), NearDuplicates()\n"
        "print([seen.add(''.join(rng.choices(['a ', 'b ', 'c'], k=12))) for _ in range(300)])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1


def test_ten_times_the_texts_take_about_ten_times_as_long() -> None:
    rng = random.Random(7)
    texts = [" ".join(["you", "are", "right", "comrade", "and", *sentence(rng, 25)]) for _ in range(2000)]
    seen = NearDuplicates()
    took = []
    for part in (texts[:200], texts[200:]):
        begin = time.process_time()
        assert all(seen.add(text) is None for text in part)
        took.append(time.process_time() - begin)
    assert took[1] < 9 * took[0] * 3  # nine times the texts, three times the time for each at most
