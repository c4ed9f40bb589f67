"""What of a schema the accepted calls use: every subcommand, argument, enum member and flag, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from graphs.recipes.commands.plan import Plan
from graphs.recipes.commands.tree import Schema

Line = dict[str, Any]


def matrix(schema: Schema, plans: Iterable[Plan]) -> list[Line]:
    """A line for every use: command, subcommand, what ("subcommand", "argument", "member", "flag"), name, rows."""
    seen: Counter[tuple[str, str, str, str]] = Counter()
    for plan in plans:
        if not plan.positive:
            continue
        place = (plan.command, plan.subcommand)
        seen[(*place, "subcommand", "")] += 1
        for name, value in plan.args.items():
            seen[(*place, "argument", name)] += 1
            seen[(*place, "member", f"{name}={value}")] += 1
        for flag in plan.flags:
            seen[(*place, "flag", flag)] += 1
    lines = []
    for command, sub in schema.pairs:
        uses = [("subcommand", "")]
        uses += [
            use for a in sub.args for use in [("argument", a.name), *(("member", f"{a.name}={m}") for m in a.members)]
        ]
        uses += [("flag", f.name) for f in sub.flags]
        lines += [
            {"command": command.name, "subcommand": sub.name, "what": what, "name": name,
             "rows": seen[(command.name, sub.name, what, name)]}
            for what, name in uses
        ]  # fmt: skip
    return lines


def unused(lines: Iterable[Line]) -> list[str]:
    """What no row uses, in words."""
    return [
        f"{line['command']} {line['subcommand']}: {line['what']} {line['name']}".strip()
        for line in lines
        if not line["rows"]
    ]


def advice(schema: Schema) -> dict[str, int]:
    """How many examples a schema needs: 50 a subcommand, which is ten wordings by five combinations, and the rest.

    The calls are 80% of a job's rows, so the clarifications are a quarter of them on top.
    """
    calls = 50 * len(schema.pairs)
    return {
        "subcommands": len(schema.pairs),
        "calls": calls,
        "clarifications": calls // 4,
        "examples": calls + calls // 4,
    }
