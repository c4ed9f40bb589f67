"""The rule-based student on given responses: says in a few lines what is wanted, what is so, and why this response.

Unprompted it names only what the response itself touches; which further fact of the state matters it has to be told.
"""

from __future__ import annotations

import re
from typing import Final

from agents.offline import machine
from agents.offline.tags import Sheet
from agents.offline.words import quoted, sentences, shorten

_POLITE: Final = re.compile(
    r"^(?:(?:please|now|ok(?:ay)?|hi|hello|hey|then|so|alright)\b[,!. ]*|(?:can|could|would|will) you (?:please )?"
    r"|i (?:want|need|would like|'d like) (?:you )?to |i['’]d like to |help me (?:to )?|let['’]?s )+",
    re.IGNORECASE,
)
_AGREES: Final = re.compile(
    r"^(?:yes|yep|yeah|sure|ok(?:ay)?|go ahead|do it|confirm(?:ed)?|proceed|sounds good|that['’]s right|correct)\b",
    re.I,
)
_ASKS: Final = re.compile(
    r"^(?:what|which|how|is|are|do|does|did|am|why|where|when|who|should|has|have|will|was|can i|could i)\b",
    re.IGNORECASE,
)
_ACTS: Final = re.compile(
    r"^(?:install|partition|format|list|show|set|mount|unmount|create|add|make|check|wipe|erase|encrypt|connect|enable|start"
    r"|reboot|restart|shut|change|give|use|put|update|generate|test|copy|configure|switch|turn|find|write|delete|remove|see"
    r"|prepare|open|ping|sync|save|finish|get|run|name|call|split|resize|print|tell|display)\b",
    re.IGNORECASE,
)
_WORRIES: Final = re.compile(
    r"\b(?:scared|afraid|worr\w+|nervous|anxious|terrified|panick\w*|lose (?:my|all|everything))\b", re.I
)
_DESTROYS: Final = re.compile(
    r"\b(?:eras\w+|wip\w+|destroy\w*|delet\w+|los[et]\w*|overwrit\w+|cannot be undone|gone)\b", re.I
)
_ABSENT: Final = re.compile(r"^(?:none|not\b|no\b|unset|empty|-$)", re.IGNORECASE)
_THIRD_PERSON: Final = {
    "my": "their", "me": "them", "i": "they", "mine": "theirs", "i'm": "they are", "i've": "they have", "our": "their",
    "we": "they", "us": "them", "am": "are", "your": "the assistant's", "you": "the assistant",
}  # fmt: skip
_CHANGES_DISK: Final = frozenset(["sgdisk", "gdisk", "parted", "fdisk", "sfdisk", "wipefs", "cryptsetup", "dd"])


def explain(sheet: Sheet) -> str:
    """Two to four lines of thinking that lead to the given response."""
    commands = named_programs(sheet.response)
    state = machine.read_state(sheet.source)
    lines = [_wish(sheet)]
    told, fields = _facts(sheet, state, commands)
    reasons = _why_command(sheet, state, commands) if commands else _why_text(sheet, state, told)
    if told:
        aha = "Aha! " if sheet.wants_aha and sheet.hints else ""
        lines.append(aha + _sentence(told))
    elif fields:
        lines.append(fields)
    return "\n".join([*lines, *reasons][:4])


def respond(sheet: Sheet) -> str:
    """The response that the notes alone lead to: the programs they name, in order, or what the reply should say."""
    disk = machine.disk_in(sheet.notes)
    named = [p for p in re.findall(r"(?<![\w./-])[a-z][\w.-]*\w", sheet.notes) if p in machine.PROGRAMS]
    # "Using X" names programs; "mount" and "ln" are words of everyday English elsewhere.
    said = re.search(r"\bUsing (.+?) in this order\b", sheet.notes) or re.search(r"\bUsing (\S*\w)", sheet.notes)
    chosen = [p for p in named if said and p in re.findall(r"[a-z][\w.-]*\w", said.group(1))] or named[:1]
    if "the shell command alone" not in sheet.system:
        lines = sentences(sheet.notes)
        return f"Answer: {lines[-1]}" if lines else "Answer: What exactly should be done?"
    if not chosen:
        unknown = re.search(r"\bUsing ([\w./-]+)", sheet.notes)
        return f"Answer: {unknown.group(1)}" if unknown else "Answer: unknown"
    touches = chosen[0] in _CHANGES_DISK | {"lsblk", "mount"} or chosen[0].startswith("mk")
    return f"Answer: {' && '.join(dict.fromkeys(chosen))}{f' {disk}' if disk and touches else ''}"


