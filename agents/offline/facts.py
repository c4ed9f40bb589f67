"""Answers from a source text: which sentence is meant, and which words of it are asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from agents.offline.arithmetic import WORDS
from agents.offline.words import STOP, content, plain, sentences, stem, tokens

ORDINALS: Final = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_MONTH: Final = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE: Final = re.compile(
    rf"(?:\d{{1,2}} )?{_MONTH}(?: \d{{1,2}},)? \d{{4}}|{_MONTH} \d{{1,2}}|(?<!\d)[12]\d{{3}}(?!\d)"
)
_YEAR: Final = re.compile(r"(?<![\d.,])[12]\d{3}(?![\d,.]\d|\d)")
_WORDED: Final = "|".join(sorted(WORDS, key=len, reverse=True))
_AMOUNT: Final = re.compile(
    rf"(?<![\w.,])(?:[-−]?\d[\d,]*(?:\.\d+)?|\b(?:{_WORDED})(?:-(?:{_WORDED}))?\b)"
    r"(?: (?:million|billion|thousand|hundred))?",
    re.IGNORECASE,
)
_NAME: Final = re.compile(
    r"[A-ZÀ-Þ][\w'’-]*\.?(?:(?: (?:of|the|de|van|von|der|la|le|du))* [A-ZÀ-Þ][\w'’-]*| \d+(?![\w.]))*"
)
_PAIR: Final = re.compile(rf"{_NAME.pattern} and {_NAME.pattern}")
_PLACE: Final = re.compile(
    rf"\b(?:in|at|near|on|off|from|to|inside|outside|under) (?=(?:the |a )?(?!{_MONTH}\b)[A-ZÀ-Þ])"
)
_CALLED: Final = re.compile(r"\b(?:called|named|known as|name of) ", re.IGNORECASE)
_PHRASE_END: Final = re.compile(
    r"[,;:()\[\]“”\"]|\.(?=\s|$)|[!?]|\s(?=(?:that|which|who|when|while|because|where|but|so|as|until|since|after|before"
    r"|is|was|were|are|has|had|have|became|in|on|at|by|with|from|for|to|into|and)\b)"
)
_LEADING: Final = re.compile(
    r"^(?:is|was|were|are|has|had|have|be|been|became|by|with|of|to|in|on|at|from|for|as|that|which|it|and)\b\s*",
    re.IGNORECASE,
)
ANYTHING: Final = "what is asked"
"""The kind of a question whose form says nothing about its answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence of the source and the words in it that seem to be asked for (may be empty)."""

    index: int
    sentence: str
    answer: str


def find(question: str, source: str) -> Finding | None:
    """The sentence with the most of the question's words (the first of equals) and the answer in it, or None."""
    lines = sentences(source)
    asked = content(question)
    scores = [len(asked & content(line)) for line in lines]
    if not scores or not max(scores):
        return None
    best = scores.index(max(scores))
    return Finding(best, lines[best], extract(question, lines[best]))


def at(index: int, question: str, source: str) -> Finding | None:
    """The answer from one given sentence."""
    lines = sentences(source)
    return Finding(index, lines[index], extract(question, lines[index])) if 0 <= index < len(lines) else None


def wanted(question: str) -> str:
    """What kind of words a question asks for, as a noun phrase: "a year", "a name", "an amount" ..."""
    asked = question.lower()
    for pattern, kind in (
        (r"\b(?:what|which|in what|in which) year\b", "a year"),
        (r"\bwhen\b|\bwhat date\b|\bon which day\b", "a date"),
        (r"\bhow (?:many|much|far|long|high|deep|old|tall|fast|heavy|big|large|wide|hot|cold|often)\b", "an amount"),
        (r"\bwho\b|\bwhose\b|\bwhom\b", "a person's name"),
        (r"\bwhere\b", "a place"),
        (r"\b(?:called|named)\b|\bname of\b|\bwhat name\b", "a name"),
        (r"\bwhich [a-z]+\b|\bwhat (?:planet|city|country|river|metal|element|animal|ship|moon|star)\b", "a name"),
        (r"\bwhy\b", "a reason"),
    ):
        if re.search(pattern, asked):
            return kind
    return ANYTHING


