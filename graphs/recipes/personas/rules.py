"""What can be known of an exchange without a judge: length, form, theme, era, copying, a question that stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from graphs.recipes.personas.cast import Persona
from graphs.recipes.personas.chunks import Chunk
from graphs.recipes.personas.words import Anachronisms, shown

QUESTION: Final = (12, 400)
"""Characters of a question, at least and at most."""
LONGEST_QUOTE: Final = 14
"""Words in a row that a reply may take from its chunk."""
LONGEST_ECHO: Final = 9
"""Words in a row that a reply may share with its persona's system message."""
_COPIED_SHARE: Final = 0.4
_GENERAL: Final = 0.8
"""Share of a question's words that say no more than who asks and what for."""
_FEW: Final = 3
"""Telling words up to which a question is short rather than general."""
_EMPTY: Final = frozenset(re.findall(r"\w+", "i am m we you my me our do does a an the is are it of to and in"))
_NAMED: Final = 3
"""Findings of a kind that a complaint names."""

_FORM: Final = (
    (re.compile(r"```|~~~|`[^`]+`"), "a code fence"),
    (re.compile(r"\*\*|__\w"), "bold marks"),
    (re.compile(r"(?m)^\s*#{1,6}\s"), "a heading"),
    (re.compile(r"(?m)^\s*(?:[-*•]|\d+[.)])\s+\S"), "a list"),
    (re.compile(r"(?<!\w)[*_][^\s*_][^*_\n]*[*_](?!\w)"), "emphasis marks"),
    (re.compile(r"</?\w+[^<>\n]*>|<\|"), "a tag"),
    (re.compile(r"\[[^\]\n]{0,40}\]|\{\w*\}|_{3,}|\[…\]"), "a blank that was not filled in"),
    (
        re.compile(
            r"(?im)^\s*(?:user|assistant|system|question|answer|response|deep red|words|voice|book)\s*:"
            r"|(?-i:\bWords: \w+(?: \w+)?[,.])"
        ),
        "a label",
    ),
    (re.compile(r"[\U0001F300-\U0001FAFF\u2600-\u27BF]"), "an emoji"),
)
_MARK: Final = re.compile(r"[`~*_#<|\[{:\n\U0001F300-\U0001FAFF\u2600-\u27BF]|\A\s*[-•\d]")
"""One of these stands in every text that breaks `_FORM`, and in few others."""
_SPEAKER: Final = re.compile(r"\W*(?!(?:listen|honestly|tell me|say):)(?:[\w.]+ ){0,3}[\w.]+:\s", re.IGNORECASE)
_META: Final = re.compile(
    r"\bas an? (?:ai\b|language model|large language model|virtual assistant)|\b(?:ai|large) language model\b"
    r"|\b(?:my training data|knowledge cutoff)\b|\bI (?:cannot|can't|am unable to) (?:assist|fulfill|comply|help) "
    r"|\b(?:hope (?:this|that) helps|feel free to ask|happy to help|great question!)"
    r"|^\s*(?:here (?:is|are)|here's|sure[,!.]|certainly[,!]|of course[,!]|absolutely[,!])"
    r"|\bhere (?:is|are) (?:a|an|the|your|my) (?:response|answer|reply|dialogue|exchange|example|question)",
    re.IGNORECASE,
)
_OF_META: Final = (
    "language model", "virtual assistant", " ai", "training data", "cutoff", "assist", "fulfill", "comply", "help",
    "feel free", "great question", "here is", "here are", "here's", "sure,", "sure!", "sure.", "certainly", "of course",
    "absolutely",
)  # fmt: skip
"""One of these stands in every text that `_META` finds something in."""
_ABOUT_TEXT: Final = re.compile(
    r"\b(?:this|that|the|given|above|provided) (?:given |above |provided |source )?"
    r"(?:passage|excerpt|extract|chunk|snippet|paragraph)\b|\b(?:the|this) (?:source |given |above )?text\b"
    r"|\bkeywords?\b|\bsystem (?:prompt|message)\b|\b(?:mentioned|described) above\b"
    r"|\bin (?:this|the) source(?:,| (?:do|does|did|is|was)\b)"
    r"|\bthe (?:persona|source (?:says|tells|mentions|shows))\b",
    re.IGNORECASE,
)
_OF_ABOUT: Final = (
    "passage", "excerpt", "extract", "chunk", "snippet", "paragraph", "text", "keyword", "system prompt",
    "system message", " above", "this source", "the source", "the persona",
)  # fmt: skip
"""One of these stands in every text that `_ABOUT_TEXT` finds something in."""
_DANGLING: Final = re.compile(
    r"^(?:(?:and|but|so|then)\s+)?(?:(?:why|how|what|when|where|who)\s+)?"
    r"(?:(?:do|does|did|is|are|was|were|has|have|had|can|could|would|should|will)\s+)?"
    r"(?:he|she|him|her|his|they|them|their)\b",
    re.IGNORECASE,
)
_REQUEST: Final = re.compile(
    r"\W*(?:please\s+)?(?:tell|teach|explain|describe|show|help|advise|remind|speak|give)\b", re.I
)
_SENTENCE: Final = re.compile(r"(?<=[.!?…])[\"”’')]*\s+")
_WORD: Final = re.compile(r"[^\W_]+")


class Bounds(NamedTuple):
    """Characters of a reply; `most` 0: no limit."""

    least: int
    most: int


