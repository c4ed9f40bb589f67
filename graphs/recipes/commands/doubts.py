"""Plans a request that can't be carried out as it stands, and the question that answers it: the six negative cases."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import Random
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from graphs.recipes.commands import frames
from graphs.recipes.commands import surroundings as around
from graphs.recipes.commands.bank import MOODS, OFF_TOPIC, UNCLEAR
from graphs.recipes.commands.calls import nouns_for
from graphs.recipes.commands.layout import Place
from graphs.recipes.commands.ordinary import ORDINARY
from graphs.recipes.commands.plan import CASES, ORDERS, SHARES, TONES, Kind, Level, Plan, Pointing, clarification
from graphs.recipes.commands.tree import Command, Schema, Sub

Pair = tuple[Command, Sub]
Misspelt = tuple[str, Command, list[tuple[str, Sub]]]
"""A misspelling, the command it is said of, and the words that it could be, with what they mean."""
_MOST: Final = 4
"""Suggestions at most: more nobody reads."""


class Doubt(NamedTuple):
    """What a clarification is about before it is worded."""

    message: str
    options: Sequence[Pair]
    confidence: float
    command: str = ""
    subcommand: str = ""
    verb: str = ""
    noun: str = ""
    slip: str = ""
    topic: str = ""
    pointing: Mapping[str, Pointing] = MappingProxyType({})
    without: tuple[str, ...] = ()
    """Facts that would settle it, which the context therefore lacks."""


@lru_cache(maxsize=64)
def possible(schema: Schema) -> tuple[Kind, ...]:
    """The cases that the schema has anything for."""
    has: dict[Kind, bool] = {
        "ambiguous_command": any(len(c.subs) > 1 for c in schema.commands),
        "missing_required": bool(_lacking(schema, "none")),
        "multiple_interpretations": bool(_shared(schema)),
        "unclear_typo": bool(_between(schema)),
    }
    return tuple(case for case in CASES if has.get(case, True))


def plan_doubt(schema: Schema, place: Place, number: int, rng: Random, wave: int = 0) -> Plan:
    """The plan of a clarification."""
    doubt = _PLANNERS[place.kind](schema, place, rng)
    tone = rng.choice(TONES)
    order = rng.choices(ORDERS, SHARES[tone])[0]
    facts: dict[str, Any] = {}
    if place.level != "none" and place.kind not in ("missing_required", "multiple_interpretations"):
        with_things = [f for c in schema.commands if (f := around.thing(c, rng))]
        facts = rng.choice(with_things) if with_things else {}
    context = around.context(schema, place.level, rng, facts, without=doubt.without)
    return Plan(
        number=number, nth=place.nth, wave=wave, kind=place.kind, level=place.level, context=context,
        output=clarification(doubt.message, doubt.options, doubt.confidence),
        command=doubt.command, subcommand=doubt.subcommand, pointing=dict(doubt.pointing), tone=tone,
        order=order,
        mood=rng.choice(MOODS), verb=doubt.verb, noun=doubt.noun, slip=doubt.slip, topic=doubt.topic,
    )  # fmt: skip


# ---------------------------------------------------------------- the six cases
def _ambiguous(schema: Schema, place: Place, rng: Random) -> Doubt:
    """A command is named, and nothing says what to do with it."""
    commands = [c for c in schema.commands if len(c.subs) > 1]
    command = commands[place.nth % len(commands)]
    options = command.subs[:_MOST]
    ways = _either([_said(s) for s in options])
    message = f"What would you like to do with {around.people_say(command)}: {ways}?"
    one = rng.choice(nouns_for(schema, command, many=rng.random() < 0.5))
    return Doubt(message, [(command, s) for s in options], 0.5, command.name, noun=one)


def _missing(schema: Schema, place: Place, rng: Random) -> Doubt:
    """What to do is clear, and a value without which it can't be done is neither said nor known."""
    pairs = _lacking(schema, place.level) or _lacking(schema, "none")
    command, sub, name = pairs[place.nth % len(pairs)]
    arg = next(a for a in sub.args if a.name == name)
    is_target = arg == frames.target(command, sub)
    ways: tuple[Pointing, ...] = ("implied", "this", "it", "them", "current")
    way = rng.choices(ways, (45, 20, 20, 5, 10))[0] if is_target else "implied"
    noun = rng.choice(nouns_for(schema, command, many=way == "them"))
    fit = [v for v in frames.verbs(sub) if command.meant(v) == [sub]]
    verb = rng.choice(fit or [sub.name.casefold()])
    what = re.sub(r"^(?:the|an?)\s", "", arg.description.split("(")[0].strip().rstrip("."), flags=re.IGNORECASE)
    if not what or re.match(r"(?:which|what|how|who|where|whether|whose)\b", what, re.IGNORECASE):
        what = arg.name.replace("_", " ")
    what = what if what[:2].isupper() else what[0].lower() + what[1:]
    message = f"I need the {what} to {_said(sub)} the {noun_of(command)}. What is it?"
    if is_target:
        message = f"Which {noun_of(command)} do you mean? Please give the {what}."
    return Doubt(
        message,
        [(command, sub)],
        0.45, command.name, sub.name, verb, noun,
        pointing={name: way}, without=around.keys_for(schema, command, sub, arg),
    )  # fmt: skip


