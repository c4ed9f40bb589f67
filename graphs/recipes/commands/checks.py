"""Whether a request says what its plan means, and nothing else. Complaints go to the teacher word for word."""

from __future__ import annotations

import re
from typing import Final

from graphs.recipes.commands import frames
from graphs.recipes.commands.asks import avoided, nouns_of, words_for
from graphs.recipes.commands.phrases import has, without
from graphs.recipes.commands.plan import POINTING, Plan
from graphs.recipes.commands.rules import unquoted
from graphs.recipes.commands.tree import Command, Schema, Sub, Value

LONGEST: Final = 60
"""Words of a request at most, the values' own included."""
_SYNTAX: Final = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*|[{}`]|\b\w+=\S|\\n|</?\w+>")
_ME: Final = re.compile(r"\b(?:my|mine|me|myself|i|i've|i'm)\b", re.IGNORECASE)
_PATH: Final = re.compile(r"\S*/\S*|\S+\.\w{1,5}\b")
_LABELLED: Final = re.compile(r"^(?:request|instruction|user|input|sentence)\s*:", re.IGNORECASE)


def complaints(schema: Schema, plan: Plan, text: str) -> list[str]:
    """What is wrong with the words, a sentence each that tells how to mend them; empty where nothing."""
    found = []
    if len(text.split()) > LONGEST:
        found.append(f"The request has more than {LONGEST} words; say it shorter.")
    if _LABELLED.match(text):
        found.append("Leave out the label before the request.")
    if leak := _SYNTAX.search(_without(text, plan)):
        found.append(f"\"{leak.group()}\" is the program's language, not a person's; say it in words.")
    return found + (_call(schema, plan, text) if plan.positive else _doubt(schema, plan, text))


# ---------------------------------------------------------------- calls
def _call(schema: Schema, plan: Plan, text: str) -> list[str]:
    command, sub = schema.find(plan.command, plan.subcommand)
    found = []
    for name, value in plan.said.items():
        if not says(text, value):
            found.append(f'The value "{value}" for {name.replace("_", " ")} has to be said as it stands.')
    rest = _without(text, plan)
    for flag in sub.flags:
        if flag.name in plan.flags and not _asks(text, f"{flag.name} {flag.description} {' '.join(flag.phrases)}"):
            found.append(f'"{flag.description or flag.name}" has to be asked for.')
        if flag.name not in plan.flags and any(has(rest, p) for p in flag.phrases if len(p.split()) > 1):
            found.append(f'Nobody wants "{flag.description or flag.name}"; leave it out.')
    found += _pointing(plan, sub, rest, command_target=frames.target(command, sub))
    if numbers := re.findall(r"(?<![\w.-])#?\d+(?![\w.-])", rest):
        found.append(f"The number {numbers[0]} is not among the details; leave it out.")
    if plan.slip:
        if not has(text, plan.slip):
            found.append(f'The word "{plan.slip}" has to stand there, misspelt just so.')
    elif plan.order not in ("question", "thing_first") and not _names(schema, plan, text):
        found.append(f'Nothing says what is meant; use the words "{plan.verb}" and "{plan.noun}".')
    found += _members(command, sub, plan, rest)
    found += _elsewhere(schema, plan, sub, rest)
    return found


def _pointing(plan: Plan, sub: Sub, rest: str, command_target: object) -> list[str]:
    words = {m.group().casefold() for m in POINTING.finditer(unquoted(rest))}
    if not plan.pointing:
        return [f'Leave out "{w}": there is nothing that the listener sees.' for w in sorted(words)[:1]]
    found = []
    for name in plan.pointing:
        arg = sub.arg(name)
        assert arg
        wanted = words_for(plan, arg, arg == command_target)
        last = wanted.split()[-1] if wanted else ""
        if wanted and not ({wanted.split()[0], "current"} & words or has(rest, wanted)) and has(rest, last):
            found.append(f'Say "{wanted}".')
        elif wanted and not words:
            found.append(f'Say "{wanted}" in place of a value.')
    return found


def _names(schema: Schema, plan: Plan, text: str) -> bool:
    """Whether the thing is named by one of its words, or the action by one of its own."""
    command, sub = schema.find(plan.command, plan.subcommand)
    things = {*frames.nouns(command), *frames.plurals(command)}
    return any(has(text, w) for w in things) or any(has(text, v) for v in frames.verbs(sub))


def _members(command: Command, sub: Sub, plan: Plan, rest: str) -> list[str]:
    """Members of an enum that nobody wants, where they are no words for the thing or the action too."""
    spoken = unquoted(_without_flags(sub, plan, rest))
    own = {w.casefold() for w in (*command.words, *sub.words)}
    for arg in sub.args:
        for member in arg.members:
            said = str(member)
            if arg.name not in plan.args and said.casefold() not in own and has(spoken, said.replace("_", " ")):
                return [f'Leave out "{member}": nobody wants the {arg.name.replace("_", " ")} to be that.']
    return []


def _elsewhere(schema: Schema, plan: Plan, sub: Sub, rest: str) -> list[str]:
    """Words that lead to another subcommand, where none that leads to this one stands beside them."""
    command, _ = schema.find(plan.command, plan.subcommand)
    own = [v for v in sub.words if frames.decided(command, v, sub, plan.args, plan.flags)]
    spoken = _without_flags(sub, plan, rest)
    if any(has(spoken, v) for v in own):
        return []
    nouns = {*frames.nouns(command), *frames.plurals(command)}
    led = [w for w in avoided(schema, plan) if w not in nouns and len(w) > 2 and has(spoken, w)]
    return [f'"{led[0]}" also means something else here; say "{plan.verb}".'] if led else []


def _without_flags(sub: Sub, plan: Plan, text: str) -> str:
    """A text without the words that its flags bring: "open in the browser" opens nothing else."""
    for flag in sub.flags:
        if flag.name in plan.flags:
            for word in re.findall(r"\w+", f"{flag.name} {flag.description} {' '.join(flag.phrases)}"):
                text = without(text, word)
    return text


# ---------------------------------------------------------------- doubts
def _doubt(schema: Schema, plan: Plan, text: str) -> list[str]:  # noqa: PLR0912, the six cases side by side
    found = []
    if re.search(r"\d", text) and not re.search(r"\d", plan.topic + plan.noun):
        found.append("Leave out every number: the request must not say which one.")
    match plan.kind:
        case "ambiguous_command":
            command = schema.command(plan.command)
            assert command
            if not has(text, plan.noun):
                found.append(f'The word "{plan.noun}" has to stand there.')
            rest = without(text, plan.noun)
            led = [w for s in command.subs for w in s.words if has(rest, w)]
            found += [f'Leave out "{led[0]}": what to do must stay open.'] if led else []
        case "missing_required":
            (name, way), *_ = plan.pointing.items()
            if not has(text, plan.verb.split()[0]):
                found.append(f'The word "{plan.verb}" has to stand there.')
            words = POINTING.findall(text)
            if way == "implied" and words:
                found.append(f'Leave out "{words[0]}".')
            if way != "implied" and not words:
                found.append(f'Speak of the {name.replace("_", " ")} only as "{way}".')
            if '"' in text or _PATH.search(text):
                found.append("Leave out every name and value.")
        case "multiple_interpretations":
            if not has(text, plan.verb):
                found.append(f'The word "{plan.verb}" has to stand there.')
            led = [] if plan.noun else [n for n in sorted(nouns_of(schema)) if n not in plan.verb and has(text, n)]
            found += [f'Leave out "{led[0]}": it would settle what is meant.'] if led else []
        case "unclear_typo":
            if not has(text, plan.slip):
                found.append(f'The word "{plan.slip}" has to stand there just so.')
            command = schema.command(plan.command)
            assert command
            led = [v for s in command.subs for v in frames.verbs(s) if has(text, v) and v not in plan.noun]
            found += [f'Leave out "{led[0]}": what to do must stay open.'] if led else []
        case _:
            led = [n for n in sorted(nouns_of(schema)) if has(text, n)]
            found += [f'Leave out "{led[0]}": it belongs to the program.'] if led else []
    return found


# ---------------------------------------------------------------- words
def says(text: str, value: Value) -> bool:
    """Whether a value is said: as it stands, "@me" as one of the speaker's words, in_progress as two words."""
    if value == "@me":
        return _ME.search(text) is not None
    if has(text, str(value)):
        return True
    return isinstance(value, str) and "_" in value and has(text, value.replace("_", " "))


def _asks(text: str, told: str) -> bool:
    """Whether one telling word of a flag is said, endings aside."""
    words = {_stem(w) for w in frames.content(text)}
    return bool(words & {_stem(w) for w in frames.content(told.replace("-", " "))})


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "e"):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            return word[: -len(ending)]
    return word


def _without(text: str, plan: Plan) -> str:
    """A text without the values that it has to say."""
    for value in sorted(map(str, plan.said.values()), key=len, reverse=True):
        for way in {value, value.replace("_", " ")}:
            text = without(text, way)
    return text