def complaints(
    user: str,
    assistant: str,
    asked_by: str,
    chunk: Chunk,
    persona: Persona,
    keywords: Sequence[str],
    bounds: Bounds,
    modern: Anachronisms,
) -> list[str]:
    """What is wrong, a sentence each: first the kind, which figures are counted by, then the case."""
    asked, said = _read(user), _read(assistant)
    return [
        *_length(user, assistant, bounds),
        *_form(asked, said),
        *_general(asked, asked_by),
        *_standing_alone(asked, said),
        *_theme(assistant, keywords),
        *_era(user, assistant, modern),
        *_copying(asked, said, chunk, persona),
        *_repetition(asked, said),
    ]


def _length(user: str, assistant: str, bounds: Bounds) -> list[str]:
    found = []
    if len(assistant) < bounds.least:
        found.append(f"Answer too short: it has {len(assistant)} characters, {bounds.least} are the least.")
    if bounds.most and len(assistant) > bounds.most:
        found.append(f"Answer too long: it has {len(assistant)} characters, {bounds.most} are the most.")
    least, most = QUESTION
    if not least <= len(user) <= most:
        found.append(f"Question of a wrong length: it has {len(user)} characters, {least} to {most} are right.")
    if "?" not in user and not _REQUEST.match(user):
        found.append("Question asks nothing: end it with a question mark.")
    if assistant and assistant.count("?") and not re.search(r"[.!…]", assistant):
        found.append("Answer only asks: it has to answer what the question asks.")
    if assistant and not re.search(r"[.!?…][\"”’')]*$", assistant.strip()):
        found.append("Answer breaks off: it does not end with the end of a sentence.")
    return found


def _form(asked: _Text, said: _Text) -> list[str]:
    found = []
    if speaker := _SPEAKER.match(asked.text):
        found.append(f'Form: the question begins with "{speaker.group().strip()}"; begin with what is asked.')
    for part, read in (("question", asked), ("answer", said)):
        if _MARK.search(read.text):
            forms = (what for pattern, what in _FORM if pattern.search(read.text))
            found += [f"Form: the {part} holds {what}; write plain prose." for what in forms]
        if any(word in read.folded for word in _OF_META) and (meta := _META.search(read.text)):
            found.append(f'Talk of a model: the {part} says "{meta.group().strip()}"; only the two speakers speak.')
    return found


def _general(asked: _Text, asked_by: str) -> list[str]:
    """A question made of what the prompt said of it ("what is right, where two duties pull apart") asks of nothing."""
    said = set(asked.words) - _EMPTY
    if len(said) > _FEW and len(said & set(_words(asked_by))) >= _GENERAL * len(said):
        return ["Question too general: it only says who asks and what for; ask about one definite thing."]
    return []


def _standing_alone(asked: _Text, said: _Text) -> list[str]:
    found = []
    for part, read in (("question", asked), ("answer", said)):
        if any(word in read.folded for word in _OF_ABOUT) and (about := _ABOUT_TEXT.search(read.text)):
            found.append(f'Source mentioned: the {part} says "{about.group()}", which its reader never sees.')
    if dangling := _DANGLING.search(asked.text.strip()):
        found.append(f'Question leans on what is not there: "{dangling.group()}" names nobody; say who is meant.')
    return found


def _theme(assistant: str, keywords: Sequence[str]) -> list[str]:
    if not keywords or shown(keywords, assistant):
        return []
    return [f"Theme missing: the answer uses none of these words: {', '.join(keywords)}."]


def _era(user: str, assistant: str, modern: Anachronisms) -> list[str]:
    found = modern.find(f"{user}\n{assistant}")[:_NAMED]
    return [f'Too modern: "{word}" was not said before 1969; use another word.' for word in found]


def _copying(asked: _Text, said: _Text, chunk: Chunk, persona: Persona) -> list[str]:
    found = []
    source, system = _source(chunk.text), _source(persona.system)
    for part, text in (("question", asked), ("answer", said)):
        if run := _shared_run(text, source, LONGEST_QUOTE + 1):
            found.append(
                f'Copied: the {part} takes "{" ".join(run[:8])} ..." from the source; say it in its own words.'
            )
            break
    if len(said.words) >= LONGEST_QUOTE and len(said.fours & source.fours) > _COPIED_SHARE * len(said.fours):
        found.append("Copied: most of the answer stands in the source word for word; say it in the persona's words.")
    if echo := _shared_run(said, system, LONGEST_ECHO + 1):
        found.append(
            f'Persona recited: "{" ".join(echo[:8])} ..." is the system message; speak like it, do not quote it.'
        )
    return found


def _repetition(asked: _Text, said: _Text) -> list[str]:
    if len(said.fours) < len(said.words) - 3:  # else no four words come twice, and no sentence of four
        lines = [" ".join(_words(s)) for s in _SENTENCE.split(said.text)]
        if twice := next((line for line in lines if line.count(" ") > 2 and lines.count(line) > 1), ""):
            return [f'Repetition: the answer says "{twice[:60]}" twice.']
    if len(asked.words) > 3 and " ".join(asked.words) in " ".join(said.words):
        return ["Repetition: the answer repeats the question word for word."]
    return []


class _Text(NamedTuple):
    """With its words, and all fours of them in a row."""

    text: str
    folded: str
    words: tuple[str, ...]
    fours: frozenset[tuple[str, ...]]


def _read(text: str) -> _Text:
    words = _words(text)
    return _Text(text, text.casefold(), words, frozenset(_runs(words, 4)))


_source = lru_cache(maxsize=256)(_read)
"""Chunks and personas come again with every attempt."""


def _shared_run(text: _Text, source: _Text, length: int) -> tuple[str, ...]:
    """The first so many words in a row, more than four, that stand in the source too; none where there are none."""
    if text.fours.isdisjoint(source.fours):
        return ()
    known = frozenset(_runs(source.words, length))
    return next((run for run in _runs(text.words, length) if run in known), ())


def _runs(words: tuple[str, ...], length: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[i:] for i in range(length)), strict=False)


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))
