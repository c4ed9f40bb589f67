"""A slow pattern is asked only where a first look finds one of its words: it must never miss what the pattern finds."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.recipes.personas import rules
from graphs.rules import guard, style

PERSONAS = [
    *((pattern, lambda text: rules._MARK.search(text) is not None) for pattern, _ in rules._FORM),
    (rules._META, lambda text: any(word in text.casefold() for word in rules._OF_META)),
    (rules._ABOUT_TEXT, lambda text: any(word in text.casefold() for word in rules._OF_ABOUT)),
]
LOOP = [
    (guard._META, lambda text: any(word in text.casefold() for word in guard._OF_META)),
    (style._META, lambda text: any(word in text.casefold() for word in style._OF_META)),
]


@pytest.mark.parametrize(("pattern", "look"), [*PERSONAS, *LOOP], ids=lambda it: getattr(it, "pattern", "")[:24])
def test_a_first_look_lets_pass_whatever_its_pattern_finds(
    pattern: re.Pattern[str], look: Callable[[str], bool]
) -> None:
    @given(st.from_regex(pattern))
    def let_through(text: str) -> None:
        assert look(text), text

    let_through()