def _unclear(schema: Schema, place: Place, _: Random) -> Doubt:
    """Something is wanted, and nobody could say what."""
    things = _either([around.people_say(c) for c in schema.commands[:_MOST]])
    message = f"I'm not sure what you need. Is this about {things}?"
    return Doubt(
        message, [(c, c.subs[0]) for c in schema.commands[:_MOST]], 0.3, topic=UNCLEAR[place.nth % len(UNCLEAR)]
    )


def _off_topic(schema: Schema, place: Place, _: Random) -> Doubt:
    """Nothing that this command line is for."""
    topics = [t for t in OFF_TOPIC if not frames.content(t) & _about(schema)] or list(OFF_TOPIC)
    things = _listed([around.people_say(c) for c in schema.commands[:6]])
    message = f"I can only help with {schema.cli}: {things}. What would you like to do there?"
    return Doubt(message, [(c, c.subs[0]) for c in schema.commands[:_MOST]], 0.1, topic=topics[place.nth % len(topics)])


def _multiple(schema: Schema, place: Place, _: Random) -> Doubt:
    """The same words mean more than one command."""
    shared = _shared(schema)
    word, options, noun = shared[place.nth % len(shared)]
    chosen = options[:_MOST]
    if noun:
        message = f"Do you want to {_either([_said(s) for _, s in chosen])} the {noun_of(chosen[0][0])}?"
        if any(frames.role(s) == "many" for _, s in chosen):
            ways = _either([_said(s) for _, s in chosen])
            message = f"Do you want to {ways} {around.people_say(chosen[0][0])}?"
    else:
        message = f"Did you mean to {_either([_on(c, s) for c, s in chosen])}?"
    command = chosen[0][0].name if noun else ""
    without = tuple(around.current(c) for c, _ in options)
    return Doubt(message, chosen, 0.55, command, verb=word, noun=noun, without=without)


def _typo(schema: Schema, place: Place, rng: Random) -> Doubt:
    """A word is misspelt so that it could be two."""
    found = _between(schema)
    slip, command, near = found[place.nth * 7 % len(found)]
    noun = rng.choice(nouns_for(schema, command, many=False))
    words = _either([f'"{w}"' for w, _ in near])
    message = f'I don\'t understand "{slip}". Did you mean {words}?'
    options = [(command, s) for s in dict.fromkeys(s for _, s in near)]
    return Doubt(message, options, 0.6, command.name, noun=noun, slip=slip)


_PLANNERS: Final = {
    "ambiguous_command": _ambiguous,
    "missing_required": _missing,
    "unclear_intent": _unclear,
    "off_topic": _off_topic,
    "multiple_interpretations": _multiple,
    "unclear_typo": _typo,
}


# ---------------------------------------------------------------- what a schema offers for them
@lru_cache(maxsize=64)
def _lacking(schema: Schema, level: Level) -> list[tuple[Command, Sub, str]]:
    """Subcommands with the argument they can't do without, where a context of this level can leave it open."""
    found = []
    for command, sub in schema.pairs:
        target = frames.target(command, sub)
        for arg in dict.fromkeys(a for a in (*sub.required, target) if a):
            keys = around.keys_for(schema, command, sub, arg)
            if level != "full" or not set(keys) & set(around.always(schema)):
                found.append((command, sub, arg.name))
    return found


