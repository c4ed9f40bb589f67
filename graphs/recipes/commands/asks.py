"""What the teacher and the evaluator are asked about one plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from agents.prompting import Prompt, render
from graphs.recipes.base import Turn
from graphs.recipes.commands import frames
from graphs.recipes.commands.plan import POINTING, Plan
from graphs.recipes.commands.tree import Arg, Command, Flag, Schema, Sub, Value
from graphs.recipes.commands.values import shape

_TONES: Final = {
    "casual": "casual, as to a friend; lower case is fine",
    "plain": "plain and friendly",
    "formal": "formal and precise",
}
_FORMS: Final = {
    "order": "a sentence that asks for the action",
    "thing_first": "the thing first, then what to do with it",
    "question": "a question",
    "terse": "a few words, no full sentence",
}
_SCOPES: Final = {"one": "one that exists", "many": "many of them", "new": "new one"}
CASES: Final = {
    "ambiguous_command": "the thing alone: what is to be done with it is not said",
    "missing_required": "a value is missing: what to do is clear, with what is not",
    "unclear_intent": "nothing in particular: so vague that nobody knows what is wanted",
    "off_topic": "another subject: nothing that a program of this kind does",
    "multiple_interpretations": "several meanings: the words fit more than one action, and nothing more is said",
    "unclear_typo": "a typing mistake: the word for what to do can't be read",
}


def propose(schema: Schema, plan: Plan, earlier: Sequence[Turn]) -> tuple[str, Prompt]:
    """The prompt for the request, with its name in agents/sampling.py."""
    last = earlier[-1] if earlier else None
    told = [*last.complaints, *([last.critique] if last.critique and not last.complaints else [])] if last else []
    common: dict[str, object] = {
        "about": schema.description or schema.cli,
        "tone": _TONES[plan.tone],
        "form": _FORMS[plan.order],
        "mood": plan.mood,
        "answer": last.text.strip() if last else "",
        "complaints": told,
    }
    name = "propose_command" if plan.positive else "propose_doubt"
    fields = _of_call(schema, plan) if plan.positive else _of_doubt(schema, plan)
    return name, render(name, **common, **fields)


def rate(schema: Schema, plan: Plan, instruction: str) -> tuple[str, Prompt]:
    """The prompt by which the evaluator reads the request, with its name in agents/sampling.py."""
    return "rate_command", render(
        "rate_command",
        commands=_commands(schema),
        context=json.dumps(plan.context, ensure_ascii=False) if plan.context else "nothing is known",
        instruction=instruction,
        output=json.dumps(plan.output, ensure_ascii=False),
    )


def _of_call(schema: Schema, plan: Plan) -> dict[str, object]:
    command, sub = schema.find(plan.command, plan.subcommand)
    verbs = [v for v in frames.verbs(sub) if frames.decided(command, v, sub, plan.args, plan.flags)]
    action = sub.description or f"{sub.name.replace('-', ' ')} {command.name}"
    return {
        "action": action,
        "scope": _SCOPES[frames.role(sub)],
        "nouns": list(frames.nouns(command)) if frames.role(sub) != "many" else list(frames.plurals(command)),
        "verbs": verbs or [sub.name],
        "avoid": avoided(schema, plan),
        "details": list(_details(command, sub, plan)),
        "recap": list(_recap(command, sub, plan)),
        "verb": plan.verb,
        "noun": plan.noun,
        "slip": f"{_slipped(plan)} as {plan.slip}" if plan.slip else "",
    }


def _slipped(plan: Plan) -> str:
    """The word that is misspelt: the nearer one."""
    return min((plan.verb, plan.noun), key=lambda w: frames.nearest(plan.slip, frozenset([w]))[0])


def avoided(schema: Schema, plan: Plan) -> list[str]:
    """Words that would lead elsewhere: those of the command's other subcommands, and those that mean several."""
    command, sub = schema.find(plan.command, plan.subcommand)
    words = dict.fromkeys(w.casefold() for s in command.subs for w in s.words)
    return [w for w in words if not frames.decided(command, w, sub, plan.args, plan.flags)]


def _details(command: Command, sub: Sub, plan: Plan) -> list[str]:
    target = frames.target(command, sub)
    lines = []
    for arg in sub.args:
        told = arg.description.split("(")[0].strip()
        if arg.name in plan.pointing:
            lines.append(f'Point {arg.name}: "{words_for(plan, arg, arg == target)}" ({told})')
        elif arg.name in plan.args:
            label = "Which" if arg == target else "With"
            lines.append(f"{label} {arg.name}: {plan.args[arg.name]} ({told})")
    lines += [_extra(f) for f in sub.flags if f.name in plan.flags]
    return lines or ["nothing more"]


