"""Plans a request that means one call: which arguments and flags, what is said and what the context tells."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from random import Random
from typing import Any

from graphs.recipes.commands import frames
from graphs.recipes.commands import surroundings as around
from graphs.recipes.commands.bank import MOODS
from graphs.recipes.commands.layout import Place
from graphs.recipes.commands.ordinary import ORDINARY
from graphs.recipes.commands.plan import ORDERS, SHARES, TONES, Plan, Pointing, call
from graphs.recipes.commands.tree import Command, Flag, Schema, Sub, Value
from graphs.recipes.commands.values import invent

Wish = tuple[str, str]
"""What a call has to show: ("arg", name), ("member", "name=value") or ("flag", name)."""


@lru_cache(maxsize=4096)
def wishes(sub: Sub) -> tuple[Wish, ...]:
    """Everything of a subcommand that some example has to use."""
    args = [("arg", a.name) for a in sub.args if a.type != "enum"]
    members = [("member", f"{a.name}={m}") for a in sub.args for m in a.members]
    return (*args, *members, *(("flag", f.name) for f in sub.flags))


def plan_call(schema: Schema, place: Place, number: int, rng: Random, wave: int = 0) -> Plan:
    """The plan of a call. Over all of a job's calls the subcommands, and of each what it has, take turns."""
    command, sub = schema.pairs[place.nth % len(schema.pairs)]
    wanted = wishes(sub)
    wish = wanted[(place.nth // len(schema.pairs)) % len(wanted)] if wanted else ("", "")
    flags = _flags(command, sub, wish, rng)
    args = _args(command, sub, wish, flags, rng)
    pointing, context = _context(schema, command, sub, args, place, rng)
    given = {name: args[name] for name in (a.name for a in sub.args) if name in args}
    named = [f.name for f in sub.flags if f in flags]
    fit = [v for v in frames.verbs(sub) if frames.decided(command, v, sub, given, named)]
    verb = rng.choice(fit or [sub.name.casefold()])
    noun = rng.choice(nouns_for(schema, command, many=frames.role(sub) == "many"))
    tone = rng.choice(TONES)
    order = rng.choices(ORDERS, SHARES[tone])[0] if not wave else "order"  # few words were said before
    slip = misspell(rng.choice((verb, noun)), frames.vocabulary(schema), rng) if rng.random() < 0.08 else ""
    if pointing and any(how == "it" for how in pointing.values()) and order == "terse":
        order = "order"  # "pr it merge" is nobody's request
    sure = _confidence(pointing, slip)
    return Plan(
        number=number, nth=place.nth, wave=wave, kind=place.kind, level=place.level, context=context,
        output=call(command.name, sub.name, given, named, sure), command=command.name, subcommand=sub.name,
        pointing=pointing, tone=tone, order=order,
        mood=rng.choice(MOODS), verb=verb, noun=noun, slip=slip,
    )  # fmt: skip


def _flags(command: Command, sub: Sub, wish: Wish, rng: Random) -> list[Flag]:
    """None, one or two that don't contradict each other, the wished one among them."""
    chosen = [f for f in sub.flags if wish == ("flag", f.name)]
    wished = sub.arg(wish[1].partition("=")[0]) if wish[0] in ("arg", "member") else None
    target = frames.target(command, sub)
    fixed = [a for a in (wished, *sub.required) if a and a != target]
    pool = [f for f in sub.flags if f not in chosen and not any(frames.settles(f, a) for a in fixed)]
    rng.shuffle(pool)
    for flag in pool[: rng.choices((0, 1, 2), (62, 30, 8))[0]]:
        if not any(frames.excludes(flag, other) for other in chosen):
            chosen.append(flag)
    return chosen[:2]


def _args(command: Command, sub: Sub, wish: Wish, flags: list[Flag], rng: Random) -> dict[str, Value]:
    """The required ones, the target, the wished one, and some others that no flag settles."""
    target = frames.target(command, sub)
    wished, _, said = wish[1].partition("=")
    members: dict[str, Value] = {str(m): m for a in sub.args if a.name == wished for m in a.members}
    must = {a.name for a in sub.required} | ({target.name} if target else set())
    must |= {wished} if wish[0] in ("arg", "member") else set()
    free = [a for a in sub.args if a.name not in must and not any(frames.settles(f, a) for f in flags)]
    rng.shuffle(free)
    some = free[: rng.choices((0, 1, 2, 3), (40, 36, 18, 6))[0]]
    if frames.role(sub) == "new" and not must and not some:
        some = [a for a in sub.args[:1] if not any(frames.settles(f, a) for f in flags)]
    must |= {a.name for a in some}
    return {
        a.name: members[said] if wish[0] == "member" and a.name == wished else invent(a, rng)
        for a in sub.args
        if a.name in must
    }


def _context(
    schema: Schema, command: Command, sub: Sub, args: dict[str, Value], place: Place, rng: Random
) -> tuple[dict[str, Pointing], dict[str, dict[str, Any]] | None]:
    """What the context tells instead of the words, and the context. `args` get their values from it."""
    if place.level == "none":
        return {}, None
    facts = around.thing(command, rng)
    can = {a.name: around.keys_for(schema, command, sub, a) for a in sub.args if a.name in args}
    can = {name: keys for name, keys in can.items() if keys}
    pointing: dict[str, Pointing] = {}
    if can and rng.random() < 0.82:
        name = rng.choice(sorted(can))
        arg = next(a for a in sub.args if a.name == name)
        pointing[name] = _way(arg == frames.target(command, sub), can[name], rng)
        if can[name][0].startswith("selected_"):
            facts |= around.selected(arg, rng)
    needed = tuple(k for name in pointing for k in can[name])
    context = around.context(schema, place.level, rng, facts, needed)
    known = next(iter(context.values())) if context else {}
    for name in pointing:
        value = around.resolve(can[name], known)
        assert value is not None, (name, known)
        args[name] = value
    return pointing, context


def _way(is_target: bool, keys: tuple[str, ...], rng: Random) -> Pointing:
    if keys[0].startswith("selected_"):
        return "them"
    if not is_target:
        return rng.choice(("this", "current"))
    ways: tuple[Pointing, ...] = ("this", "current", "it", "implied")
    return rng.choices(ways, (32, 20, 24, 24))[0]


@lru_cache(maxsize=4096)
def nouns_for(schema: Schema, command: Command, *, many: bool) -> tuple[str, ...]:
    """Words for the thing that no other command has; plural ones for several things."""
    owners = Counter(w.casefold() for c in schema.commands for w in {*c.words, *frames.plurals(c), *frames.nouns(c)})
    said = frames.plurals(command) if many else frames.nouns(command)
    return tuple(w for w in said if owners[w] == 1) or said[:1]


def misspell(word: str, among: frozenset[str], rng: Random) -> str:
    """The word with one slip of the fingers that leaves it clear, or nothing where every slip would not."""
    if not word.isalpha() or len(word) < 4:
        return ""
    at = list(range(1, len(word) - 1))
    rng.shuffle(at)
    for i in at:
        swapped = word[:i] + word[i + 1] + word[i] + word[i + 2 :]
        dropped = word[:i] + word[i + 1 :]
        doubled = word[:i] + word[i] + word[i:]
        for slip in rng.sample((swapped, dropped, doubled), 3):
            if slip != word and slip not in ORDINARY and frames.clear(slip, word, among):
                return slip
    return ""


def _confidence(pointing: dict[str, Pointing], slip: str) -> float:
    """How clear the request is: from 0.9 on it is executed, below the person is asked to confirm."""
    ways = set(pointing.values())
    sure = 0.96
    if ways & {"this", "current"}:
        sure = 0.94
    if ways & {"it", "them"}:
        sure = 0.91
    if "implied" in ways:
        sure = 0.87
    return round(sure - (0.09 if slip else 0), 2)
