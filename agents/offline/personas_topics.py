"""How the rule-based writer speaks about a word of a theme: a matter as it is, persons and things by what they stand
for, a word that is not known with an article."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

MATTERS: Final = frozenset(
    re.findall(
        r"\w+",
        """
    society duty honor honour war peace love fear death danger hope happiness glory power money wealth freedom justice
    truth fate victory defeat loyalty obedience discipline courage patience faith pride ambition hunger suffering
    poverty
    greed silence knowledge science labor labour equality brotherhood solidarity authority rank law progress harmony
    punishment despair tyranny cruelty suspicion sacrifice strategy virtue evil conscience kindness reason destiny
    nature
    winter betrayal deception inheritance fortune influence conquest rebellion revolution struggle resistance liberty
    patriotism belief work endurance strength hardship perseverance travel distance illness bread water food life joy
    reform wisdom government command medicine mathematics astronomy terror darkness execution escape humanity discovery
    research observation theory invention intelligence calculation prosperity perfection abundance oppression secrecy
    """,
    )
)
_MEANS: Final = {
    "high birth": "princes princesses nobility crowns thrones",
    "power": "emperors kings queens tsars empires ministers governors",
    "rank": "counts countesses officials servants masters serfs",
    "command": "officers generals commanders orders",
    "war": "armies soldiers battles regiments campaigns enemies retreat attack wounds maneuvers defense defence",
    "labor": "peasants workers machines engines mechanisms wheels",
    "fellowship": "people comrades crowds citizens masses neighbors neighbours community allies alliances union",
    "trust": "plans plots schemes intrigues secrets spies traitors masks mystery shadows whispers lies rumors rumours",
    "fame": "heroes speeches newspapers letters banners proclamations manifestos",
    "wealth": "gold riches",
    "home": "villages estates",
    "departure": "roads journeys rivers ships horses maps mountains forests scouts",
}
STANDS_FOR: Final = {word: matter for matter, words in _MEANS.items() for word in words.split()}


@lru_cache(maxsize=1 << 15)
def singular(word: str) -> str:
    """A word for comparison: lower case, without plural and possessive. "fate" and "fat" stay two words."""
    word = word.casefold().removesuffix("'s").removesuffix("’s")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "ches", "shes", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


class Topic(NamedTuple):
    """`key` is the word as it was given; `matter` is what the talk is about."""

    key: str
    matter: str


def topic(word: str) -> Topic:
    """How to speak of a word."""
    if word in MATTERS or word.startswith("the ") or word[:1].isupper():
        return Topic(word, word)
    if matter := STANDS_FOR.get(word):
        return Topic(word, matter)
    return Topic(word, word if word.endswith("s") or " " in word else f"the {word}")


def best_first(words: list[str]) -> list[Topic]:
    """The words as topics: matters, then what stands for one, then the rest."""
    topics = [topic(word) for word in words]
    return sorted(topics, key=lambda t: 0 if t.key in MATTERS else 1 if t.key in STANDS_FOR else 2)