def extract(question: str, sentence: str) -> str:
    """The words of a sentence that answer a question, by the kind of question; empty where it has none of that kind."""
    kind = wanted(question)
    if kind == "a year":
        return next((y for y in _YEAR.findall(sentence) if y not in question), "")
    if kind == "a date":
        return next((d for d in _DATE.findall(sentence) if d not in question), "")
    if kind == "an amount":
        return _amount(question, sentence)
    if kind == "a place":
        place = _PLACE.search(sentence)
        return phrase(sentence[place.end() :]) if place else ""
    if kind == "a person's name":
        if maker := re.search(rf"\bby ({_PAIR.pattern}|{_NAME.pattern})", sentence):
            return maker.group(1)
        pairs = [p for p in _PAIR.findall(sentence) if not content(p) & content(question)]
        return (pairs or _names(question, sentence) or [""])[0]
    if kind == "a name":
        called = _CALLED.search(sentence)
        if called:
            return phrase(sentence[called.end() :])
        return (_names(question, sentence) or [_rest(question, sentence)])[0]
    if kind == "a reason":
        because = re.search(r"\b(?:because|since|so that|due to)\b", sentence)
        return sentence[because.end() :].strip(" .") if because else ""
    return _rest(question, sentence)


def phrase(text: str) -> str:
    """The words up to where a phrase ends: punctuation, a verb, a preposition."""
    text = text.strip()
    pair = _PAIR.match(text)
    if pair:
        return pair.group()
    end = _PHRASE_END.search(text)
    return (text[: end.start()] if end else text).strip(" .\"”“'")


def after(words: str, sentence: str) -> str:
    """What stands right after some words of a sentence; empty where it has them not, or nothing follows."""
    place = sentence.casefold().find(words.casefold())
    rest = sentence[place + len(words) :].strip() if place >= 0 else ""
    amount = _AMOUNT.match(rest)
    return amount.group() if amount else phrase(rest)


def opening(sentence: str) -> str:
    """The words a sentence begins with, up to its first verb or punctuation."""
    return phrase(re.sub(r"^(?:The|A|An)\s(?=[a-z])", "", sentence))


def bears(sentence: str, answer: str) -> bool:
    """Whether the answer stands in the sentence, in a row, case and articles apart."""
    known = plain(answer)
    return bool(known) and f" {known} " in f" {plain(sentence)} "


def _amount(question: str, sentence: str) -> str:
    """The number that stands before what is counted, else the first that is no year and not in the question."""
    counted = re.search(r"\bhow many ((?:[\w-]+ ?){1,2})", question, re.IGNORECASE)
    found = [m for m in _AMOUNT.finditer(sentence) if m.group() not in tokens(question)]
    if counted:
        stems = {stem(w) for w in tokens(counted.group(1)) if w.lower() not in STOP}
        near = [m for m in found if stems & {stem(w) for w in tokens(sentence[m.end() :])[:3]}]
        if near:
            return near[0].group()
    dates = [d.span() for d in _DATE.finditer(sentence)]
    found = [m for m in found if not any(a <= m.start() < b for a, b in dates)]
    found = [m for m in found if m.group().lower() not in {"one", "half"}]
    if not found:
        return ""
    unit = re.match(r"[ -]?(?:%|°[CF]?|[a-z]+(?: per [a-z]+| an? hour)?)", sentence[found[0].end() :])
    return found[0].group() + (unit.group() if unit and not counted else "")


def _names(question: str, sentence: str) -> list[str]:
    """Names the question does not have. A capital at the start of the sentence proves nothing about a common word."""
    asked = content(question)
    names = []
    for m in _NAME.finditer(sentence):
        name = m.group().rstrip(".")
        lone_opener = m.start() == 0 and " " not in name and (name.casefold() in STOP or name.endswith(("ly", "ing")))
        if not lone_opener and not content(name) <= asked and name.casefold() not in STOP | set(WORDS):
            names.append(name)
    return names


def _rest(question: str, sentence: str) -> str:
    """What the sentence says beyond the question: the phrase after the last shared word, else what it opens with."""
    asked = content(question)
    last = 0
    for m in re.finditer(r"[^\W_]+(?:['’.-][^\W_]+)*", sentence):
        if stem(m.group()) in asked:
            last = m.end()
    tail, before = sentence[last:].strip(), None
    while tail != before:
        before, tail = tail, _LEADING.sub("", tail.lstrip(" ,;:"))
    return phrase(tail) or opening(sentence)
