"""What a command line may know of where it is run: the context of an example, full, partial or none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import Any, Final

from graphs.recipes.commands import bank
from graphs.recipes.commands.frames import plurals, role, target
from graphs.recipes.commands.plan import Level
from graphs.recipes.commands.tree import Arg, Command, Schema, Sub, Value
from graphs.recipes.commands.values import invent, shape

Facts = dict[str, Any]
_GIT: Final = re.compile(r"\b(?:git|github|gitlab|pull requests?|repositor(?:y|ies)|commits?)\b", re.IGNORECASE)
_OF_GIT: Final = ("current_branch", "repo_owner", "repo_name", "has_uncommitted_changes")
_OF_ANY: Final = ("user", "directory", "interactive")


@lru_cache(maxsize=64)
def space(schema: Schema) -> str:
    """The name under which the facts stand: "git" for a command line that works on repositories, else its own."""
    told = " ".join([schema.cli, schema.description, *(c.description for c in schema.commands)])
    return "git" if _GIT.search(told) else schema.cli


@lru_cache(maxsize=64)
def always(schema: Schema) -> tuple[str, ...]:
    """The facts that every full context has, whatever the request."""
    return _OF_GIT if space(schema) == "git" else _OF_ANY


def current(command: Command) -> str:
    """The fact that names the thing being looked at, as current_pr."""
    return "current_" + re.sub(r"\W+", "_", command.name)


@lru_cache(maxsize=4096)
def keys_for(schema: Schema, command: Command, sub: Sub, arg: Arg) -> tuple[str, ...]:
    """The facts from which an argument can be resolved; none where a person has to say it."""
    if space(schema) == "git":
        if shape(arg) == "repository":
            return ("repo_owner", "repo_name")
        if shape(arg) == "branch" and arg.name in ("branch", "head"):
            return ("current_branch",)
        if arg.name == "owner" and role(sub) == "many":
            return ("repo_owner",)
    if arg == target(command, sub):
        return (current(command),)
    if arg.type == "string" and shape(arg) == "files":
        return (f"selected_{arg.name}",)
    return ()


def resolve(keys: tuple[str, ...], facts: Mapping[str, Any]) -> Value | None:
    """The value that the facts give, or None where one of them is missing."""
    if not keys or any(k not in facts for k in keys):
        return None
    found = [facts[k] for k in keys]
    if isinstance(found[0], list):
        return " ".join(map(str, found[0]))
    value: Value = found[0] if len(found) == 1 else "/".join(map(str, found))
    return value


def base(schema: Schema, rng: Random) -> Facts:
    """The facts that are always there."""
    work, matter = rng.choice(bank.WORK), rng.choice(bank.MATTER).replace(" ", "-")
    person, project = rng.choice(bank.PEOPLE), rng.choice(bank.PROJECTS)
    if space(schema) == "git":
        branch = rng.choice((f"feature/{matter}", f"fix/{matter}", f"{work}-{matter}", f"{person}/{matter}", "develop"))
        return {
            "current_branch": branch, "repo_owner": person, "repo_name": project,
            "has_uncommitted_changes": rng.random() < 0.4,
        }  # fmt: skip
    return {"user": person, "directory": f"~/work/{project}", "interactive": rng.random() < 0.7}


def thing(command: Command, rng: Random) -> Facts:
    """The fact that one of the command's things is being looked at; none where nothing of the kind is ever named."""
    for sub in command.subs:
        arg = target(command, sub)
        if arg and shape(arg) != "repository":
            return {current(command): invent(arg, rng)}
    return {}


def selected(arg: Arg, rng: Random) -> Facts:
    """Several things that are marked, for an argument that takes several."""
    names = rng.sample(bank.STEMS, rng.choice((2, 2, 3)))
    return {f"selected_{arg.name}": [f"{n}.{rng.choice(bank.ENDINGS)}" for n in names]}


def context(
    schema: Schema, level: Level, rng: Random, facts: Facts, needed: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> dict[str, Facts] | None:
    """The context of an example. A partial one lacks one or two of the usual facts, `needed` and `facts` never."""
    if level == "none":
        return None
    usual = base(schema, rng)
    if level == "partial":
        spare = [k for k in usual if k not in needed and k not in without]
        gone = set(rng.sample(spare, min(len(spare), rng.choice((1, 2, 2)))))
        usual = {k: v for k, v in usual.items() if k not in gone and k not in without}
    return {space(schema): _ordered({**usual, **facts})}


def _ordered(facts: Facts) -> Facts:
    """Facts in one order, whatever row they are in: those that always stand there, the rest before the last of them."""
    usual = [k for k in (*_OF_GIT, *_OF_ANY) if k in facts]
    own = [k for k in facts if k not in usual]
    last = usual[-1:] if usual[-1:] and usual[-1] in ("has_uncommitted_changes", "interactive") else []
    return {k: facts[k] for k in (*(u for u in usual if u not in last), *own, *last)}


def people_say(command: Command) -> str:
    """What several of a command's things are called in a message: its description's own words where they fit."""
    told = re.search(r"(?:with|manage|on|of)\s+(?:[A-Z]\w+\s)?(\w[\w\s-]*s)$", command.description.strip().rstrip("."))
    found = told.group(1) if told else ""
    return found if found and len(found.split()) <= 3 else plurals(command)[0]
