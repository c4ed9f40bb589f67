"""A book's text as windows: a page or two of whole paragraphs, short enough for a teacher to read in one call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from statistics import median
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

WORDS: Final = 450
"""A window ends with the paragraph that brings it to so many words; a longer paragraph is cut between sentences."""
_LONG_LINE: Final = 120
"""Characters; where the lines of a block are mostly longer, nobody wrapped them, and each is a paragraph."""
_CLOSING: Final = ".!?…:;\"'”’»)"
_SENTENCE_END: Final = re.compile(
    r"(?<![A-Z])(?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\bSt)[.!?…]+[\"'”’»)\]]*\s+(?=[\"'“‘«(\[—]*[A-ZÀ-Þ0-9])"
)


class Window(BaseModel):
    """One item of a dataset of kind text."""

    model_config = ConfigDict(frozen=True)

    source: str
    """Name of the file."""
    line: int
    """Where it begins in the file, from 1."""
    heading: str = ""
    """The last heading before it, such as "CHAPTER IX"; empty: none was seen."""
    text: str
    """Paragraphs, apart by blank lines, each in one line."""


class Paragraph(NamedTuple):
    """A paragraph in one line, and the line of the file in which it begins."""

    line: int
    text: str


def windows(text: str, source: str) -> Iterator[Window]:
    """The windows of a text, in its order, none overlapping; headings stand between windows, never in them."""
    heading, line, gathered, words = "", 0, list[str](), 0
    for paragraph in paragraphs(text):
        title = is_heading(paragraph.text)
        if gathered and (title or words >= WORDS):
            yield Window(source=source, line=line, heading=heading, text="\n\n".join(gathered))
            gathered, words = [], 0
        if title:
            heading = paragraph.text if any(c.isalpha() for c in paragraph.text) else heading
            continue
        for part in _parts(paragraph.text):
            if words >= WORDS:
                yield Window(source=source, line=line, heading=heading, text="\n\n".join(gathered))
                gathered, words = [], 0
            if not gathered:
                line = paragraph.line
            gathered.append(part)
            words += len(part.split())
    if gathered:
        yield Window(source=source, line=line, heading=heading, text="\n\n".join(gathered))


def paragraphs(text: str) -> Iterator[Paragraph]:
    """The paragraphs of a text, however its lines are broken: blank lines part them, or lines that end like one."""
    lines = text.lstrip("\ufeff").splitlines()
    said_lines = [line.strip() for line in lines if line.strip()]
    single = len(said_lines) == len(lines) and sum(s[-1] in _CLOSING for s in said_lines) >= 0.6 * len(lines)
    block: list[tuple[int, str]] = []
    for number, line in enumerate([*lines, ""], 1):
        if said := " ".join(line.split()):
            block.append((number, said))
        if block and (single or not said):
            yield from _block(block)
            block = []


def is_heading(paragraph: str) -> bool:
    """Whether a paragraph only names a part of the book, or rules one off."""
    if not any(c.isalpha() for c in paragraph):
        return True
    words = paragraph.split()
    if len(words) > 12 or paragraph[-1] in ".,;!?…\"'”’—":
        return bool(re.fullmatch(r"(?:chapter|part|book|volume|letter)\b\s*[\w.]{1,12}", paragraph, re.I))
    return paragraph == paragraph.upper() or bool(re.match(r"(?:chapter|part|book|volume)\b", paragraph, re.I))


def sentences(paragraph: str) -> list[str]:
    """The sentences of a paragraph, in its words; joined by a space they are the paragraph."""
    found, at = [], 0
    for end in _SENTENCE_END.finditer(paragraph):
        found.append(paragraph[at : end.end()].rstrip())
        at = end.end()
    return [*found, paragraph[at:]] if paragraph[at:] else found


def _block(block: list[tuple[int, str]]) -> Iterator[Paragraph]:
    """Lines that stand together: one wrapped paragraph, or a paragraph each."""
    if len(block) > 1 and median(len(line) for _, line in block) > _LONG_LINE:
        yield from (Paragraph(number, line) for number, line in block)
        return
    yield Paragraph(block[0][0], " ".join(line for _, line in block))


def _parts(paragraph: str) -> Iterator[str]:
    """The paragraph, or what it has to be cut into for windows to stay short."""
    if len(paragraph.split()) <= WORDS * 1.5:
        yield paragraph
        return
    part: list[str] = []
    words = 0
    for sentence in sentences(paragraph):
        part.append(sentence)
        words += len(sentence.split())
        if words >= WORDS:
            yield " ".join(part)
            part, words = [], 0
    if part:
        yield " ".join(part)
