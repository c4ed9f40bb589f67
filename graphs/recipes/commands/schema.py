"""Reads a command line's schema from YAML as its users write it; an error names the file and the line."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NoReturn

import yaml

from graphs.recipes.commands.tree import Arg, Command, Flag, Schema, Sub, Type, Value

LARGEST: Final = 2**20
"""Characters of a schema: the real ones have 17,000."""
_DEEPEST: Final = 20
_NAME: Final = re.compile(r"(?:[^\W_]|[@:])[\w@:.+-]*")
_ROOT: Final = frozenset(["cli_name", "description", "commands"])
_COMMAND: Final = frozenset(["name", "description", "aliases", "subcommands"])
_SUB: Final = frozenset(["name", "description", "aliases", "args", "flags"])
_ARG: Final = frozenset(["name", "type", "required", "default", "description"])
_FLAG: Final = frozenset(["name", "short", "description", "natural_language"])


class SchemaError(ValueError):
    """The schema can't be used; the message begins with its name and the `line`, and `reason` is the rest."""

    def __init__(self, name: str, line: int, reason: str) -> None:
        super().__init__(f"{name}, line {line}: {reason}")
        self.line, self.reason = line, reason


@lru_cache(maxsize=16)
def read_schema(text: str, name: str = "schema") -> Schema:
    """The schema in a YAML text; `name` is what errors call it. Raises SchemaError."""
    return _Reader(name).schema(text)


