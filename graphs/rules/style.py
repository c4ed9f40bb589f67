"""The style rules of a recipe that need no judge: what a thinking may not look like, and what to change."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Literal

from rapidfuzz import fuzz

from graphs.records import Task
from graphs.rules.machine import machine_complaints

Style = Literal["qa", "installer"]

QA_LENGTH = 1500
LINES = (2, 4)
LINE_LENGTH = 160
"""Room for one full sentence; the concise ones people write by hand end near 100."""
TOTAL_LENGTH = 600
COPIED_COMMAND = 24
"""Characters from which a command counts as copied: `lsblk -f` may be named, a partitioning chain may not."""
COPIED_TEXT = 40
CLAUSE = 4
"""Words from which a reason that was said before is no chance."""

RULES: dict[Style, tuple[str, ...]] = {
    "qa": (
        f"The thinking is not empty and has at most {QA_LENGTH} characters.",
        'It starts with the matter itself: no label such as "Thinking:" and no tags.',
        "It reasons about the question: no refusal, and no talk of prompts, hints, instructions or language models.",
        "It is more than a copy of the question.",
        "It says each thing once.",
    ),
    "installer": (
        f"The thinking has {LINES[0]} to {LINES[1]} lines, each a whole sentence of at most {LINE_LENGTH} characters, "
        f"{TOTAL_LENGTH} in all.",
        "It names at least one concrete detail of the system state (boot mode, disk, size, network) if one is given.",
        "Every disk, size, boot mode, path, address, host or user name and program in it stands in the system state, "
        "the conversation or the response.",
        "It may name the program, but does not repeat the whole command or the whole text of the response.",
        "It is an inner note: it never speaks to the user, promises nothing and refuses nothing.",
        'It starts with the matter itself: no label such as "Thinking:" and no tags.',
    ),
}

_LABEL = re.compile(
    r"^[\W_]*(?:(?:my|the|step-by-step|chain of)\s+)?"
    r"(?:thinking|thoughts?|reasoning|rationale|explanation|analysis|answer|response|note)[\W_]*:",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[a-z_]+>", re.IGNORECASE)
_REFUSAL = re.compile(
    r"\bI(?:['’]m| am) (?:sorry|unable|not able)\b|\bI (?:can['’]?t|cannot|can not|won['’]t|will not) "
    r"(?:help|answer|assist|provide|comply|do that|continue)\b|\bas an AI\b",
    re.IGNORECASE,
)
_META = re.compile(
    r"\blanguage model\b|\btraining (?:data|example|row)\b|\b(?:this|the|your|my) (?:prompt|hints?|instructions?)\b"
    r"|\b(?:the|my) teacher (?:says?|said|told|hints?|pointed|wants)\b|\b(?:reference|expected|known) answer\b"
    r"|\bhere is (?:the|my) (?:thinking|reasoning)\b|\bthe (?:given |expected )?response (?:says|states|reads)\b",
    re.IGNORECASE,
)
_OF_META = ("language model", "training ", "prompt", "hint", "instruction", "teacher", "answer", "here is", "response")
"""One of these stands in every text that `_META` finds something in: the pattern itself is slow."""
_ADDRESS = re.compile(
    r"\b(?:you(?:['’](?:re|ll|ve|d))?|your|yours|yourself)\b|\blet me know\b|\bI['’]d be happy\b|\bI would be happy\b"
    r"|\bhappy to help\b|^(?:sure|certainly|of course)\b",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|`[^`\n]*`|(?<!\w)'[^'\n]*'(?!\w)")
_BULLET = re.compile(r"^\s*(?:[-*•#>+]+(?=\s)|\(?\d+[.)](?=\s))")
_NEXT_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"'“/])")
_BEFORE = frozenset({"sudo", "doas", "env", "nohup", "time"})
_SENTENCE_END = re.compile(r"[.!?…][\"”')\]]*$")
_AFTER_COMMA = re.compile(r", (?=((?:[a-z]\w* ){1,6}\w+))", re.IGNORECASE)
_REASON = re.compile(r"\b(?:since|because)\s+([^.;\n]+)", re.IGNORECASE)
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")


def laid_out(style: Style, task: Task, thinking: str) -> str:
    """The thinking in the layout of its style; not a thought in it is changed.

    A small model writes its lines as one paragraph or as a list, and the whole command where its program was wanted,
    however it is told, so that all it had to say was refused for that alone.
    """
    if style != "installer":
        return thinking
    if task.response_kind == "command" and len(_plain(task.reference)) >= COPIED_COMMAND:
        thinking = thinking.replace(task.reference.strip(), _programs(task.reference))
    lines = [_BULLET.sub("", line.strip(), count=1).strip() for line in thinking.splitlines() if line.strip()]
    if len(lines) < LINES[0]:
        lines = [sentence.strip() for line in lines for sentence in _NEXT_SENTENCE.split(line)]
    return "\n".join(lines)


def _programs(command: str) -> str:
    """The programs of a command line, each once, in their order: "sgdisk, mkfs.ext4"."""
    steps = [step.split() for step in re.split(r"&&|\|\||[;|\n]", command) if step.strip()]
    named = [next((word for word in words if word not in _BEFORE), words[0]) for words in steps]
    return ", ".join(dict.fromkeys(named))


def style_complaints(style: Style, task: Task, thinking: str) -> list[str]:
    """What `thinking` breaks of the rules of `style`, one sentence each that says what to change; empty where it holds.

    Nothing is judged by taste: equal input gives equal complaints, and a checker of facts errs on the side of silence.
    """
    text = thinking.strip()
    if not text:
        return ["The thinking is empty: write it."]
    complaints = _shared(task, text)
    return complaints + (_qa(task, text) if style == "qa" else _installer(task, text))


def _shared(task: Task, text: str) -> list[str]:
    complaints = []
    if label := _LABEL.match(text):
        complaints.append(f'Drop the label "{label.group().strip()}" and start with the matter itself.')
    if tag := _TAG.search(text):
        complaints.append(f"Take out the tag {tag.group()}: the thinking is plain text.")
    if refusal := _REFUSAL.search(text):
        complaints.append(f'Take out "{refusal.group()}": a refusal is not a thought about the question.')
    if meta := _meta_talk(task, text):
        complaints.append(f'Take out "{meta}": think about the matter, not about how it was asked or learnt.')
    return complaints


def _meta_talk(task: Task, text: str) -> str:
    low = text.casefold()
    if not any(word in low for word in _OF_META):
        return ""
    # A story may well be about a teacher's instructions: what the row itself says is never meta talk.
    given = said(task).lower()
    return next((m.group() for m in _META.finditer(text) if m.group().lower() not in given), "")


def _qa(task: Task, text: str) -> list[str]:
    complaints = []
    if len(text) > QA_LENGTH:
        complaints.append(f"Shorten the thinking from {len(text)} to at most {QA_LENGTH} characters.")
    request = task.question.request
    if request and fuzz.ratio(_plain(text), _plain(request), score_cutoff=90):
        complaints.append("The thinking only repeats the question: work out what follows from it.")
    sentences = Counter(s for s in map(_plain, _SENTENCES.split(text)) if len(s) > 20)
    if sentences and (worst := sentences.most_common(1)[0])[1] > 2:
        complaints.append(f'Say each thing once: "{worst[0][:60]}" stands there {worst[1]} times.')
    elif doubled := _doubled(text):
        complaints.append(f'Say each thing once: "{doubled}" stands there twice in a row.')
    return complaints


def _doubled(text: str) -> str:
    """The two to seven words that stand before a comma and again behind it; empty where none do."""
    for comma in _AFTER_COMMA.finditer(text):
        words, before = comma[1].lower().split(" "), f" {text[: comma.start()]}"
        for most in range(len(words), 1, -1):
            again = before[-len(" ".join(words[:most])) :]
            if again.lower().split(" ") == words[:most] and not before[-len(again) - 1].isalnum():
                return again
    return ""


def _installer(task: Task, text: str) -> list[str]:
    complaints = []
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    low, high = LINES
    if not low <= len(lines) <= high:
        complaints.append(f"Write {low} to {high} lines, one sentence each: there are {len(lines)} now.")
    for line in lines:
        if len(line) > LINE_LENGTH:
            complaints.append(f'Shorten the line "{line[:40]}…" to at most {LINE_LENGTH} characters.')
        if _BULLET.match(line):
            complaints.append(f'Take the list mark off the line "{line[:40]}": each line is a plain sentence.')
        if not _SENTENCE_END.search(line):
            complaints.append(f'Make the line "{line[:40]}" a whole sentence with a full stop at its end.')
    if len(text) > TOTAL_LENGTH:
        complaints.append(f"Shorten the thinking from {len(text)} to at most {TOTAL_LENGTH} characters in all.")
    if address := _ADDRESS.search(_QUOTED.sub("", text)):
        complaints.append(f'Do not speak to the user ("{address.group()}"): this is an inner note.')
    if _copies(task, text):
        complaints.append(
            "Do not repeat the whole command: name its program and say what it does here."
            if task.response_kind == "command"
            else "Do not repeat the response: say why it is the right one."
        )
    if again := _said_before(text):
        complaints.append(f'"{again}" is given as a reason and stands there before it: give another reason.')
    return complaints + machine_complaints(task.question.context, said(task), text)


def _said_before(text: str) -> str:
    """A reason that is what it is to explain, word for word."""
    for reason in _REASON.finditer(text):
        clause = _plain(reason.group(1))
        if len(clause.split()) >= CLAUSE and clause in _plain(text[: reason.start()]):
            return " ".join(reason.group(1).split())
    return ""


def said(task: Task) -> str:
    """Everything the row itself says: the context, every message, and the response."""
    return "\n".join((task.question.context, *(t.content for t in task.question.turns), task.reference))


def _copies(task: Task, text: str) -> bool:
    response, words = _plain(task.reference), _plain(text)
    if task.response_kind == "text":
        return len(response) >= COPIED_TEXT and response in words
    steps = [_plain(step) for step in re.split(r"&&|\|\||[;|\n]", task.reference) if step.strip()]
    if len(response) < COPIED_COMMAND:
        return False
    places = [words.find(step) for step in steps]
    return response in words or (-1 not in places and all(a <= b for a, b in pairwise(places)))


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
