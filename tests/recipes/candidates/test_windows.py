"""A text as windows, whichever way its lines are broken."""

from __future__ import annotations

import textwrap

import pytest

from graphs.recipes.passages.windows import WORDS, paragraphs, sentences, windows
from tests.recipes.candidates.book import INNER, book


def _wrapped(text: str) -> str:
    return "\n\n".join(textwrap.fill(p, 70, break_on_hyphens=False) for p in text.split("\n\n"))


@pytest.mark.parametrize(
    "shape", [str, _wrapped, lambda text: text.replace("\n\n", "\n"), lambda text: "\ufeff" + text]
)
def test_the_same_paragraphs_however_they_are_set(shape: object) -> None:
    text = shape(book())  # type: ignore[operator]
    assert [p.text for p in paragraphs(text)] == book().strip().split("\n\n")


def test_windows_hold_the_text_once_in_its_order() -> None:
    found = list(windows(book(), "book.txt"))
    said = "\n\n".join(w.text for w in found)
    assert said == "\n\n".join(p for p in book().strip().split("\n\n") if not p.startswith("CHAPTER"))
    assert {w.heading for w in found} == {f"CHAPTER {n}" for n in range(1, 7)}
    assert all(len(w.text.split()) < 2 * WORDS for w in found)
    lines = book().splitlines()
    assert all(lines[w.line - 1].startswith(w.text[:40]) for w in found)


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    long = " ".join(INNER * 8)
    parts = [w.text for w in windows(long, "x")]
    assert len(parts) > 2
    assert " ".join(parts) == long
    assert all(part[-1] == "." for part in parts)


def test_sentences() -> None:
    said = "She asked, “Who is it?” Mr. Ode said: “Nobody.” And so on... Then? J. R. came at 5.30 today."
    assert sentences(said) == [
        "She asked, “Who is it?”",
        "Mr. Ode said: “Nobody.”",
        "And so on...",
        "Then?",
        "J. R. came at 5.30 today.",
    ]
    assert " ".join(sentences(INNER[0])) == INNER[0]
