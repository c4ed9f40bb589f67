"""A command line as its schema describes it: commands, subcommands, arguments and flags, and what their words mean.

All are equal to themselves alone: a schema is read once, and its parts are the keys of many a cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Value = str | int
Type = Literal["string", "integer", "enum"]


@dataclass(frozen=True, eq=False)
class Arg:
    """One argument. `members` are an enum's, numbers and texts as the schema has them; empty for the other types."""

    name: str
    type: Type
    description: str
    required: bool
    default: Value | None
    members: tuple[Value, ...]

    def accepts(self, value: object) -> bool:
        """Whether a value of a parsed output has this argument's type: an integer is no string, true is no integer."""
        if self.type == "integer":
            return type(value) is int
        if self.type == "enum":
            return any(type(value) is type(member) and value == member for member in self.members)
        return isinstance(value, str) and bool(value.strip())


@dataclass(frozen=True, eq=False)
class Flag:
    """One switch. `phrases` are ways in which people ask for it."""

    name: str
    short: str
    description: str
    phrases: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Sub:
    """One subcommand of a command."""

    name: str
    description: str
    aliases: tuple[str, ...]
    args: tuple[Arg, ...]
    flags: tuple[Flag, ...]
    line: int

    @property
    def words(self) -> tuple[str, ...]:
        """Its name and its aliases."""
        return (self.name, *self.aliases)

    def arg(self, name: str) -> Arg | None:
        """The argument of that name."""
        return next((a for a in self.args if a.name == name), None)

    @property
    def required(self) -> tuple[Arg, ...]:
        """The arguments without which it can't be called."""
        return tuple(a for a in self.args if a.required)


@dataclass(frozen=True, eq=False)
class Command:
    """One command, the thing that its subcommands do something with."""

    name: str
    description: str
    aliases: tuple[str, ...]
    subs: tuple[Sub, ...]
    line: int

    @property
    def words(self) -> tuple[str, ...]:
        """Its name and its aliases."""
        return (self.name, *self.aliases)

    def sub(self, name: str) -> Sub | None:
        """The subcommand whose own name that is."""
        return next((s for s in self.subs if s.name == name), None)

    def meant(self, word: str) -> list[Sub]:
        """The subcommands that a word may mean: its own name alone, else every one that has it as an alias."""
        return self._meanings.get(word.casefold(), [])

    @cached_property
    def _meanings(self) -> dict[str, list[Sub]]:
        found: dict[str, list[Sub]] = {s.name.casefold(): [s] for s in self.subs}
        named = set(found)
        for sub in self.subs:
            for alias in dict.fromkeys(a.casefold() for a in sub.aliases):
                if alias not in named:
                    found.setdefault(alias, []).append(sub)
        return found

    @cached_property
    def collisions(self) -> dict[str, list[Sub]]:
        """Aliases that mean more than one subcommand, with those; in the order of the schema."""
        said = dict.fromkeys(a.casefold() for s in self.subs for a in s.aliases)
        return {word: subs for word in said if len(subs := self.meant(word)) > 1}


@dataclass(frozen=True, eq=False)
class Schema:
    """A whole command line."""

    cli: str
    description: str
    commands: tuple[Command, ...]

    def command(self, name: str) -> Command | None:
        """The command whose own name that is."""
        return next((c for c in self.commands if c.name == name), None)

    @cached_property
    def pairs(self) -> tuple[tuple[Command, Sub], ...]:
        """Every subcommand with its command, in the order of the schema."""
        return tuple((c, s) for c in self.commands for s in c.subs)

    def find(self, command: str, sub: str) -> tuple[Command, Sub]:
        """A subcommand by its command's name and its own. Raises KeyError."""
        for pair in self.pairs:
            if pair[0].name == command and pair[1].name == sub:
                return pair
        raise KeyError(f"{command} {sub}")