@lru_cache(maxsize=64)
def _shared(schema: Schema) -> list[tuple[str, list[Pair], str]]:
    """Words with all the subcommands they may mean, and the noun they are said with (empty: none)."""
    found: list[tuple[str, list[Pair], str]] = []
    verbs = dict.fromkeys(v for _, s in schema.pairs for v in frames.verbs(s))
    for verb in verbs:
        options = [(c, s) for c in schema.commands for s in c.meant(verb)]
        commands = {c.name for c, _ in options}
        if len(commands) > 1 and len(options) <= len(commands) + 1:
            found.append((verb, options, ""))
    for command in schema.commands:
        for word, subs in command.collisions.items():
            found += [(word, [(command, s) for s in subs], noun) for noun in nouns_for(schema, command, many=False)]
        # Two wishes at once are always more than one call.
        found += [
            (f"{a.name} or {b.name}", [(command, a), (command, b)], frames.nouns(command)[0])
            for a, b in zip(command.subs, command.subs[1:], strict=False)
            if len(found) < 12
        ]
    return found


@lru_cache(maxsize=64)
def _between(schema: Schema) -> list[Misspelt]:
    """Misspellings that are as near to one verb of a command as to another's, and clear as no word of the schema."""
    known = frames.vocabulary(schema)
    found: dict[str, Misspelt] = {}
    for command in schema.commands:
        words = {v: s for s in command.subs for v in frames.verbs(s) if v.isalpha() and command.meant(v) == [s]}
        among = frozenset(words)
        for word in sorted(words):
            for slip in (garbled for garbled in _garbled(word) if garbled not in ORDINARY):
                _, near = frames.nearest(slip, among)
                subs = {words[v].name for v in near}
                least, _ = frames.nearest(slip, known)
                if 1 < len(subs) <= 3 and least == 2 and len(slip) > 3 and slip not in found:
                    found[slip] = (slip, command, [(v, words[v]) for v in near])
    by_command: dict[str, list[Misspelt]] = {}
    for one in found.values():
        by_command.setdefault(one[1].name, []).append(one)
    kept = []
    for name, many in by_command.items():
        Random(name).shuffle(many)  # noqa: S311, an order without meaning that never changes
        kept += many[:40]
    Random(len(kept)).shuffle(kept)  # noqa: S311, as above
    return kept


def _garbled(word: str) -> list[str]:
    """A word with two letters gone wrong, as fingers on neighbouring keys make it."""
    keys = {c: n for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm") for c, n in zip(row, row[1:] + row[-2], strict=True)}
    made = []
    for i in range(len(word)):
        for j in range(i + 1, len(word)):
            wrong = word[:i] + keys.get(word[i], "x") + word[i + 1 : j] + word[j + 1 :]
            both = word[:i] + keys.get(word[i], "x") + word[i + 1 : j] + keys.get(word[j], "x") + word[j + 1 :]
            made += [w for w in (wrong, both) if len(w) > 2]
    return made


@lru_cache(maxsize=64)
def _about(schema: Schema) -> frozenset[str]:
    told = [schema.description, *(c.description for c in schema.commands), *(s.description for _, s in schema.pairs)]
    return frames.content(" ".join([*told, *frames.vocabulary(schema)]))


def noun_of(command: Command) -> str:
    """One of the command's things in a message: of what people call several of them, where the plural can be undone."""
    several, known = around.people_say(command), frames.nouns(command)
    ones = [one for one in (f"{several[:-3]}y", several[:-2], several[:-1]) if frames.plural(one) == several]
    return next((one for one in ones if one.casefold() in known), ones[0] if ones else known[0])


def _said(sub: Sub) -> str:
    return sub.name.replace("-", " ")


def _on(command: Command, sub: Sub) -> str:
    return f"{_said(sub)} {around.people_say(command) if frames.role(sub) == 'many' else 'the ' + noun_of(command)}"


def _either(options: Sequence[str]) -> str:
    return " or ".join([", ".join(options[:-1]), options[-1]] if len(options) > 1 else options)


def _listed(things: Sequence[str]) -> str:
    return " and ".join([", ".join(things[:-1]), things[-1]] if len(things) > 1 else things)
