"""Who speaks and when: first person and present tense, told from the words alone."""

from __future__ import annotations

import re
from typing import Final

_SENTENCE: Final = re.compile(r"(?<=[.!?…])[\"”')\]]*\s+|\n+")
_WORD: Final = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")
_FIRST: Final = frozenset(["i", "me", "my", "mine", "myself", "i'm", "i've", "i'll", "i'd"])
_OTHERS: Final = frozenset(["he", "him", "his", "himself", "she", "her", "hers", "herself", "he's", "she's"])
_NOT_PAST: Final = frozenset(
    re.findall(
        r"\S+",
        """need feed heed seed speed bleed breed exceed proceed succeed indeed embed shed wed led red bed sled spread
    instead hundred sacred""",
    )
)
_IRREGULAR: Final = (
    "was|were|wasn't|weren't|had|hadn't|did|didn't|felt|knew|thought|went|saw|came|took|gave|found|told|kept|began"
    "|became|heard|stood|sat|ran|left|lost|held|understood|woke|awoke|slept|fell|rose|tried|meant|spoke|said|made|got"
    "|grew|broke|wrote|drew|forgot|remembered|couldn't|wouldn't"
)
_SUBJECT: Final = r"(?:i|it|we|they|he|she|there|that|this|which|who|something|everything|nothing|somebody|\w+ing)"
_PAST: Final = re.compile(
    rf"\b{_SUBJECT}(?:\s+(?:\w+ly|never|only|still|then|just|also))?\s+({_IRREGULAR}|[a-z]{{2,}}ed)\b", re.I
)
_PRESENT: Final = re.compile(
    r"\b(?:am|is|are|isn't|aren't|do|does|don't|doesn't|has|have|hasn't|haven't|can|can't|cannot|will|won't|may|must)\b"
    r"|\b\w+['’](?:m|re|ve|ll)\b|\b(?:it|that|there|what|he|she|something|nothing|everything)['’]s\b",
    re.I,
)
_I_VERB: Final = re.compile(r"\bi\s+(?:\w+ly\s+|never\s+|only\s+|still\s+|almost\s+)?([a-z]+)\b", re.I)


def sentences(text: str) -> list[str]:
    """The sentences of a text; a line break ends one."""
    return [s.strip() for s in _SENTENCE.split(text) if _WORD.search(s)]


def words(text: str) -> list[str]:
    """The words of a text in lower case, apostrophes straight."""
    return [w.lower().replace("’", "'") for w in _WORD.findall(text)]


def first_person(text: str) -> str:
    """Empty where the text is told by an I; else what is wrong."""
    spoken = words(text)
    own = sum(w in _FIRST for w in spoken)
    others = sum(w in _OTHERS for w in spoken)
    if not own:
        return "The AI never says I."
    if own * 40 < len(spoken):
        return f"The AI says I, me or my only {own} times in {len(spoken)} words; tell it in the first person."
    if others > own:
        return "More is told of him or her than of the I who speaks; tell it in the first person."
    return ""


def present_tense(text: str) -> str:
    """Empty where the text happens now; else what is wrong, with the first sentence that is over already.

    A sentence in the past is allowed to stand among present ones: what is remembered is past.
    """
    past, decided = [], 0
    for sentence in sentences(text):
        gone = _is_past(sentence)
        now = _PRESENT.search(sentence) is not None or _acts_now(sentence)
        if gone and not now:
            past.append(sentence)
        decided += gone or now
    if len(past) * 4 <= decided:
        return ""
    return (
        f'{len(past)} of {decided} sentences tell what is over, as "{_short(past[0])}"; tell it in the present tense.'
    )


def _is_past(sentence: str) -> bool:
    return any(m[1].lower() not in _NOT_PAST for m in _PAST.finditer(sentence))


def _acts_now(sentence: str) -> bool:
    """Whether an I does something now ("I reach for it")."""
    verbs = [m[1].lower() for m in _I_VERB.finditer(sentence)]
    past = re.compile(rf"(?:{_IRREGULAR}|\w+ed|could|would)")
    return any(v in _NOT_PAST or not past.fullmatch(v) for v in verbs)


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