def named_programs(response: str) -> list[str]:
    """The programs of a response that is a command; empty for a text. A known program has to come first, or a flag."""
    first = response.strip().split("\n")[0]
    found = machine.programs(response)
    known = bool(found) and found[0] in machine.PROGRAMS
    prose = re.match(r"^[A-Z][a-z']*\b", first) or first.endswith((".", "?", "!"))
    looks = re.search(r"\s--?\w|/dev/|&&|\|", first) is not None or len(first.split()) == 1
    return found if found and not prose and (known or looks) else []


def _wish(sheet: Sheet) -> str:
    """The user's wish in one sentence, in the third person."""
    said = re.sub(r"\s+", " ", sheet.question).strip()
    first = shorten(sentences(said)[0] if said else "", 110)
    bare = re.sub(r",? please$", "", _POLITE.sub("", first).strip(" .!?"), flags=re.IGNORECASE)
    if not bare and not _AGREES.match(first):
        return "User has not said what to do yet."
    if _AGREES.match(said) and len(said.split()) <= 8:
        offered = [s for s in sentences(sheet.conversation) if s.endswith("?")][-1:]
        about = f' what was proposed: "{shorten(re.sub("^assistant: ", "", offered[0]), 90)}"' if offered else " it"
        return f"User agrees to{about}."
    if _WORRIES.search(said):
        return f'User is worried: "{bare}".'
    if _ACTS.match(bare):
        return f"User wants to {_third_person(bare[0].lower() + bare[1:])}."
    if first.endswith("?") or _ASKS.match(bare):
        return f'User asks "{bare}?".'
    return f'User says "{bare}".'


def _third_person(text: str) -> str:
    return re.sub(r"\b[A-Za-z]+(?:['’][a-z]+)?\b", lambda m: _THIRD_PERSON.get(m.group().lower(), m.group()), text)


def _facts(sheet: Sheet, state: machine.State, commands: list[str]) -> tuple[list[str], str]:
    """Facts of the state to name: what the response touches or a hint quotes. Else a quoted field as a sentence."""
    said = [q.strip() for h in sheet.hints for q in quoted(h)]
    hinted = {q.casefold() for q in said}
    facts: list[str] = []
    if state.boot and (any(p in machine.BOOTING for p in commands) or state.boot.casefold() in hinted):
        facts.append(f"the system is in {state.boot} mode")
    partitions = [m.group() for m in machine.DISK.finditer(sheet.response) if machine.PARTITION.search(m.group())]
    known = any(p in value for p in partitions for _, value in state.fields)
    if not known and (disk := _disk(f"{sheet.response} {sheet.question} {' '.join(said)}", state)):
        facts.append(f"the disk {disk[0]} has {disk[1]}")
    if state.network and (any(p in machine.NETWORKED for p in commands) or "network" in " ".join(hinted)):
        facts.append(f'the network is given as "{shorten(state.network, 40)}"')
    if facts:
        return facts, ""
    for key, value in state.fields:
        named = f"{key}: {value}".casefold() in hinted or key.casefold() in hinted or value.casefold() in hinted
        if named or any(p in value for p in partitions):
            undone = ", so that is still to be done" if _ABSENT.match(value) and commands else ""
            return [], f'The state says "{key}: {shorten(value, 70)}"{undone}.'
    return [], ""


def _disk(text: str, state: machine.State) -> tuple[str, str] | None:
    """The disk a text is about, if the state gives its size: one named outright, else the one a partition is on."""
    named = {m.group(1) for m in machine.DISK.finditer(text)}
    whole = {machine.PARTITION.sub("", n) for n in named}
    sized = [(name, size) for name, size in state.disks if size]
    for wanted in (named, whole):
        for name, size in sized:
            if name.removeprefix("/dev/") in wanted:
                return name, size
    return None


