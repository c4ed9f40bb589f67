"""Is a hint of any use? What a small teacher gets wrong most often, seen on a 1.5B model over 30 word problems.

Of 17 hints after a wrong answer 9 were of no use: sentences of the student's own (wrong) working handed back, the same
hint twice, or no more than that the answer is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rapidfuzz import fuzz

from agents.question import Question
from graphs.rules.guard import meta_talk, sentences
from graphs.rules.oracle import normal

_ONLY_WRONG: Final = re.compile(
    r"\b(?:answer|result)\b.{0,40}\b(?:is|was|seems)\b.{0,30}\b(?:wrong|incorrect|not (?:right|correct))", re.I
)
_NAMES_ONE: Final = re.compile(r"\b(?:correct|right|final) answer (?:is|was|should be|must be)\b", re.I)
_BEHIND: Final = re.compile(r"\b(?:references?|answer key|hints?|examiner|critique)\b", re.I)
"""What only the teacher sees: "The reference is not included in the question." helps nobody."""
_NEAR: Final = 90
"""Of 100: two sentences that say the same."""
_QUOTED: Final = 20
"""Characters from which on a sentence of a hint is told from one that anybody could say."""


def hint_flaw(hint: str, thinking: str, answer: str, hints: Sequence[str], question: Question) -> str | None:
    """Why the hint can't help, in words that a teacher can act on, or None. `hints`: those given before."""
    said = [normal(s) for s in sentences(hint)]
    if not said:
        return "There was no hint."
    told = f"{question.request}\n{question.context}\n{question.system}".casefold()
    if behind := next((m[0] for m in _BEHIND.finditer(hint) if m[0].casefold() not in told), ""):
        return f'The student knows of no "{behind}": speak of the task.'
    if any(fuzz.ratio(normal(hint), normal(old)) >= _NEAR for old in hints):
        return "That hint was given before and did not help: name another step."
    own = [normal(s) for s in sentences(thinking)]
    if all(any(fuzz.ratio(one, other) >= _NEAR for other in own) for one in said):
        return "That hint only repeats the student's own sentences, which led to a wrong answer."
    if all(_ONLY_WRONG.search(s) or (answer and s == normal(answer)) for s in said):
        return "That hint only says that the answer is wrong: name the step to look at."
    if _NAMES_ONE.search(hint):
        return "That hint names an answer, and not even the right one: name the step to look at."
    return None


def plain_hint(question: Question) -> str:
    """What can be said without a teacher: the task's own last question, or its last sentence."""
    told = sentences(question.request)
    asked = next((s for s in reversed(told) if s.endswith("?")), told[-1] if told else "")
    return f'Read the end of the task once more: "{asked}" Is that what you worked out?' if asked else ""


def hint_trace(thinking: str, hints: Sequence[str], question: Question) -> str | None:
    """What in a thinking shows that its writer was given hints, or None: it speaks of them, or says one's sentence.

    A sentence that the task itself has is the task's, whoever said it again.
    """
    if meta := meta_talk(thinking, question):
        return meta
    given = [normal(s) for s in sentences(f"{question.request}\n{question.context}\n{question.system}")]
    told = [s for hint in hints for s in map(normal, sentences(hint)) if len(s) >= _QUOTED and s not in given]
    for sentence in sentences(thinking):
        said = normal(sentence)
        if any(fuzz.ratio(said, one) >= _NEAR or one in said for one in told):
            return sentence
    return None
