"""Takes a rendered prompt apart again: what the offline models may know is what stands between its tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from agents.prompting import TAGS, names_document
from agents.question import AnswerKind

MENDING: Final = "You are the copyist who mends a reply that could not be read."
_ELEMENT: Final = re.compile(rf"^<({'|'.join(TAGS)})>\n(.*?)\n?^</\1>$", re.MULTILINE | re.DOTALL)
_ESCAPED: Final = re.compile(rf"&lt;(?=/?(?:{'|'.join(TAGS)})>)")
_NAME_WORDS: Final = 8
"""A field of a document's name is short; a longer "Source: ..." line is the source itself."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One prompt, taken apart. Every field is empty where the prompt has no such element."""

    opening: str
    """The first line of the system part, which names the task."""
    system: str
    user: str
    """The whole user part, for prompts that have no elements at all."""
    source: str
    """Source text or system state, without a line that only names a document."""
    conversation: str
    question: str
    notes: str
    hints: tuple[str, ...]
    reference: str
    answer: str
    thinking: str
    critique: str
    response: str
    rules: str

    @property
    def text(self) -> str:
        """Everything there is to read facts from: the source, then the conversation."""
        return "\n".join(part for part in (self.source, self.conversation) if part)

    @property
    def answer_kind(self) -> AnswerKind:
        """The shape of answer that the system part asks for."""
        if "the number alone" in self.system:
            return "number"
        return "json" if "the JSON alone" in self.system else "text"

    @property
    def wants_aha(self) -> bool:
        """Whether the turning points are to stay visible."""
        return '"Aha!"' in self.system


def read(messages: Iterable[Mapping[str, object]]) -> Sheet:
    """The sheet of a chat. Messages of any shape are read as far as they have text; never raises."""
    system: list[str] = []
    user: list[str] = []
    for message in messages:
        (system if message.get("role") == "system" else user).append(_text(message.get("content")))
    if user and user[-1].startswith(MENDING):
        # A repair is asked for within the chat that went wrong; it is the last message that counts.
        system, user = user[-1:], user[-1:]
    told, given = "\n".join(system), "\n".join(user)
    found: dict[str, list[str]] = {tag: [] for tag in TAGS}
    for tag, inner in _ELEMENT.findall(given):
        found[tag].append(_ESCAPED.sub("<", inner).strip())
    one = {tag: "\n".join(parts) for tag, parts in found.items()}
    return Sheet(
        opening=told.strip().split("\n", maxsplit=1)[0].strip(),
        system=told,
        user=given,
        source=_without_name(one["source"]),
        conversation=re.sub(r"^system: ", "", one["conversation"]),
        question=one["question"],
        notes=one["notes"],
        hints=tuple(found["hint"]),
        reference=one["reference"],
        answer=one["answer"],
        thinking=one["thinking"],
        critique=one["critique"],
        response=one["response"],
        rules=one["rules"],
    )


def _text(content: object) -> str:
    """A message's text; a list of parts, as multimodal chats have it, is joined."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _without_name(source: str) -> str:
    first, _, rest = source.partition("\n")
    fields = re.split(r"[.;]\s+", first)
    if names_document(first) and all(len(f.split()) <= _NAME_WORDS for f in fields):
        return rest.strip()
    return source
