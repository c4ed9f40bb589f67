"""The block format of passages.md, which a person edits: read forgivingly as to spacing, strictly as to content."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

WIDTH: Final = 88
"""Columns to which a written quote is wrapped; single line breaks mean a space when it is read again."""
_MARK: Final = '["“”„«»]{3}'
_HEADING: Final = re.compile(r"#{1,6}\s*passage\b\s*#?\s*([\w.]*)\s*[:.–—-]*\s*(.*?)[\s#]*", re.I)
_SOURCE: Final = re.compile(r"#{1,6}\s*passages\s+from\s*:?\s*(.*?)[\s#]*", re.I)
_FIELD: Final = re.compile(
    r"[-*+]?\s*[*_]*\s*(core\s+phenomenology|applicable\s+templates?)\s*[*_]*\s*:\s*[*_]*\s*(.*)", re.I
)
_OPEN: Final = re.compile(_MARK + r"\s*(.*)")
_CLOSE: Final = re.compile(rf"(.*?)\s*{_MARK}")
_NOBODYS: Final = re.compile(r"([-*_])(?:\s*\1){2,}|```\w*")
_COMMENT: Final = re.compile(r"<!--.*?-->", re.S)
NO_TEMPLATES: Final = 'has no "**Applicable templates:**" or nothing behind it'
_NUMBER: Final = re.compile(r"(?:templates?\s*)?#?([\w-]+)", re.I)


class Passage(BaseModel):
    """One passage, as an item of a dataset of passages holds it (its JSON)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = ""
    passage: str
    """The quote: paragraphs apart by a blank line, no line breaks inside them."""
    core_phenomenology: str
    """The kinds of experience it shows, in a few words, separated by commas."""
    templates: list[str]
    """Numbers of the templates that fit it, as they stand in the templates' file; empty: none is named."""
    source: str = ""
    """Name of the text it is quoted from; empty: not told."""


class Block(NamedTuple):
    """A passage and where it was read. `quote` is the line of the quote's first words; lines count from 1."""

    line: int
    quote: int
    passage: Passage


class Fault(NamedTuple):
    """What is wrong with the file, and in which line. `block`: the line in which the block begins; 0: in none."""

    line: int
    reason: str
    block: int = 0


@dataclass
class _Draft:
    """A block while it is read."""

    line: int
    title: str
    source: str
    quote: int = 0
    words: list[str] | None = None
    fields: dict[str, str] = field(default_factory=dict)


def read(markdown: str, *, without_templates: bool = False) -> tuple[list[Block], list[Fault]]:
    """The blocks of a file and what is wrong in the others; a block with a fault is left out.

    `without_templates`: a block may name none, for who works with it may choose templates in their place.

    A heading `# Passages from book.txt` names the source of what follows it. Text before the first block, rules
    (`---`), fences and HTML comments are nobody's; any other line that is no part of a block is a fault. Never raises.
    """
    text = _COMMENT.sub(lambda m: "\n" * m[0].count("\n"), markdown.lstrip("\ufeff"))
    faults: list[Fault] = []
    drafts: list[_Draft] = []
    source, inside = "", False
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if heading := _HEADING.fullmatch(line):
            if inside:
                faults.append(Fault(drafts[-1].quote, 'the quote is not closed by """ before the next block'))
            drafts.append(_Draft(number, heading[2], source))
            inside = False
        elif inside:
            inside = not _quoted(line, number, drafts[-1])
        elif named := _SOURCE.fullmatch(line):
            source = named[1]
        elif drafts and line and not _NOBODYS.fullmatch(line):
            inside = _outside(line, number, drafts[-1], faults)
    if inside:
        faults.append(Fault(drafts[-1].quote, 'the quote is not closed by """'))
    if not drafts:
        faults.append(Fault(1, 'the file holds no block; a block starts with "## PASSAGE 1: its title"'))
    blocks = _finished(drafts, faults, without_templates)
    begins = [draft.line for draft in drafts]
    return blocks, sorted(f._replace(block=max((b for b in begins if b <= f.line), default=0)) for f in faults)


def write(passages: Iterable[Passage]) -> str:
    """The file of these passages, numbered from 1. Raises ValueError where a quote would not be read back as it is."""
    parts: list[str] = []
    source = ""
    for number, passage in enumerate(passages, 1):
        if passage.source and passage.source != source:
            source = passage.source
            parts.append(f"# Passages from {source}\n\n")
        paragraphs = re.split(r"\n\s*\n", passage.passage.strip())
        words = "\n\n".join(
            textwrap.fill(" ".join(p.split()), WIDTH, break_long_words=False, break_on_hyphens=False)
            for p in paragraphs
        )
        block = (
            f"## PASSAGE {number}: {' '.join(passage.title.split())}\n"
            f"**Core phenomenology:** {' '.join(passage.core_phenomenology.split())}\n\n"
            f'"""\n{words}\n"""\n\n'
            f"**Applicable templates:** {', '.join(passage.templates)}\n\n---\n"
        )
        again, _ = read(block)
        if [normal(b.passage.passage) for b in again] != [normal(passage.passage)]:
            raise ValueError(f"passage {number} ({passage.title!r}) cannot be written as a block")
        parts.append(block if not parts or parts[-1].startswith("# ") else f"\n{block}")
    return "".join(parts)