def _recap(command: Command, sub: Sub, plan: Plan) -> list[str]:
    """What must not be left out, for a small model's short memory."""
    target = frames.target(command, sub)
    pointed = [words_for(plan, a, a == target) for a in sub.args if a.name in plan.pointing]
    asked = [f.description or f.name for f in sub.flags if f.name in plan.flags]
    said = ["my, mine or me" if v == "@me" else str(v).replace("_", " ") for v in plan.said.values()]
    return [*said, *(w for w in pointed if w), *(a[0].lower() + a[1:] for a in asked)]


def words_for(plan: Plan, arg: Arg, is_target: bool) -> str:
    """How a value that the context has is spoken of."""
    way = plan.pointing[arg.name]
    if way in ("it", "them"):
        return way
    noun = plan.noun if is_target else "branch" if shape(arg) == "branch" else arg.name.replace("_", " ")
    return {"this": f"this {noun}", "current": f"the current {noun}"}.get(way, "")


def _extra(flag: Flag) -> str:
    told = [p for p in flag.phrases if not POINTING.search(p)]
    phrases = f" ({' | '.join(told)})" if told else ""
    return f"Extra {flag.name}: {flag.description.replace('(', '- ').replace(')', '') or flag.name}{phrases}"


def _of_doubt(schema: Schema, plan: Plan) -> dict[str, object]:
    lines: list[str] = []
    avoid: list[str] = []
    every = sorted(frames.vocabulary(schema))
    match plan.kind:
        case "ambiguous_command":
            command = schema.command(plan.command)
            assert command
            lines = [f'Write: "{plan.noun}"']
            avoid = sorted({v for s in command.subs for v in s.words})
        case "missing_required":
            command, sub = schema.find(plan.command, plan.subcommand)
            (name, way), *_ = plan.pointing.items()
            missing = sub.arg(name)
            assert missing
            words = words_for(plan, missing, is_target=True)
            lines = [f'Write: "{plan.verb}"', f'Thing: "{plan.noun}"', f"Action: {sub.description}"]
            lines += [f"Scope: {_SCOPES[frames.role(sub)]}"]
            lines += [f'Instead: "{words}"'] if way != "implied" else []
            avoid = _other_words(command, sub)
        case "multiple_interpretations":
            lines = [f'Write: "{plan.verb}"', *([f'Thing: "{plan.noun}"'] if plan.noun else [])]
            command = schema.command(plan.command)
            avoid = (
                sorted({v for s in command.subs for v in s.words} - {plan.verb})
                if command
                else sorted(nouns_of(schema))
            )
        case "unclear_typo":
            lines = [f'Write: "{plan.slip}"', f'Thing: "{plan.noun}"']
            command = schema.command(plan.command)
            avoid = sorted({v for s in command.subs for v in s.words}) if command else []
        case _:
            lines = [f"Topic: {plan.topic}"]
            avoid = every if len(every) <= 120 else sorted(nouns_of(schema))
    # What must not be left out, for a small model's short memory.
    recap = [line.partition(": ")[2] for line in lines if line.startswith(("Write", "Thing", "Instead"))]
    return {"case": CASES[plan.kind], "details": lines, "avoid": avoid, "recap": recap}


def _other_words(command: Command, sub: Sub) -> list[str]:
    return sorted({w.casefold() for s in command.subs if s != sub for w in s.words} - {w.casefold() for w in sub.words})


@lru_cache(maxsize=64)
def nouns_of(schema: Schema) -> frozenset[str]:
    """Every word for every command's things."""
    return frozenset(w for c in schema.commands for w in (*frames.nouns(c), *frames.plurals(c)))


@lru_cache(maxsize=64)
def _commands(schema: Schema) -> str:
    """The whole schema in short: a line a command, a line a subcommand with its words, arguments and flags."""
    lines = []
    for command in schema.commands:
        lines.append(f"{command.name}{_in_brackets(command.aliases)}")
        for sub in command.subs:
            args = ", ".join(f"{a.name}{'!' if a.required else ''}" for a in sub.args)
            flags = "".join(f" --{f.name}" for f in sub.flags)
            lines.append(f"  {sub.name}{_in_brackets(sub.aliases)}: {args}{flags}".rstrip(": "))
    return "\n".join(lines)


def _in_brackets(words: Sequence[Value]) -> str:
    return f" ({', '.join(map(str, words))})" if words else ""
