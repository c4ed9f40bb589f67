"""What can be told of a schema's English: nouns for a command, verbs for a subcommand, and what excludes what.

A schema has only names, descriptions and aliases. These few rules make of them what a request needs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

from rapidfuzz.distance import OSA

from graphs.recipes.commands.bank import words
from graphs.recipes.commands.tree import Arg, Command, Flag, Schema, Sub

Role = Literal["many", "new", "one"]
"""What a subcommand is about: several things, a thing that is not there yet, one that is."""

_MANY: Final = frozenset(["list", "ls", "find", "search", "index", "status"])
_NEW: Final = frozenset(["create", "make", "new", "add", "init", "start", "publish", "generate", "build", "compose"])
_NO_VERBS: Final = frozenset(
    ["new", "details", "detail", "info", "information", "status", "done", "summary", "co", "rm", "ls", "my", "the"]
)
_PREPOSITIONS: Final = frozenset(["to", "on", "in", "into", "at", "from", "for", "up", "off", "out", "down", "over"])
_TARGET: Final = re.compile(r"(?:^|_|-)(?:number|id|tag|repository|repo|name|slug|key|uuid|ref)$")
_STOP: Final = frozenset(words("a an and as by for from in into of on only or the to with all after before"))
_OPPOSITES: Final = tuple(
    frozenset(words(pair))
    for pair in (
        "public private secret internal",
        "enable disable",
        "on off",
        "quiet verbose",
        "open closed",
        "up down",
    )
)


def nouns(command: Command) -> tuple[str, ...]:
    """What one of the command's things is called, its own name first."""
    said = dict.fromkeys(w.casefold() for w in command.words)
    return tuple(w for w in said if not _is_plural(w, said)) or (command.name.casefold(),)


def plurals(command: Command) -> tuple[str, ...]:
    """What several of its things are called."""
    singular = nouns(command)
    given = [w.casefold() for w in command.words if w.casefold() not in singular]
    return tuple(dict.fromkeys([*given, *(plural(w) for w in singular if len(w) > 2)])) or (plural(singular[0]),)


def _is_plural(word: str, among: dict[str, None]) -> bool:
    return word.endswith("s") and (word[:-1] in among or (word.endswith("es") and word[:-2] in among))


def plural(word: str) -> str:
    """What several are called."""
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s")


@lru_cache(maxsize=4096)
def role(sub: Sub) -> Role:
    """What the subcommand is about; its own name decides, then its aliases and the first word of its description."""
    if sub.name.casefold() in _NEW:
        return "new"
    if sub.name.casefold() in _MANY or (sub.description.split() or [""])[0].casefold() == "list":
        return "many"
    return "new" if {"new", "create"} & {a.casefold() for a in sub.aliases} else "one"


@lru_cache(maxsize=4096)
def verbs(sub: Sub) -> tuple[str, ...]:
    """Words of the subcommand that can begin an order: "merge", "switch to"; its name is always among them."""
    said = [w.casefold() for w in sub.words if _verbal(w.casefold())]
    return tuple(dict.fromkeys(said)) or (sub.name.casefold(),)


def _verbal(word: str) -> bool:
    first, *rest = re.split(r"[\s_-]+", word)
    return first not in _NO_VERBS and len(first) > 2 and all(w in _PREPOSITIONS for w in rest)


@lru_cache(maxsize=4096)
def target(command: Command, sub: Sub) -> Arg | None:
    """The argument that says which one thing is meant, or None: the one that a person may point at."""
    if role(sub) != "one":
        return None
    own = {w.casefold() for w in command.words}
    for arg in sub.args:
        if arg.type != "enum" and (_TARGET.search(arg.name.casefold()) or arg.name.casefold() in own):
            return arg
    return next((a for a in sub.required if a.type != "enum"), None)


def decided(command: Command, word: str, sub: Sub, args: object, flags: object) -> bool:
    """Whether a word of the command means this subcommand here: no other has it, or no other has these arguments."""
    meant = command.meant(word)
    return not meant or (sub in meant and [s for s in meant if _has(s, args, flags)] == [sub])


def _has(sub: Sub, args: object, flags: object) -> bool:
    named = {a.name for a in sub.args} | {f.name for f in sub.flags}
    return {*(args or ()), *(flags or ())} <= named  # type: ignore[misc]


@lru_cache(maxsize=4096)
def content(text: str) -> frozenset[str]:
    """The words of a description that say something, without plural endings."""
    said = re.findall(r"[a-z0-9]+", text.casefold())
    return frozenset(w[:-1] if len(w) > 3 and w.endswith("s") else w for w in said if w not in _STOP and len(w) > 1)


def excludes(one: Flag, other: Flag) -> bool:
    """Whether two flags of a subcommand may contradict each other. In doubt they do: nobody needs both at once."""
    names = content(f"{one.name} {one.description}"), content(f"{other.name} {other.description}")
    if any(pair & names[0] and pair & names[1] for pair in _OPPOSITES):
        return True
    shared = content(one.description) & content(other.description)
    return bool(shared - {"browser", "open"}) or not content(one.description)


def settles(flag: Flag, arg: Arg) -> bool:
    """Whether a flag decides what an argument would say: "use commit info for title and body"."""
    return bool(content(arg.name) & content(f"{flag.name} {flag.description}"))


@lru_cache(maxsize=64)
def vocabulary(schema: Schema) -> frozenset[str]:
    """Every single word by which something of the schema is called, lower case."""
    said = {w.casefold() for c in schema.commands for w in (*c.words, *plurals(c))}
    said |= {w.casefold() for _, s in schema.pairs for w in s.words}
    return frozenset(p for w in said for p in re.split(r"[\s_-]+", w) if p)


@lru_cache(maxsize=65536)
def nearest(word: str, among: frozenset[str]) -> tuple[int, tuple[str, ...]]:
    """The least number of slips from a word to one of the vocabulary, and all that are so near, sorted."""
    rated = [(OSA.distance(word, w), w) for w in among]
    least = min((d for d, _ in rated), default=99)
    return least, tuple(sorted(w for d, w in rated if d == least))


def clear(slip: str, meant: str, among: frozenset[str]) -> bool:
    """Whether a misspelt word can mean one word only: a slip away from it, two for long words, and from no other."""
    least, near = nearest(slip, among)
    return near == (meant,) and 0 < least <= (1 if len(meant) < 8 else 2)
