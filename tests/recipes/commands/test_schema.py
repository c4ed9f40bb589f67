"""Reading a schema: what its users write, and errors that name the line."""

from __future__ import annotations

import pytest

from graphs.recipes.commands import frames
from graphs.recipes.commands.coverage import advice
from graphs.recipes.commands.schema import SchemaError, read_schema
from tests.recipes.commands.conftest import GH, KETTLE

SMALL = """\
cli_name: toy
commands:
  - name: box
    aliases: [boxes]
    subcommands:
      - name: open
        description: Open a box
        aliases: [show]
        args:
          - name: number
            type: integer
            required: true
        flags:
          - name: wide
            short: w
            description: Open wide
            natural_language: [all the way]
      - name: list
        aliases: [show, ls]
        args:
          - name: size
            type:
              enum: [small, 10, big]
            default: small
"""


def test_everything_is_read() -> None:
    schema = read_schema(SMALL, "toy.yaml")
    command = schema.commands[0]
    opening, listing = command.subs
    assert (schema.cli, command.aliases, opening.aliases) == ("toy", ("boxes",), ("show",))
    assert opening.required[0].name == "number"
    assert opening.flags[0].phrases == ("all the way",)
    size = listing.args[0]
    assert (size.type, size.members, size.default) == ("enum", ("small", 10, "big"), "small")
    assert [size.accepts(v) for v in ("small", 10, "10", "Small", True, None)] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    number = opening.args[0]
    assert [number.accepts(v) for v in (3, "3", True, 3.0)] == [True, False, False, False]


def test_members_keep_their_type_and_names_may_have_any_letters() -> None:
    levels = SMALL.replace("enum: [small, 10, big]", "enum: [0, 1, 2]").replace("default: small", 'default: "0"')
    size = read_schema(levels.replace("name: box", "name: 日志"), "toy.yaml").commands[0].subs[1].args[0]
    assert (size.members, size.default) == ((0, 1, 2), 0)
    assert [size.accepts(v) for v in (0, 2, False, "0", 3, 1.0)] == [True, True, False, False, False, False]
    texts = SMALL.replace("[small, 10, big]", '["1", on, 1.5]').replace("default: small", "default: 1")
    size = read_schema(texts, "toy.yaml").commands[0].subs[1].args[0]
    assert (size.members, size.default) == (("1", "on", "1.5"), "1")
    with pytest.raises(SchemaError, match="a member twice"):
        read_schema(SMALL.replace("[small, 10, big]", '[small, 1, "1"]'))


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("type: integer", "type: number", 11, "it has to be string, integer or {enum: [...]}"),
        ("            type: integer\n", "", 10, "argument number has no type"),
        ("required: true", "required: maybe", 12, "true or false"),
        ("short: w", "short: wd", 15, "one character"),
        ("enum: [small, 10, big]", "enum: []", 23, "no members"),
        ("enum: [small, 10, big]", "enum: [small, small]", 23, "twice"),
        ("default: small", "default: tiny", 24, "the default of size"),
        ("name: list", "name: open", 18, "is taken by"),
        ("  - name: box\n    aliases", "  - title: box\n    aliases", 3, "no key 'title'"),
        ("cli_name: toy\n", "", 1, "no cli_name"),
        ("name: list", "name: ../x", 18, "is no name"),
        ("description: Open a box", "description: [a", 8, "not YAML"),
        ("aliases: [boxes]", "aliases: *boxes", 4, "YAML references"),
    ],
)
def test_errors_name_the_line(old: str, new: str, line: int, why: str) -> None:
    assert old in SMALL
    with pytest.raises(SchemaError) as error:
        read_schema(SMALL.replace(old, new, 1), "toy.yaml")
    assert str(error.value).startswith(f"toy.yaml, line {line}: ")
    assert why in str(error.value)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "hello", "cli_name: x\ncommands: []\n", "[" * 5000, "a: &a [*a]"])
def test_what_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(SchemaError, match="line"):
        read_schema(text, "bad.yaml")


def test_a_large_file_is_refused_at_once() -> None:
    with pytest.raises(SchemaError, match="longer"):
        read_schema("x" * 2_000_000, "big.yaml")


def test_colliding_aliases_are_found() -> None:
    command = read_schema(SMALL, "toy.yaml").commands[0]
    assert {word: [s.name for s in subs] for word, subs in command.collisions.items()} == {"show": ["open", "list"]}
    opening, listing = command.subs
    assert frames.decided(command, "show", opening, {"number": 3}, [])
    assert frames.decided(command, "show", listing, {"size": "big"}, [])
    assert not frames.decided(command, "show", listing, {}, [])
    assert frames.decided(command, "list", listing, {}, [])


def test_the_real_schema() -> None:
    if not GH.exists():
        pytest.skip("extra data: shared/data/gh.yaml is not here")
    schema = read_schema(GH.read_text(), "gh.yaml")
    assert len(schema.pairs) == 29
    assert sum(len(c.collisions) for c in schema.commands) == 11
    assert advice(schema)["examples"] == 29 * 50 + 29 * 50 // 4


def test_what_english_can_be_told() -> None:
    schema = read_schema(KETTLE.read_text(), "kettle.yaml")
    brew, kettle = schema.commands
    assert frames.nouns(brew) == ("brew", "pot")
    assert frames.plurals(brew)[0] == "brews"
    assert [frames.role(s) for s in brew.subs] == ["many", "one", "new", "one"]
    heat = kettle.subs[1]
    target = frames.target(kettle, heat)
    assert target is not None
    assert target.name == "name"
