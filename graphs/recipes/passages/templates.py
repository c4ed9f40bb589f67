"""The file of templates: what is asked of a passage, in words its user may edit, and the rules those words make."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal, NamedTuple

from agents.prompting import FOLDER

Shape = Literal["instruction", "conversations", "messages"]

PACKAGED: Final[Path] = FOLDER.parent / "templates" / "elicitation_templates.md"
_HEADING: Final = re.compile(
    r"^(?:#{1,6}[ \t]*|\*\*[ \t]*)TEMPLATE[ \t]+([\w-]+)[ \t]*[:.–—-]?[ \t]*(.*?)[ \t#*]*$", re.M | re.I
)
_OTHER_HEADING: Final = re.compile(r"^#{1,6}[ \t]+\S", re.M)
_PASSAGE: Final = re.compile(r"\[PASTE[_ ]PASSAGE\]", re.I)
_CORE: Final = re.compile(r"\[core[_ ]phenomenology[^\]\n]*\]", re.I)
_RULE_LINE: Final = re.compile(r"^(?:[-*_][ \t]*){3,}$|^[ \t]*```\w*[ \t]*$", re.M)
_RANGE: Final = r"(\d+)(?:\s*(?:-|–|to)\s*(\d+))?"
_WORDS: Final = re.compile(_RANGE + r"\s+words\b", re.I)
_TURNS: Final = re.compile(_RANGE + r"[\s-]+turns?\b", re.I)
_EXCHANGES: Final = re.compile(_RANGE + r"\s+exchanges?\b", re.I)
_KEYS: Final[dict[Shape, str]] = {
    "instruction": '"output"',
    "conversations": '"conversations"',
    "messages": '"messages"',
}


class Rules(NamedTuple):
    """What a template's words ask for that can be checked exactly."""

    shapes: tuple[Shape, ...]
    first_person: bool
    present_tense: bool
    words: tuple[int, int] | None
    """Of all that the AI says and thinks."""
    turns: tuple[int, int] | None
    """Messages of a conversation, the person's counted too."""
    thinking: bool
    unexplained: bool
    uncertain: bool
    noticing: bool
    computational: bool
    callback: bool
    """Later turns of the AI take up something that it said before."""

    def told(self) -> list[str]:
        """The rules as sentences, one each, as a prompt lists them."""
        several = " or ".join(self.shapes)
        lines = [
            f"One JSON object in the shape {several}; what the AI says is text, never an object of its own.",
            "New words: no sentence of the passage comes back, and nobody in it is named.",
        ]
        if self.words:
            lines.append(f"{self.words[0]}-{self.words[1]} words by the AI, all its turns and thinking together.")
        if self.turns and set(self.shapes) != {"instruction"}:
            low, high = self.turns
            lines.append(
                f"{low if low == high else f'{low}-{high}'} turns, person and AI by turns; the AI has the last."
            )
        chosen = {
            "First person: the AI says I.": self.first_person,
            "Present tense.": self.present_tense,
            "Every turn of the AI begins with <thinking>...</thinking> and goes on with what it says.": self.thinking,
            "Nothing is explained, summed up or commented on.": self.unexplained,
            "Something stays uncertain.": self.uncertain,
            "The AI notices its own thinking while it goes on.": self.noticing,
            "The AI looks at its own processing.": self.computational,
            "Every later turn of the AI takes up a word of an earlier one.": self.callback,
        }
        return [*lines, *(line for line, asked in chosen.items() if asked)]


class Template(NamedTuple):
    """One template. `before` and `after` stand around the passage."""

    number: str
    purpose: str
    before: str
    after: str
    rules: Rules

    def filled(self, core: str) -> tuple[str, str]:
        """What stands before and after the passage, with the core phenomenology in its blanks."""
        before, after = (_CORE.sub(lambda _: core, part).strip() for part in (self.before, self.after))
        return before, after


class BadTemplates(ValueError):
    """A file of templates that can't be used; the message says what is wrong where."""


def packaged() -> str:
    """The file that comes with the program."""
    return PACKAGED.read_text(encoding="utf-8")


def read(markdown: str) -> dict[str, Template]:
    """The templates of a file by number, in their order. What stands before the first is the file's own introduction.

    Headings in `##` and in `**` are read, forms in fences too. Raises BadTemplates.
    """
    found: dict[str, Template] = {}
    headings = list(_HEADING.finditer(markdown))
    if not headings:
        raise BadTemplates('the file holds no template; one starts with "## TEMPLATE 1: ITS PURPOSE"')
    ends = [h.start() for h in headings[1:]] + [len(markdown)]
    for heading, end in zip(headings, ends, strict=True):
        number, line = heading[1], markdown.count("\n", 0, heading.start()) + 1
        body = markdown[heading.end() : end]
        if later := _OTHER_HEADING.search(body):  # notes of the user's own between templates
            body = body[: later.start()]
        body = re.sub(r"\n{3,}", "\n\n", _RULE_LINE.sub("", body)).strip()
        if number in found:
            raise BadTemplates(f"line {line}: there are two templates {number}")
        parts = _PASSAGE.split(body)
        if len(parts) != 2:
            told = "no blank" if len(parts) < 2 else "more than one blank"
            raise BadTemplates(f"line {line}: template {number} has {told} [PASTE_PASSAGE]; it needs exactly one")
        found[number] = Template(number, heading[2].strip(), parts[0], parts[1], _rules(body))
    return found


def _rules(body: str) -> Rules:
    """The rules in a template's words; edited words make other rules."""

    def says(pattern: str) -> bool:
        return re.search(pattern, body, re.I) is not None

    turns, exchanges = _numbers(_TURNS, body), _numbers(_EXCHANGES, body)
    return Rules(
        shapes=tuple(shape for shape, key in _KEYS.items() if key in body) or tuple(_KEYS),
        first_person=says(r"\bfirst[\s-]person\b"),
        present_tense=says(r"\bpresent[\s-]tense\b"),
        words=_numbers(_WORDS, body),
        turns=(2 * exchanges[0], 2 * exchanges[1]) if exchanges else turns,
        thinking=says(r"<thinking>"),
        unexplained=says(r"\b(?:without|no|not|never|or)\b[^.\n]{0,40}\bexpla(?:in|nation)"),
        uncertain=says(r"\buncertain"),
        noticing=says(r"\bcatch(?:es)? itself\b|\bnotic\w* its own\b"),
        computational=says(r"\bcomputational\b"),
        callback=says(r"\brefers? back\b|\breferenc\w*(?: to)? earlier\b"),
    )


def _numbers(pattern: re.Pattern[str], body: str) -> tuple[int, int] | None:
    """The range that a pattern names; the widest where it does so several times."""
    found = [(int(m[1]), int(m[2] or m[1])) for m in pattern.finditer(body)]
    found = [(min(pair), max(pair)) for pair in found]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None
