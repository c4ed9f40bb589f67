"""What the command line needs of schemas beside jobs: checking one, and examples made by hand or in a chat window."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from agents.prompting import render
from agents.replies import read_json
from graphs.recipes.base import Draft, Slot, Source, Unreadable
from graphs.recipes.commands.coverage import advice
from graphs.recipes.commands.recipe import Commands
from graphs.recipes.commands.schema import read_schema
from graphs.recipes.options import CommandsOptions
from graphs.recipes.reasons import grouped

AT_ONCE: Final = 20
"""Tasks a chat message holds: replies of more are cut off."""
_KEYS: Final = ("instruction", "request", "input", "reply", "text")
_FENCE: Final = re.compile(r"```\w*\n(.*?)```", re.DOTALL)


def check(text: str, name: str) -> dict[str, Any]:
    """What a schema holds, which of its aliases are ambiguous, and how many examples it needs.

    Raises ValueError where it can't be used; the message names the line.
    """
    schema = read_schema(text, name)
    collisions = [
        {"command": c.name, "alias": alias, "subcommands": [s.name for s in subs]}
        for c in schema.commands
        for alias, subs in c.collisions.items()
    ]
    return {
        "cli": schema.cli,
        "commands": len(schema.commands),
        "subcommands": len(schema.pairs),
        "arguments": sum(len(s.args) for _, s in schema.pairs),
        "flags": sum(len(s.flags) for _, s in schema.pairs),
        "ambiguous_aliases": collisions,
        "advice": advice(schema),
    }


def prompts(text: str, num: int, seed: int) -> Iterator[str]:
    """The plan's prompts for a chat window, each with up to `AT_ONCE` numbered tasks."""
    recipe = _recipe(text, num, seed)
    batch: list[str] = []
    for number, slot in enumerate(recipe.slots()):
        user = recipe.propose(slot, []).prompt.user
        told = re.sub(r"^</?(?:source|reference|rules)>\n?", "", user, flags=re.MULTILINE)
        batch.append(f"Task {number}\n{told.strip()}")
        if len(batch) == AT_ONCE:
            yield _chat(batch)
            batch = []
    if batch:
        yield _chat(batch)


def replies(text: str) -> tuple[dict[int, str], list[str]]:
    """The requests in what came out of chat windows, by task number, and what could not be read and why.

    Any mixture of JSON arrays, fenced or not, and JSON lines. A task's last reply counts.
    """
    found: dict[int, str] = {}
    refused: list[str] = []
    rest = _FENCE.sub(lambda m: f"\n{m[1]}\n", text)
    decoder, at = json.JSONDecoder(), 0
    while (start := min((i for c in "[{" if (i := rest.find(c, at)) >= 0), default=-1)) >= 0:
        try:
            value, at = decoder.raw_decode(rest, start)
        except ValueError:
            line = rest.count("\n", 0, start) + 1
            end = rest.find("\n", start) + 1 or len(rest)
            try:
                value = read_json(rest[start:end])
            except ValueError:
                refused.append(f"line {line}: no JSON")
                at = end
                continue
            at = end
        for one in value if isinstance(value, list) else [value]:
            number, said = _entry(one)
            if number is None or said is None:
                refused.append(
                    f"line {rest.count(chr(10), 0, start) + 1}: no id and instruction in {json.dumps(one)[:80]}"
                )
            else:
                found[number] = said
    return found, refused


def judge(text: str, num: int, seed: int, said: Mapping[int, str]) -> dict[str, Any]:
    """Holds requests to the plan as a teacher's are held: rows, what was refused and why, and the recipe's report."""
    recipe = _recipe(text, num, seed)
    admit = recipe.admission()
    accepted: list[tuple[Slot, Draft]] = []
    refused: dict[int, str] = {}
    for number, slot in enumerate(recipe.slots()):
        if number not in said:
            continue
        try:
            draft = recipe.read(slot, said[number])
        except Unreadable as error:
            refused[number] = str(error)
            continue
        why = "; ".join(recipe.check(slot, draft)) or admit(slot, draft)
        if why:
            refused[number] = why
        else:
            accepted.append((slot, draft))
    refused |= dict.fromkeys((n for n in said if not 0 <= n < num), f"the plan has the tasks 0 to {num - 1}")
    reasons: dict[str, int] = {}
    for why in map(grouped, refused.values()):
        reasons[why] = reasons.get(why, 0) + 1
    report = recipe.report(accepted, {"refused": reasons} if reasons else {})
    return {"rows": [draft.example for _, draft in accepted], "refused": refused, "report": report}


def _recipe(text: str, num: int, seed: int) -> Commands:
    return Commands(CommandsOptions(num=num), lambda: [Source(0, "schema", text)], seed)


def _chat(tasks: list[str]) -> str:
    prompt = render("chat/commands", tasks=tasks)
    return f"{prompt.system}\n\n{prompt.user}"


def _entry(one: object) -> tuple[int | None, str | None]:
    if not isinstance(one, dict):
        return None, None
    number = one.get("id")
    if isinstance(number, str) and number.strip().isdigit():
        number = int(number)
    said = next((one[k] for k in _KEYS if isinstance(one.get(k), str)), None)
    return (number if type(number) is int else None), said
