"""The rules for a finished row, on nothing but the schema and the row: output, types, required values, confidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from graphs.recipes.commands.plan import POINTING
from graphs.recipes.commands.tree import Schema, Sub

ASK_BELOW: Final = 0.7
"""From here on a command is executed, below it the person is asked."""
_COMMAND: Final = ("type", "command", "subcommand", "args", "flags", "confidence")
_CLARIFICATION: Final = ("type", "message", "suggestions", "confidence")


def violations(schema: Schema, row: Mapping[str, Any]) -> list[str]:
    """What a row {instruction, context, output} breaks, a sentence each; empty where nothing."""
    found = []
    if list(row) != ["instruction", "context", "output"]:
        found.append(f"a row has the fields instruction, context, output, not {', '.join(row)}.")
    instruction, context = row.get("instruction"), row.get("context")
    if not isinstance(instruction, str) or not instruction.strip():
        return [*found, "the instruction is empty."]
    if context is not None and not (isinstance(context, dict) and all(isinstance(v, dict) for v in context.values())):
        found.append("the context has to be null or hold an object of facts.")
        context = None
    try:
        output = json.loads(row.get("output") or "")
    except (TypeError, ValueError):
        return [*found, "the output is not JSON."]
    if not isinstance(output, dict):
        return [*found, "the output has to be an object."]
    match output.get("type"):
        case "command":
            return found + _command(schema, output) + _pointing(instruction, context, output)
        case "clarification":
            return found + _clarification(schema, output)
    return [*found, f"the type is {output.get('type')!r}; it has to be command or clarification."]


def _command(schema: Schema, output: dict[str, Any]) -> list[str]:
    found = _fields(output, _COMMAND)
    sub = _find(schema, output.get("command"), output.get("subcommand"), found)
    args, flags = output.get("args"), output.get("flags")
    if not isinstance(args, dict):
        return [*found, "args has to be an object."]
    if not isinstance(flags, list):
        return [*found, "flags has to be a list."]
    if sub:
        for name, value in args.items():
            arg = sub.arg(name)
            if arg is None:
                found.append(f"{sub.name} has no argument {name}.")
            elif not arg.accepts(value):
                wanted = f"one of {', '.join(map(str, arg.members))}" if arg.members else arg.type
                found.append(f"{name} is {value!r}; it has to be {wanted}.")
        found += [f"the required argument {a.name} is missing." for a in sub.required if a.name not in args]
        known = {f.name for f in sub.flags}
        found += [f"{sub.name} has no flag {f!r}." for f in flags if not isinstance(f, str) or f not in known]
        if len(flags) != len({str(f) for f in flags}):
            found.append("a flag stands twice.")
    if (sure := _confidence(output, found)) is not None and sure < ASK_BELOW:
        found.append(
            f"a command of confidence {sure} would not be executed: below {ASK_BELOW} it has to be asked about."
        )
    return found


def _clarification(schema: Schema, output: dict[str, Any]) -> list[str]:
    found = _fields(output, _CLARIFICATION)
    message, suggestions = output.get("message"), output.get("suggestions")
    if not isinstance(message, str) or not message.strip():
        found.append("the message is empty.")
    if not isinstance(suggestions, list):
        return [*found, "suggestions has to be a list."]
    for one in suggestions:
        if not isinstance(one, dict) or list(one) != ["label", "command", "subcommand"]:
            found.append("a suggestion has the fields label, command, subcommand.")
            continue
        if not isinstance(one["label"], str) or not one["label"].strip():
            found.append("a suggestion has no label.")
        _find(schema, one["command"], one["subcommand"], found)
    sure = _confidence(output, found)
    if sure is not None and sure >= ASK_BELOW:
        found.append(f"a clarification of confidence {sure} would be executed: it has to be below {ASK_BELOW}.")
    if sure is not None and sure >= 0.5 and not suggestions:
        found.append("from a confidence of 0.5 on a clarification has suggestions.")
    return found


def _pointing(instruction: str, context: dict[str, dict[str, Any]] | None, output: dict[str, Any]) -> list[str]:
    """Words like "this" and "it" have to be resolved by the context: one of the call's values stands there."""
    words = sorted({m.group().casefold() for m in POINTING.finditer(unquoted(instruction))})
    if not words:
        return []
    known = {str(v) for facts in (context or {}).values() for v in _values(facts)}
    args = output.get("args")
    if isinstance(args, dict) and any(str(v) in known for v in args.values()):
        return []
    return [f'"{words[0]}" means nothing here: no value of the call stands in the context.']


def _values(facts: dict[str, Any]) -> list[str]:
    found = [" ".join(map(str, v)) if isinstance(v, list) else str(v) for v in facts.values()]
    if "repo_owner" in facts and "repo_name" in facts:
        found.append(f"{facts['repo_owner']}/{facts['repo_name']}")
    return found


def unquoted(text: str) -> str:
    """A text without what stands between double quotes."""
    return "".join(text.split('"')[::2])


def _fields(output: dict[str, Any], wanted: tuple[str, ...]) -> list[str]:
    missing = [f"{key} is missing." for key in wanted if key not in output]
    return missing + [f"{key} is no field of a {output['type']}." for key in output if key not in wanted]


def _find(schema: Schema, command: object, sub: object, found: list[str]) -> Sub | None:
    named = schema.command(command) if isinstance(command, str) else None
    if named is None:
        found.append(f"there is no command {command!r}.")
        return None
    known = named.sub(sub) if isinstance(sub, str) else None
    if known is None:
        found.append(f"{named.name} has no subcommand {sub!r}.")
    return known


def _confidence(output: dict[str, Any], found: list[str]) -> float | None:
    sure = output.get("confidence")
    if isinstance(sure, bool) or not isinstance(sure, (int, float)) or not 0 <= sure <= 1:
        found.append("confidence has to be a number from 0 to 1.")
        return None
    return float(sure)
