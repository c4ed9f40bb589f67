"""What a row is about, so that figures can be told apart: its subcommand, its negative case, its context.

A row says so itself in `metadata` (`case` or `kind`, `subcommand`), or its reference does: a command names its
subcommand; a clarification's case follows from its confidence in rows that `teachback generate commands` made, where
each of the six cases has one of its own. Any other clarification is just that.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import yaml

from training.errors import InvalidInput
from training.evaluation import texts
from training.metrics import parse
from training.rows import Row

CASES: Final = {
    0.5: "ambiguous_command",
    0.45: "missing_required",
    0.3: "unclear_intent",
    0.1: "off_topic",
    0.55: "multiple_interpretations",
    0.6: "unclear_typo",
}
"""Confidence of a clarification and the case that has it."""
DEPENDENT, SPOKEN, WITHOUT = "resolved from context", "context given, not needed", "no context"


def subcommand(row: Row) -> str | None:
    """ "command subcommand" of a call; None for anything else."""
    value = parse(texts.without_thinking(row.completion))
    if not isinstance(value, dict) or value.get("type", "command") != "command" or "command" not in value:
        return None
    return " ".join(str(value[key]) for key in ("command", "subcommand") if value.get(key))


def case(row: Row) -> str | None:
    """The negative case; None for a row that is none."""
    value = parse(texts.without_thinking(row.completion))
    if not isinstance(value, dict) or value.get("type") in (None, "command"):
        return None
    metadata = row.source.get("metadata")
    for holder in (metadata if isinstance(metadata, dict) else {}, row.source):
        named = holder.get("case") or holder.get("kind")
        if isinstance(named, str) and named:
            return named
    sure = value.get("confidence")
    known = CASES.get(sure) if isinstance(sure, int | float) else None
    return known or str(value["type"])


def context(row: Row) -> str | None:
    """Whether the answer depends on the row's context; None for rows whose shape has no context.

    It does where an argument's value stands in the context and not in the request.
    """
    if "context" not in row.source:
        return None
    given = row.source["context"]
    if not given:
        return WITHOUT
    value = parse(texts.without_thinking(row.completion))
    args = value.get("args") if isinstance(value, dict) else None
    asked = str(row.source.get("instruction", "")).casefold()
    known = {_plain(one) for one in _leaves(given)}
    joined = " ".join(sorted(known))
    for one in args.values() if isinstance(args, dict) else ():
        plain = _plain(one)
        parts = plain.replace("/", " ").split()
        stands = plain in known or (len(parts) > 1 and all(part in joined for part in parts))
        if stands and plain not in asked:
            return DEPENDENT
    return SPOKEN


def of_schema(path: Path) -> list[str]:
    """ "command subcommand" of everything in a CLI schema. Raises InvalidInput where the file is none."""
    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
        return [f"{c['name']} {s['name']}" for c in held["commands"] for s in c["subcommands"]]
    except OSError as error:
        raise InvalidInput(f"data.schema_file: {path}: can't be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(
            f"data.schema_file: {path}: is no CLI schema (commands, each with its name and subcommands): {error!r}"
        ) from None


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in _leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in _leaves(one)]
    return [value]


def _plain(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value, sort_keys=True)).casefold()
