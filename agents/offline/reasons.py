"""Does a reason fit what it is given for? The facts and programs that an explanation of a response leans on."""

from __future__ import annotations

import re
from typing import Final

from agents.offline import machine
from agents.offline.tags import Sheet
from agents.offline.words import content, quoted

_USE: Final = re.compile(
    r"\b(?:using|uses?|running|runs?)\s+`?([\w.-]*\w)`?[^.\n]{0,60}?\s(?:(?:since|because|as)\s+it|which)\s+([^\n]+)",
    re.IGNORECASE,
)
_ASKED: Final = re.compile(r"\buser (?:is|was|has been) (?:being )?asked to (\w+)", re.IGNORECASE)
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
    wish = content(sheet.question)
    for program, reason in _USE.findall(sheet.thinking):
        does = machine.PROGRAMS.get(program.lower())
        if does and not content(reason) & (content(does) | wish):
            return f"{program} {does}: give that as the reason."
    for fact in (one for one in _facts(sheet) if not _matters(one, sheet, commands)):
        about = commands[0] if commands else "the response"
        return f'"{fact}" has nothing to do with {about}: name a concrete detail of the system state that has.'
    return ""


def _facts(sheet: Sheet) -> list[str]:
    """The lines of the system state that a thinking quotes."""
    return [one for one in quoted(sheet.thinking) if ": " in one and one in sheet.source]


def _matters(fact: str, sheet: Sheet, commands: list[str]) -> bool:
    """Whether a line of the system state may bear on the response: by its programs, or by a word they share."""
    does = " ".join(machine.PROGRAMS.get(program, "") for program in commands)
    said = f"{sheet.question} {sheet.response} {does}".replace("-", " ")
    if content(fact.replace("-", " ")) & content(said):
        return True
    # Only of programs that are known to be about something else is it certain.
    about = [programs for name, programs in _ABOUT if name.search(fact.partition(":")[0])]
    known = frozenset[str]().union(*(programs for _, programs in _ABOUT))
    if not about or not set(commands) <= known:
        return True
    return any(set(commands) & programs for programs in about)