def not_in(blocks: Iterable[Block], source: str) -> list[Fault]:
    """The quotes that do not stand in the source word for word; white space aside, every character counts."""
    whole = normal(source)
    faults = []
    for block in blocks:
        quote = normal(block.passage.passage)
        if quote not in whole:
            faults.append(Fault(block.quote, _where_it_leaves(quote, whole), block.line))
    return faults


def templates_at_fault(passage: Passage, templates: Collection[str]) -> str:
    """What is wrong with the templates that a passage names; empty where nothing. `templates`: the file's numbers."""
    if not passage.templates:
        return f"{NO_TEMPLATES}; add it, or choose templates for all passages"
    lacking = [number for number in passage.templates if number not in templates]
    return f"asks for template {lacking[0]}; the file has {', '.join(templates)}" if lacking else ""


def normal(text: str) -> str:
    """Text with every run of white space as one space: two quotes are the same when this is."""
    return " ".join(text.split())


# ---------------------------------------------------------------- lines
def _outside(line: str, number: int, draft: _Draft, faults: list[Fault]) -> bool:
    """Takes a line that stands in a block, but in no quote; returns whether a quote goes on after it."""
    if known := _FIELD.fullmatch(line):
        name = known[1].split()[0].lower()
        if name in draft.fields:
            faults.append(Fault(number, f'the block has "{known[1]}" twice'))
        draft.fields[name] = known[2].strip(" *_")
    elif opening := _OPEN.fullmatch(line):
        if draft.words is not None:
            faults.append(Fault(number, "the block has a second quote; a second passage needs its own heading"))
        draft.quote, draft.words = number, []
        return not (opening[1] and _quoted(opening[1], number, draft))
    else:
        faults.append(Fault(number, f"this line belongs to no part of a block: {_short(line)}"))
    return False


def _quoted(line: str, number: int, draft: _Draft) -> bool:
    """Takes a line of a quote; returns whether it ends there."""
    assert draft.words is not None
    if not any(draft.words):
        draft.quote = number
    if ending := _CLOSE.fullmatch(line):
        draft.words.append(ending[1])
        return True
    draft.words.append(line)
    return False


def _finished(drafts: list[_Draft], faults: list[Fault], without_templates: bool) -> list[Block]:
    blocks: list[Block] = []
    seen: dict[str, int] = {}
    broken = {fault.line for fault in faults}
    ends = [draft.line for draft in drafts[1:]] + [10**9]
    for draft, end in zip(drafts, ends, strict=False):
        lines = "\n".join(draft.words or [])
        quote = "\n\n".join(normal(p) for p in re.split(r"\n\s*\n", lines) if p.strip())
        numbers = _numbers(draft.fields.get("applicable", ""))
        found = []
        if draft.words is None:
            found.append('the block has no quote between """ and """')
        elif not quote:
            found.append("the quote is empty")
        elif quote in seen:
            found.append(f"the block quotes the same passage as the one in line {seen[quote]}")
        if not draft.fields.get("core"):
            found.append('the block has no "**Core phenomenology:**" or nothing behind it')
        if numbers is None:
            found.append(f'"**Applicable templates:**" lists no numbers: {_short(draft.fields["applicable"])}')
        elif not numbers and not without_templates:
            found.append(f"the block {NO_TEMPLATES}")
        faults += [Fault(draft.line, reason) for reason in found]
        if found or any(draft.line <= line < end for line in broken):
            continue
        seen[quote] = draft.line
        passage = Passage(
            title=draft.title,
            passage=quote,
            core_phenomenology=draft.fields["core"],
            templates=numbers or [],
            source=draft.source,
        )
        blocks.append(Block(draft.line, draft.quote, passage))
    return blocks


def _numbers(told: str) -> list[str] | None:
    """ "1, 2 and 4" as its numbers, each once; None where something in it is none."""
    parts = [p for p in re.split(r"[\s,;&]+|\band\b", told.strip(" .[]()")) if p and p.lower() != "and"]
    found = [_NUMBER.fullmatch(p) for p in parts if not re.fullmatch("templates?", p, re.I)]
    if any(m is None or not m[1][0].isdigit() for m in found):
        return None
    return list(dict.fromkeys(m[1] for m in found if m))


def _where_it_leaves(quote: str, whole: str) -> str:
    """Says how far a quote can be followed in the source, which is where its editor will look."""
    words = quote.split(" ")
    low, high = 0, len(words)
    while low < high:  # the beginnings that stand in the source are all shorter than those that do not
        middle = (low + high + 1) // 2
        low, high = (middle, high) if " ".join(words[:middle]) in whole else (low, middle - 1)
    if low == 0:
        return f"the quote is not in the source, not even its first word {_short(words[0])}"
    after, next_ = " ".join(words[max(0, low - 5) : low]), words[low]
    return f"the quote leaves the source after {_short(after)}: {_short(next_)} does not follow there"


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
