"""One function from a chat to a reply: reads the prompt's first line, and hands it to the part that is spoken to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from agents.offline import candidates, evaluator, explain, passages, personas, preferring, student, teacher
from agents.offline.commands import call, doubt, reader
from agents.offline.tags import MENDING, Sheet, read
from agents.offline.words import shorten
from agents.replies import read_json
from agents.verdict import Verdict


def reply(model: str, messages: Iterable[Mapping[str, object]]) -> str:
    """The reply of `offline/student`, `offline/teacher` or `offline/evaluator` to a chat; equal chats, equal replies.

    The prompt's first line says what is wanted, and only what stands in the prompt is used. A prompt that is none of
    ours gets an honest short reply in the form its role has. Never raises, never empty.
    """
    sheet = read(messages)
    part = _PARTS.get(sheet.opening)
    said = part(sheet) if part else ""
    return said if said.strip() else _stranger(model, sheet)


def _written(judge: Callable[[Sheet], Verdict]) -> Callable[[Sheet], str]:
    return lambda sheet: judge(sheet).model_dump_json()


def _repair(sheet: Sheet) -> str:
    """The JSON in a reply that could not be read; where a verdict's fields lack, they can't be made up."""
    try:
        return json.dumps(read_json(sheet.answer), ensure_ascii=False)
    except ValueError:
        return sheet.answer or "{}"


def _stranger(model: str, sheet: Sheet) -> str:
    role = model.rpartition("/")[2]
    if role == "evaluator":
        return evaluator.unknown(sheet).model_dump_json()
    if role == "teacher":
        return "Hint: Say what is asked, what is given, and which step leads from one to the other."
    asked = shorten(re.sub(r"<[^>]*>", " ", sheet.user or sheet.system), 120)
    return f"A rule-based student has no rule for this: {asked or 'nothing was asked'}\nAnswer: {student.UNKNOWN}"


_PARTS: Final[dict[str, Callable[[Sheet], str]]] = {
    "You are the student who solves a task in short written steps.": student.solve,
    "You are the student who finishes a task from notes already made.": student.verify,
    "You are the examiner who compares a student's work with the answer key.": _written(evaluator.judge),
    "You are the teacher who gives a student one hint.": teacher.hint,
    "You are the editor who turns working notes into one clean line of thought.": teacher.consolidate,
    "You are the assistant who explains to itself why a given response is right.": explain.explain,
    "You are the assistant who acts on thinking already done.": explain.respond,
    "You are the examiner who judges the thinking behind a given response.": _written(evaluator.judge_thinking),
    "You are the teacher who helps to explain a response better.": teacher.hint_for_thinking,
    "You are the reader who marks a passage of inner experience in a book.": candidates.propose,
    "You are the reader who rates a passage that was marked for its inner experience.": candidates.rate,
    "You are the writer who turns a passage into one training example of inner life.": passages.write,
    "You are the reader who rates an example of inner life.": passages.rate,
    MENDING: _repair,
    "You are the writer who composes one question and a given persona's answer to it.": personas.propose,
    "You are the reader who rates one question and a persona's answer to it.": personas.rate,
    "You are the writer who puts one call of a program into a person's words.": call.write,
    "You are the writer who invents what people say when they are not clear.": doubt.write,
    "You are the reader who says which call a request leads to.": reader.rate,
    "You are the examiner who holds a model's answer against the ideal one.": preferring.compare,
}
OPENINGS: Final = frozenset(_PARTS)
"""The first lines of all prompts that have a part here."""
