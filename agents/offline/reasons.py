"""Does a reason fit what it is given for? The facts and programs that an explanation of a response leans on."""

from __future__ import annotations

import re
from typing import Final

from agents.offline import machine, meaning
from agents.offline.tags import Sheet
from agents.offline.words import content, quoted, stem

_USE: Final = re.compile(
    r"\b(?:using|uses?|running|runs?)\s+`?([\w.-]*\w)`?[^.\n]{0,60}?\s(?:(?:since|because|as)\s+it|which)\s+([^\n]+)",
    re.IGNORECASE,
)
_TELLING: Final = 2
"""Words that a reason shares with what a program does: with one alone, "it is a network" would do for ping."""
_THEN: Final = re.compile(r"\busing `?([\w.-]*\w)`?, ([\w.-]*\w)", re.IGNORECASE)
_LEADS: Final = frozenset(["since", "because", "as", "which", "for", "to", "and", "then", "in", "so", "with"])
"""What may follow "Using parted, ": a reason. "Using parted, the user writes ..." gives none."""
_COUNTED: Final = re.compile(r"\b(?:one|two|three|four|\d+|only|choose|choice|disks?|drives?|which)\b", re.IGNORECASE)
_ASKED: Final = re.compile(r"\buser (?:is|was|has been) (?:being )?asked to (\w+)", re.IGNORECASE)
_CONCLUDES: Final = re.compile(r"[\"“]([^\"“”\n]+: [^\"“”\n]+)[\"”],? so ([^.\n]+)")
_NEED: Final = content("needs requires must wants user")
_TO_MOUNT: Final = re.compile(r"\b(?:not mounted|(?:needs?|has|have) to be mounted)\b", re.IGNORECASE)
_ALREADY: Final = re.compile(r"\balready (?:been )?(\w+)", re.IGNORECASE)
_KEPT: Final = re.compile(r"\bnothing\b[^.\n]{0,40}\b(?:lost|erased|gone|deleted|wiped)\b", re.IGNORECASE)
_LOST: Final = re.compile(r"\b(?:everything|all)\b[^.\n]{0,60}\b(?:lost|erased|gone|deleted|wiped)\b", re.IGNORECASE)
_COMMAND: Final = re.compile(r"\bwhich is a (?:shell )?command\b", re.IGNORECASE)
_ABOUT: Final = (
    (re.compile(r"\b(?:network|internet|wi-?fi)\b", re.IGNORECASE), machine.NETWORKED),
    (re.compile(r"\b(?:boot|firmware)\b", re.IGNORECASE), machine.BOOTING),
    (re.compile(r"\b(?:disks?|drives?|mounts?|partitions?)\b", re.IGNORECASE), machine.STORAGE),
)
"""What a line of the system state is about, and the programs that it matters to."""


def unfounded(sheet: Sheet, commands: list[str]) -> str:
    """The first reason in a thinking that has nothing to do with the response, as what to change; empty if all fit.

    `commands`: the programs of the response, empty where it is words. Of a program that is not known nothing is said.
    """
    if (asked := _ASKED.search(sheet.thinking)) and content(asked[1]) & content(sheet.question):
        return f'"{asked[0]}": it is the user who asks.'
    if not commands and (called := _COMMAND.search(sheet.thinking)):
        return f'The response is words: take out "{called[0]}".'
    if _LOST.search(sheet.response) and (kept := _KEPT.search(sheet.thinking)):
        return f'"{kept[0]}" is the opposite of what the response says.'
    wish = content(sheet.question)
    bare = [
        (p, "") for p, then in _THEN.findall(sheet.thinking) if then.lower() not in _LEADS | machine.PROGRAMS.keys()
    ]
    for program, reason in [*_USE.findall(sheet.thinking), *bare]:
        does = machine.PROGRAMS.get(program.lower())
        if does and (len(content(reason) & content(does)) < _TELLING or stem(program) in content(reason)):
            return f"{program} {does}: give that as the reason."
    for fact in (one for one in _facts(sheet) if not _matters(one, sheet, commands)):
        about = commands[0] if commands else "the response"
        return f'"{fact}" has nothing to do with {about}: name a concrete detail of the system state that has.'
    for fact, conclusion in _CONCLUDES.findall(sheet.thinking):
        if not content(conclusion) - wish - _NEED:
            return f'"so {conclusion}" only says the wish again: say what "{fact}" means for it.'
        if not _follows(fact, conclusion, commands):
            return f'"so {conclusion}" does not follow: say what "{fact}" means.'
    for done in _ALREADY.finditer(sheet.thinking):
        if commands and content(done[1]) & (wish | _work(commands)) and done[0].lower() not in sheet.text.lower():
            return f'"{done[0]}": nothing that was given says so, and the response does it.'
    return ""


def _follows(fact: str, conclusion: str, commands: list[str]) -> bool:
    """Whether a conclusion says something of what its fact is known to mean, or of what the programs do.

    How many disks there are is a count, which the style's own rules know.
    """
    if " on /" in fact and _TO_MOUNT.search(conclusion):
        return False
    if "disk" in fact.partition(":")[0].lower():
        return _COUNTED.search(conclusion) is not None
    if not (means := meaning.of(fact, commands)):
        return True
    return bool(content(conclusion) & (content(means) | _work(commands)))


def _work(commands: list[str]) -> frozenset[str]:
    """What the programs do, as far as that is known."""
    return content(" ".join(machine.PROGRAMS.get(program, "") for program in commands))


def _facts(sheet: Sheet) -> list[str]:
    """The lines of the system state that a thinking quotes."""
    return [one for one in quoted(sheet.thinking) if ": " in one and one in sheet.source]


def _matters(fact: str, sheet: Sheet, commands: list[str]) -> bool:
    """Whether a line of the system state may bear on the response: by its programs, or by a word they share."""
    said = f"{sheet.question} {sheet.response}".replace("-", " ")
    if content(fact.replace("-", " ")) & (content(said) | _work(commands)):
        return True
    # Only of programs that are known to be about something else is it certain.
    about = [programs for name, programs in _ABOUT if name.search(fact.partition(":")[0])]
    known = frozenset[str]().union(*(programs for _, programs in _ABOUT))
    if not about or not set(commands) <= known:
        return True
    return any(set(commands) & programs for programs in about)