class _Reader:
    """Walks the nodes of one document, which know their lines."""

    def __init__(self, name: str) -> None:
        self._name = name

    def schema(self, text: str) -> Schema:
        """The whole document."""
        if len(text) > LARGEST:
            raise SchemaError(self._name, 1, f"longer than {LARGEST} characters; is this a schema?")
        try:
            deep = 0
            for event in yaml.parse(text, Loader=yaml.CSafeLoader):
                mark = event.start_mark
                line = mark.line + 1 if mark else 1
                if isinstance(event, yaml.AliasEvent):  # a few of them can stand for gigabytes
                    raise SchemaError(self._name, line, "YAML references (*name) are not used in schemas")
                deep += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
                if deep > _DEEPEST:
                    raise SchemaError(self._name, line, "nested deeper than any schema is")
            root = yaml.compose(text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise SchemaError(self._name, line, f"not YAML: {error.problem or error.context}") from None
        except (yaml.YAMLError, RecursionError) as error:
            told = str(error).split("\n", maxsplit=1)[0]
            raise SchemaError(self._name, 1, f"not YAML: {told}") from None
        if root is None:
            raise SchemaError(self._name, 1, "the file is empty")
        fields = self._fields(root, "the schema", _ROOT)
        commands = self._all(fields.get("commands"), root, "commands", self._command)
        self._apart([(c.name, f"command {c.name}", c.line) for c in commands])
        return Schema(
            self._word(fields, "cli_name", root, "the schema"), self._text(fields, "description"), tuple(commands)
        )

    def _command(self, node: yaml.Node) -> Command:
        fields = self._fields(node, "a command", _COMMAND)
        name = self._word(fields, "name", node, "a command")
        subs = self._all(fields.get("subcommands"), node, f"subcommands of {name}", self._sub)
        self._apart([(s.name, f"subcommand {s.name}", s.line) for s in subs])
        told = self._text(fields, "description")
        return Command(name, told, self._texts(fields, "aliases"), tuple(subs), _line(node))

    def _sub(self, node: yaml.Node) -> Sub:
        fields = self._fields(node, "a subcommand", _SUB)
        name = self._word(fields, "name", node, "a subcommand")
        args = [(self._arg(n), _line(n)) for n in self._items(fields, "args")]
        flags = [(self._flag(n), _line(n)) for n in self._items(fields, "flags")]
        self._apart([(a.name, f"argument {a.name}", line) for a, line in args])
        self._apart([(f.name, f"flag {f.name}", line) for f, line in flags])
        self._apart([(f.short, f"short flag -{f.short}", line) for f, line in flags if f.short])
        return Sub(
            name,
            self._text(fields, "description"),
            self._texts(fields, "aliases"),
            tuple(a for a, _ in args),
            tuple(f for f, _ in flags),
            _line(node),
        )

    def _arg(self, node: yaml.Node) -> Arg:
        fields = self._fields(node, "an argument", _ARG)
        name = self._word(fields, "name", node, "an argument")
        type_, members = self._type(fields.get("type"), node, name)
        default: Value | None = None
        if (given := fields.get("default")) is not None and (value := self._scalar(given, "default")) is not None:
            named = next((member for member in members if str(member) == str(value)), None)
            default = value if type_ == "integer" else named if named is not None else str(value)
            if not Arg(name, type_, "", False, None, members).accepts(default):
                self._refuse(given, f"the default of {name}, {value!r}, is no {type_} it accepts")
        required = self._truth(fields, "required")
        return Arg(name, type_, self._text(fields, "description"), required, default, members)

    def _type(self, node: yaml.Node | None, owner: yaml.Node, name: str) -> tuple[Type, tuple[Value, ...]]:
        if node is None:
            self._refuse(owner, f"argument {name} has no type: string, integer or enum")
        if isinstance(node, yaml.MappingNode):
            members = self._members(self._fields(node, f"the type of {name}", frozenset(["enum"])))
            if not members:
                self._refuse(node, f"the enum of {name} has no members")
            if len(set(map(str, members))) < len(members):  # 1 and "1" are said alike
                self._refuse(node, f"the enum of {name} has a member twice")
            return "enum", members
        said = self._scalar(node, "type")
        if said in ("string", "integer"):
            return ("integer" if said == "integer" else "string"), ()
        return self._refuse(node, f"the type of {name} is {said!r}; it has to be string, integer or {{enum: [...]}}")

    def _flag(self, node: yaml.Node) -> Flag:
        fields = self._fields(node, "a flag", _FLAG)
        name = self._word(fields, "name", node, "a flag")
        short = self._text(fields, "short")
        if len(short) > 1:
            self._refuse(fields["short"], f"the short form of {name} has to be one character, not {short!r}")
        return Flag(name, short, self._text(fields, "description"), self._texts(fields, "natural_language"))

    # ---------------------------------------------------------------- nodes
    def _refuse(self, node: yaml.Node, why: str) -> NoReturn:
        raise SchemaError(self._name, _line(node), why)

    def _fields(self, node: yaml.Node, what: str, known: frozenset[str]) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._refuse(node, f"{what} has to be a mapping with the keys {', '.join(sorted(known))}")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.value not in known:
                self._refuse(key, f"{what} has no key {key.value!r}; known are {', '.join(sorted(known))}")
            if key.value in found:
                self._refuse(key, f"{what} has the key {key.value!r} twice")
            found[key.value] = value
        return found

    def _items(self, fields: dict[str, yaml.Node], key: str) -> list[yaml.Node]:
        node = fields.get(key)
        if node is None or self._empty(node):
            return []
        if not isinstance(node, yaml.SequenceNode):
            self._refuse(node, f"{key} has to be a list")
        return list(node.value)

    def _all(
        self, node: yaml.Node | None, owner: yaml.Node, what: str, read: Callable[[yaml.Node], Command | Sub]
    ) -> list:  # type: ignore[type-arg]
        if node is None or self._empty(node):
            self._refuse(node or owner, f"there are no {what}")
        if not isinstance(node, yaml.SequenceNode):
            self._refuse(node, f"{what} has to be a list")
        if not node.value:
            self._refuse(node, f"there are no {what}")
        return [read(n) for n in node.value]

    def _scalar(self, node: yaml.Node, what: str) -> Value | None:
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(node, f"{what} has to be a single value")
        if node.tag.endswith(":int"):
            try:
                return int(node.value)
            except ValueError:
                return str(node.value)
        return None if node.tag.endswith(":null") else str(node.value)

    def _text(self, fields: dict[str, yaml.Node], key: str) -> str:
        node = fields.get(key)
        value = None if node is None else self._scalar(node, key)
        return "" if value is None else " ".join(str(value).split())

    def _texts(self, fields: dict[str, yaml.Node], key: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(str, self._entries(fields, key))))

    def _members(self, fields: dict[str, yaml.Node]) -> tuple[Value, ...]:
        """An enum's: a whole number stays one, all else is text as it is written, on and 1.5 too."""
        return tuple(self._entries(fields, "enum"))

    def _entries(self, fields: dict[str, yaml.Node], key: str) -> list[Value]:
        values = [self._scalar(node, key) for node in self._items(fields, key)]
        found = [v if isinstance(v, int) else " ".join((v or "").split()) for v in values]
        if "" in found:
            self._refuse(fields[key], f"{key} has an empty entry")
        return found

    def _word(self, fields: dict[str, yaml.Node], key: str, owner: yaml.Node, what: str) -> str:
        if key not in fields or self._empty(fields[key]):
            self._refuse(fields.get(key, owner), f"{what} has no {key}")
        value = self._text(fields, key)
        if not _NAME.fullmatch(value):
            self._refuse(fields[key], f"{key} {value!r} is no name: letters, digits and - _ . without spaces")
        return value

    def _truth(self, fields: dict[str, yaml.Node], key: str) -> bool:
        node = fields.get(key)
        if node is None:
            return False
        said = str(self._scalar(node, key)).casefold()
        if said not in ("true", "false", "yes", "no"):
            self._refuse(node, f"{key} has to be true or false, not {said!r}")
        return said in ("true", "yes")

    def _empty(self, node: yaml.Node) -> bool:
        return isinstance(node, yaml.ScalarNode) and (node.tag.endswith(":null") or not node.value.strip())

    def _apart(self, names: list[tuple[str, str, int]]) -> None:
        """Raises SchemaError where two things that must be told apart have one name."""
        seen: dict[str, str] = {}
        for name, owner, line in names:
            if name in seen:
                raise SchemaError(self._name, line, f"{owner}: the name {name!r} is taken by {seen[name]}")
            seen[name] = owner


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
