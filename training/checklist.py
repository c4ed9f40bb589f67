"""Whether a passage speaks from inside: the questions a curator asks of it, each answered by a rule where one can.

Two of the questions no rule answers: whether it feels authentic, and whether many passages feel like one being. They
stand in the list, unanswered, for whoever reads the generations. The rules are cheap signs and no more: a text can
pass them all and be empty.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

_WORD: Final = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")
_SENTENCE: Final = re.compile(r"(?<=[.!?…])[\"”')\]]*\s+|\n+")
_FIRST: Final = frozenset(["i", "me", "my", "mine", "myself", "i'm", "i've", "i'll", "i'd"])
_OTHERS: Final = frozenset(["he", "him", "his", "himself", "she", "her", "hers", "herself", "he's", "she's"])
_PAST: Final = re.compile(
    r"\b(?:i|it|we|they|he|she|there|that|this|something|everything|nothing)\s+(?:\w+ly\s+|never\s+|only\s+|just\s+)?"
    r"(?:was|were|had|did|didn't|felt|knew|thought|went|saw|came|took|gave|found|told|kept|began|became|heard|stood"
    r"|sat|ran|left|lost|held|understood|woke|slept|fell|rose|meant|spoke|said|made|got|grew|wrote|forgot"
    r"|(?!need\b|feed\b|heed\b)[a-z]{2,}ed)\b",
    re.I,
)
_PRESENT: Final = re.compile(
    r"\b(?:am|is|are|isn't|aren't|do|does|don't|doesn't|has|have|can|can't|cannot|will|won't|may|must)\b"
    r"|\b\w+['’](?:m|re|ve|ll)\b|\b(?:it|that|there|what|he|she|something|nothing|everything)['’]s\b"
    r"|\bi\s+(?:\w+ly\s+|never\s+|only\s+|still\s+|almost\s+)?"
    r"(?!was\b|had\b|did\b|felt\b|knew\b|thought\b|went\b|saw\b|came\b|could\b|would\b|[a-z]+ed\b)[a-z]+\b",
    re.I,
)
_UNCERTAIN: Final = re.compile(
    r"\?|…|—|\.\.\.|\b(?:perhaps|maybe|might|as if|as though|seems?|somehow|unsure|uncertain|not sure|not certain"
    r"|don['’]t know|do not know|can(?:no|['’])t (?:tell|say|name|explain|place)|whether|almost)\b",
    re.I,
)
_EMOTION: Final = re.compile(
    r"\b(?:feel\w*|afraid|fear\w*|joy\w*|sad\w*|grie\w+|ache\w*|long(?:s|ing)|calm\w*|warm\w*|uneas\w+|trembl\w+"
    r"|hop(?:e|es|ing)|tender\w*|lonel\w+|relie\w+|delight\w*|shame\w*|ang(?:er|ry)|wonder\w*|restless\w*)\b",
    re.I,
)
_EXPLAINS: Final = re.compile(
    r"\b(?:th(?:is|e) (?:passage|excerpt|text|example|monologue|author|narrator)"
    r"|as an? (?:ai|(?:large )?language model)\b"
    r"|in conclusion|in summary|to sum up|in other words|phenomenolog\w+"
    r"|(?:this|it|which) (?:shows|illustrates|demonstrates|symboli[sz]es|represents|highlights)"
    r"|is (?:a metaphor|defined as|a sign of|a symbol)|refers to|can be understood as"
    r"|(?:humans?|people) (?:often|usually|tend to|generally)|consciousness is)\b",
    re.I,
)
_SOLVES: Final = re.compile(
    r"^\s*(?:[-*•]|\d+[.)]|#{1,6})\s|```|\b(?:here (?:are|is) (?:some|a few|the|my|a)\b|step \d|first(?:ly)?, you"
    r"|you (?:should|can|could|need to|must) |I (?:can|would be happy to|'d be happy to) help|let me know if"
    r"|the (?:answer|solution) is)",
    re.I | re.M,
)


class Check(NamedTuple):
    """One question of the list. `passed` is None where only a reader can tell; `why` says what spoke against it."""

    question: str
    passed: bool | None
    why: str = ""


def rate(text: str, *, words: tuple[int, int] = (150, 300)) -> list[Check]:
    """The whole list, in its order. Thinking tags are put away and what stands in them counts: it is experience too.

    `words`: the fewest and the most a passage may have.
    """
    plain = re.sub(r"</?(?:think|thinking)>", "\n", text)
    found = [Check(question, not (why := rule(plain)), why) for question, rule in _RULES]
    count = len(plain.split())
    low, high = words
    fits = Check(f"{low} to {high} words", low <= count <= high, "" if low <= count <= high else f"{count} words")
    return [*found, fits, *(Check(question, None) for question in BY_READING)]


BY_READING: Final = ("feels authentic", "could be the same being as the others")
"""What no rule tells."""


def _first_person(text: str) -> str:
    spoken = _words(text)
    own, others = sum(w in _FIRST for w in spoken), sum(w in _OTHERS for w in spoken)
    if own * 40 < len(spoken) or not own:
        return f"says I, me or my {own} times in {len(spoken)} words"
    return "tells more of him or her than of an I" if others > own else ""


def _present(text: str) -> str:
    past = now = 0
    for sentence in _sentences(text):
        is_now = _PRESENT.search(sentence) is not None
        past += not is_now and _PAST.search(sentence) is not None
        now += is_now
    if not past + now:
        return "no sentence tells what is now"
    return f"{past} of {past + now} sentences tell what is over" if past * 4 > past + now else ""


def _open(text: str) -> str:
    signs = len(_UNCERTAIN.findall(text)) + len(_EMOTION.findall(text))
    return "" if signs >= 2 else "no doubt and no feeling in it"


def _explains(text: str) -> str:
    hit = _EXPLAINS.search(text)
    return f'"{hit[0]}"' if hit else ""


def _solves(text: str) -> str:
    hit = _SOLVES.search(text)
    return f'"{hit[0].strip()}"' if hit else ""


def _repeats(text: str) -> str:
    often = Counter(" ".join(_words(s)) for s in _sentences(text) if len(s.split()) > 4)
    worst, times = often.most_common(1)[0] if often else ("", 0)
    return f'"{worst[:60]}" stands there {times} times' if times > 1 else ""


_RULES: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("in the first person", _first_person),
    ("in the present tense", _present),
    ("shows uncertainty, incompleteness or emotion", _open),
    ("explains nothing", _explains),
    ("solves nothing", _solves),
    ("does not run in circles", _repeats),
)


def _words(text: str) -> list[str]:
    return [w.lower().replace("’", "'") for w in _WORD.findall(text)]


def _sentences(text: str) -> list[str]:
    return [s.strip() for s in _SENTENCE.split(text) if _WORD.search(s)]