def _sentence(facts: list[str]) -> str:
    text = ", and ".join([", ".join(facts[:-1]), facts[-1]]) if len(facts) > 1 else facts[0]
    return f"{text[0].upper()}{text[1:]}."


def _why_command(sheet: Sheet, state: machine.State, commands: list[str]) -> list[str]:
    known = [p for p in commands if p in machine.PROGRAMS]
    if len(commands) == 1 and known:
        lines = [f"Using {known[0]}: it {machine.PROGRAMS[known[0]]}."]
    elif not known:
        lines = [f"Using {commands[0]}, since that is the program made for this step."]
    else:
        shown = ", ".join(commands[:-1]) + f" and {commands[-1]}" if len(commands) <= 4 else ", ".join(commands[:4])
        does = shorten(machine.PROGRAMS[known[0]].split(",")[0], 70)
        lines = [f"Using {shown} in this order: {known[0]} {does}, and the rest builds on that."]
    special = _special(sheet.response, state.boot)
    if special:
        lines.append(special)
    elif _CHANGES_DISK & set(commands) and _AGREES.match(sheet.question):
        lines.append("This changes what is on the disk, which is why it waited for a clear yes.")
    return lines


def _special(command: str, boot: str) -> str:
    """What the flags of a command have to do with the boot mode or the kind of disk; empty where nothing is known."""
    uefi, bios = "uefi" in boot.lower(), "bios" in boot.lower() or "legacy" in boot.lower()
    size = re.search(r"\+(\d+(?:\.\d+)?[KMGT])(?:iB)?\b", command)
    rest = re.search(r"-n\s*\d+:0:0\b|\b100%", command) is not None
    if uefi and (re.search(r"\bef00\b", command, re.IGNORECASE) or re.search(r"\besp on\b", command)):
        kind = ", ".join(x for x in (size.group(1) if size else "", "ef00" if "ef00" in command.lower() else "") if x)
        remainder = ", and the remainder is left for root" if rest else ""
        return f"UEFI needs an EFI system partition{f' ({kind})' if kind else ''}{remainder}."
    if bios and (re.search(r"\bef02\b", command, re.IGNORECASE) or "bios_grub" in command):
        return "Booting a GPT disk from BIOS needs a small BIOS boot partition (ef02) for the boot loader."
    if bios and re.search(r"\bmklabel msdos\b|\blabel: dos\b", command):
        return "BIOS boots from an msdos partition table, so no EFI partition is needed."
    if uefi and "x86_64-efi" in command:
        return "The target x86_64-efi is the one that fits UEFI."
    if bios and "i386-pc" in command:
        return "The target i386-pc is the one that fits BIOS, and it goes to the disk, not to a partition."
    if re.search(r"\buseradd\b.*\bwheel\b", command):
        return "The group wheel is what lets an account use sudo."
    return ""


def _why_text(sheet: Sheet, state: machine.State, told: list[str]) -> list[str]:
    """Why a reply in words fits: what it does, and what it is about."""
    reply, request = sheet.response, sheet.question
    lines = []
    if _WORRIES.search(request):
        lines.append("Nobody should decide about a disk while afraid for data, so the reply calms and stays concrete.")
    whole = [d for d in state.disks if not machine.PARTITION.search(d[0])]
    if "?" in reply and len(whole) > 1 and not machine.DISK.search(request):
        named = " and ".join(f"{name} ({size})" if size else name for name, size in whole[:3])
        lines.append(f"There are {len(whole)} disks, {named}, and the request does not say which one.")
        told.clear()
    if "?" in reply and _DESTROYS.search(reply):
        lines.append("What is on the disk would be lost, so the reply warns and asks before anything is written.")
    elif "?" in reply:
        lines.append("One thing is still missing for a safe step, so the reply asks for it before anything is run.")
    elif _DESTROYS.search(reply):
        lines.append("The step cannot be taken back, so the reply says plainly what it costs.")
    else:
        lines.append(
            "The user wants to understand, not to change anything, so an answer in words fits and nothing is run."
        )
    if "?" not in reply and len(said := sentences(reply)) > 1 and len(said[0]) < 110:
        lines.append(f"The core of it: {said[0]}")
    return lines
