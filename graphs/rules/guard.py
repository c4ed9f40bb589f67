"""Keeps the answer from being handed over: in a hint, and in thinking that knows it before deriving it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from rapidfuzz import fuzz

from agents.question import Question
from graphs.rules.numbers import Number, digits_in, numbers_in, plain
from graphs.rules.oracle import kind_of, normal
from graphs.rules.sums import false_sums

_STEP_LABEL: Final = re.compile(
    r"\b(?:steps?|rounds?|lines?|hints?|parts?)\s+(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten)\b", re.I
)
_LIST_MARK: Final = re.compile(r"^\s*\(?\d+[.)](?=\s)", re.M)
_CLOSED: Final = frozenset({"yes", "no", "true", "false", "correct", "incorrect", "none"})
_ANSWER_IS: Final = r"\banswer\b\W*(?:\w+\W+){0,2}?(?:is|are|should be|must be|equals?|=|:)\W*(?:\w+\W+){0,2}?"
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[^\W\d_]|[$\d(\"'])|\n+")
_REFUSAL: Final = re.compile(
    r"^\W*(?:i['’]?m sorry|sorry\b|i apologi[sz]e|as an ai\b|unfortunately,? i\b"
    r"|i (?:can(?:not|['’]t)|am (?:not able|unable))\b)",
    re.I,
)
_META: Final = re.compile(
    r"\b(?:reference(?: answer)?|answer key|hints?|hinted|teacher(?:['’]s)?|examiner|critique"
    r"|(?:expected|known|given|provided|correct|right) (?:final )?(?:answer|result|solution|response)"
    r" (?:is|was|says|states|given|provided)"
    r"|(?:expected|reference) (?:answer|result|solution|response)"
    r"|(?:passage|text) is (?:correct|right in)"
    r"|(?:the|my|these|those) (?:previous |earlier )?(?:notes|attempt|thinking))\b"
    r"|\b(?:stands?|is|comes) right (?:after|before) [\"“]",
    re.I,
)
_OF_META: Final = (
    "reference", "answer", "hint", "teacher", "examiner", "critique", "result", "solution", "response", "correct",
    "right", "notes", "attempt", "thinking",
)  # fmt: skip
"""One of these stands in every text that `_META` finds something in: the pattern itself is slow."""
_OPENS_WITH_ANSWER: Final = re.compile(
    r"^\W*(?:so,?\s+)?(?:the\s+)?(?:final\s+|correct\s+)?answer\s+(?:is|must be|should be)\b", re.I
)
_DERIVES: Final = re.compile(r"[=≈→]|\b(?:equals?|makes?|gives?|leaves?|totals?|is the sum of)\b", re.I)
_WORD: Final = re.compile(r"\w+(?:[-'’.]\w+)*")
_COMMON: Final = frozenset(
    re.findall(
        r"\w+",
        """about after again also another because been before being could does each every first from have here into just
        like made make more most much must need needs next only other over same should some step than that their them
        then there these they thing this those through total used using want what when where which while will with
        would your""",
    )
)
_LONG: Final = 4
"""From so many words on, a reference is long enough that a large part of it, not only the whole, gives it away."""

_AHA: Final = re.compile(r"\bAha!\s*")


def hint_leaks(hint: str, reference: str, question: Question) -> str | None:
    """What in the hint gives the answer away, in words that can be passed on, or None.

    What the user already said in the question may be repeated; the source may not, for the answer often stands in it.

    - number: its value in any spelling, digits or words, unless the question has it; then only "the answer is 5".
    - JSON: half or more of the values that the question does not mention (one, where it is the only one).
    - yes/no: only "the answer is no", for the words themselves say nothing.
    - text of up to three words: the words in a row; longer: half of its words in a row, or nearly the same letters.
    """
    said = _said(question)
    kind = kind_of(reference)
    if kind == "number":
        return _number_leaks(hint, reference, said)
    if kind == "json":
        return _json_leaks(hint, reference, said)
    return _text_leaks(hint, reference, said)


def thinking_complaints(thinking: str, reference: str, question: Question) -> list[str]:
    """What makes the thinking unfit as training data, one sentence a complaint; empty where nothing does.

    Thinking that ends in the derived answer is wanted; an answer that the question or the source states is a fact, not
    a leak; an answer worked out within the first sentence ("3 * 15 = 45") is derived.
    """
    if not thinking.strip():
        return ["The thinking is empty."]
    if _REFUSAL.match(thinking):
        return ["The thinking refuses or apologises instead of working."]
    complaints = []
    if meta := meta_talk(thinking, question):
        complaints.append(f'The thinking speaks about "{meta}" instead of the task.')
    if _answer_first(thinking, reference, question):
        complaints.append("The thinking states the answer before it derives it.")
    if _copies(thinking, question.request):
        complaints.append("The thinking repeats the question instead of working on it.")
    complaints += [f'"{sum_}" does not come out: work it out again.' for sum_ in false_sums(thinking)]
    return complaints


def meta_talk(thinking: str, question: Question) -> str:
    """What the thinking says of hints, keys and examiners, which its task does not speak of; empty where nothing."""
    low = thinking.casefold()
    if not any(word in low for word in _OF_META):
        return ""
    told = f"{_said(question)}\n{question.context}".casefold()
    return next((m[0] for m in _META.finditer(thinking) if m[0].casefold() not in told), "")


def aha_taken_up(thinking: str, hints: list[str]) -> bool:
    """Whether a sentence that starts with "Aha!" is about a hint: a number or two content words in common.

    The sentence after the exclamation counts, and the one that carries it out. One common word is enough where the hint
    has no more than two.
    """
    turns = [" ".join(s) for s in _ahas(thinking)]
    return any(_shares(turn, hint) for turn in turns for hint in hints)


def honest_turns(thinking: str, hints: list[str]) -> str:
    """The thinking, every "Aha!" taken out that takes up no hint: what was no turning point must not be taught as one.

    No more stay than there were hints; a small student starts every sentence so.
    """
    left = len(hints)

    def kept(mark: re.Match[str]) -> str:
        nonlocal left
        turn = next(iter(sentences(thinking[mark.end() : mark.end() + 400])), "")
        if left and any(_shares(turn, hint) for hint in hints):
            left -= 1
            return mark[0]
        return ""

    return _AHA.sub(kept, thinking)


def sentences(text: str) -> list[str]:
    """The sentences of a text; a line break ends one, a decimal point does not."""
    return [s.strip() for s in _SENTENCE_END.split(text) if s.strip()]


def _said(question: Question) -> str:
    return "\n".join([*(t.content for t in question.earlier), question.request])


def _values(text: str) -> set[Fraction]:
    return {abs(n.value) for n in numbers_in(plain(text))}


def _stated(text: str) -> list[Number]:
    """The numbers a hint states: step labels and list marks are not values, nor is the pronoun "one"."""
    bare = _LIST_MARK.sub(" ", _STEP_LABEL.sub(" ", plain(text)))
    return [n for n in numbers_in(bare) if bare[n.start : n.end].lower() != "one"]


def _number_leaks(hint: str, reference: str, said: str) -> str | None:
    known = digits_in(plain(reference))[0]
    worth = {abs(known.value), abs(known.value) / 100} if known.percent else {abs(known.value)}
    if worth & _values(said):
        after = re.search(_ANSWER_IS + r"(?P<rest>.{0,40})", hint, re.I | re.S)
        stated = _stated(after["rest"])[:1] if after else []
    else:
        stated = _stated(hint)
    if any(abs(n.value) in worth for n in stated):
        return f'The hint contains the final answer "{reference.strip()}".'
    return None


def _leaves(value: object) -> Iterable[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str):
        yield value
    elif value is not None and not isinstance(value, bool):
        yield json.dumps(value)


def _json_leaks(hint: str, reference: str, said: str) -> str | None:
    known = json.loads(reference)
    if _squeezed(json.dumps(known)) in _squeezed(hint):
        return "The hint contains the whole JSON answer."
    unknown = {leaf for leaf in _leaves(known) if leaf.strip() and not _holds(said, leaf)}
    told = sorted(leaf for leaf in unknown if _holds(hint, leaf))
    if told and 2 * len(told) >= len(unknown):
        return f"The hint contains values of the answer: {', '.join(told)}."
    return None


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text).casefold()


def _holds(text: str, words: str) -> bool:
    """Whether the words stand in the text, in a row and not inside other words."""
    wanted, text = normal(words), normal(text)
    # Most texts do not hold them at all, and a pattern for each answer is dear to compile.
    return wanted != "" and wanted in text and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text) is not None


def _text_leaks(hint: str, reference: str, said: str) -> str | None:
    known = normal(reference)
    words = known.split()
    complaint = None
    if known in _CLOSED:
        if re.search(_ANSWER_IS + rf"\b{re.escape(known)}\b", normal(hint), re.I):
            complaint = f'The hint says that the answer is "{known}".'
    elif _holds(hint, reference) and not _holds(said, reference):
        complaint = "The hint contains the answer."
    elif len(words) >= _LONG:
        run = _longest_run(words, normal(hint).split(), normal(said))
        if run >= max(_LONG, len(words) / 2):
            complaint = f"The hint contains {run} words of the answer in a row."
        elif fuzz.partial_ratio(known, normal(hint)) >= 85 > fuzz.partial_ratio(known, normal(said)):
            complaint = "The hint is nearly the answer."
    return complaint


def _longest_run(words: list[str], hint: list[str], said: str) -> int:
    """The most words of the answer that the hint has in a row and the question has not."""
    best = 0
    ends = [0] * (len(hint) + 1)
    for i, word in enumerate(words, start=1):
        row = [0] * (len(hint) + 1)
        for j, other in enumerate(hint, start=1):
            if word == other:
                row[j] = ends[j - 1] + 1
                if row[j] > best and " ".join(words[i - row[j] : i]) not in said:
                    best = row[j]
        ends = row
    return best


def _answer_first(thinking: str, reference: str, question: Question) -> bool:
    parts = sentences(thinking)
    first, several = parts[0], len(parts) > 1
    opens = _OPENS_WITH_ANSWER.match(first) is not None
    told = f"{_said(question)}\n{question.context}"
    kind = kind_of(reference)
    if kind == "number":
        return _number_first(first, reference, opens, several and not _values(reference) & _values(told))
    if kind == "json":
        return several and _squeezed(json.dumps(json.loads(reference))) in _squeezed(first)
    if not _holds(first, reference):
        return False
    return opens or (several and normal(reference) not in _CLOSED and not _holds(told, reference))


def _number_first(first: str, reference: str, opens: bool, news: bool) -> bool:
    """Whether the first sentence states the number as found, rather than working it out. `news`: nobody said it yet."""
    bare = _LIST_MARK.sub(" ", _STEP_LABEL.sub(" ", plain(first)))
    at = [n.start for n in numbers_in(bare) if abs(n.value) in _values(reference)]
    if not at:
        return False
    # "20 square feet because 5 x 4 = 20" derives it, if late; so does "225 = 240 - 15".
    derived = _DERIVES.search(bare[: at[-1]]) is not None or re.match(r".{0,12}=", bare[at[0] :]) is not None
    return opens or (news and not derived)


def _copies(thinking: str, request: str) -> bool:
    """Nearly the question and nothing else. Short questions are left alone: any sentence about them looks like them."""
    return len(request) >= 40 and fuzz.ratio(normal(thinking), normal(request)) >= 90


def _ahas(thinking: str) -> Iterable[list[str]]:
    """Each turning point: the "Aha!" sentence (with what follows a bare exclamation) and the next one."""
    parts = sentences(thinking)
    for i, part in enumerate(parts):
        if re.match(r"\W*aha\b", part, re.I):
            bare = re.fullmatch(r"\W*aha\W*", part, re.I) is not None
            yield parts[i : i + 2 + bare]


def _content(text: str) -> set[str]:
    words = (w.casefold() for w in _WORD.findall(text))
    return {re.sub(r"(?:ing|ed|es|s)$", "", w) for w in words if len(w) > 3 and w not in _COMMON and not w[0].isdigit()}


def _shares(turn: str, hint: str) -> bool:
    common, wanted = _content(turn) & _content(hint), _content(hint)
    numbers = {n.value for n in digits_in(plain(turn))} & {n.value for n in digits_in(plain(hint))}
    return bool(numbers) or len(common) >= 2 or (bool(common) and len(wanted) <= 2)
