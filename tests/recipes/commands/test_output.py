"""What comes out, held against the schema file alone, and that the checker that says so can fail."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from teachback.training_data import validation

from graphs.recipes.commands.rules import violations
from graphs.recipes.commands.schema import read_schema
from tests.recipes.commands.conftest import GH, KETTLE, Output, Row, rows
from tests.recipes.commands.independent import Checker, leaks, patterns

CASES = {
    "ambiguous_command", "missing_required", "unclear_intent", "off_topic", "multiple_interpretations", "unclear_typo",
}  # fmt: skip


def split(output: Output, ratio: float = 0.1) -> tuple[list[Row], list[Row]]:
    """Train and validation, as the command line cuts them."""
    made = rows(output)
    held_out = validation(len(made), output[2]["together"], ratio)
    return [r for i, r in enumerate(made) if i not in held_out], [r for i, r in enumerate(made) if i in held_out]


def test_no_row_of_the_real_schema_breaks_a_rule(gh: Output) -> None:
    checker = Checker(GH.read_text())
    wrong = [(checker.faults(row), row) for row in rows(gh) if checker.faults(row)]
    assert not wrong, (len(wrong), wrong[:3])


def test_no_row_of_our_schema_breaks_a_rule(kettle: Output) -> None:
    checker = Checker(KETTLE.read_text())
    wrong = [(checker.faults(row), row) for row in rows(kettle) if checker.faults(row)]
    assert not wrong, (len(wrong), wrong[:3])


def test_the_mix_is_exact_within_a_row(gh: Output) -> None:
    kinds, levels = gh[2]["kinds"], gh[2]["context"]
    assert gh[2]["examples"] == 3000
    assert abs(kinds["with_context"] - 1800) <= 1
    assert abs(kinds["without_context"] - 600) <= 1
    assert {kinds[case] for case in CASES} == {100}
    assert max(levels.values()) - min(levels.values()) <= 1
    told = Counter((r["context"] is not None, json.loads(r["output"])["type"]) for r in rows(gh))
    assert told[True, "command"] == 1800
    assert told[False, "command"] == 600


def test_everything_in_the_schema_is_used(gh: Output) -> None:
    assert gh[2]["unused"] == []
    schema = read_schema(GH.read_text(), "gh.yaml")
    used = {
        (o["command"], o["subcommand"], f)
        for r in rows(gh)
        for o in [json.loads(r["output"])]
        for f in o.get("flags", [])
    }
    assert used == {(c.name, s.name, f.name) for c, s in schema.pairs for f in s.flags}
    counts = Counter((p["command"], p["subcommand"]) for p in gh[2]["coverage"] if p["what"] == "subcommand")
    assert len(counts) == len(schema.pairs)


def test_requests_are_varied(gh: Output) -> None:
    said = [r["instruction"] for r in rows(gh)]
    assert len(set(said)) >= 0.9 * len(said)
    assert len(set(patterns(rows(gh)))) >= 1000
    assert gh[2]["diversity"]["distinct_instructions"] == len({" ".join(s.lower().split()) for s in said})


def test_no_validation_row_stands_in_train_or_nearly(gh: Output) -> None:
    train, held_out = split(gh)
    assert (len(train), len(held_out)) == (2700, 300)
    assert leaks(train, held_out) == []
    assert leaks([*train, held_out[0]], held_out) == [held_out[0]["instruction"]]


def test_a_split_parts_no_group() -> None:
    groups = [[0, 4, 7], [1, 2]]
    held_out = validation(10, groups, 0.4)
    assert len(held_out) == 4
    assert all(set(g) <= held_out or not set(g) & held_out for g in groups)
    assert held_out == validation(10, groups, 0.4)
    assert validation(10, groups, 0) == set()


# ---------------------------------------------------------------- a checker that can't fail proves nothing
def change(output_of: Callable[[dict[str, Any]], None]) -> Callable[[Row], None]:
    """A change of the parsed output."""

    def apply(row: Row) -> None:
        output = json.loads(row["output"])
        output_of(output)
        row["output"] = json.dumps(output)

    return apply


def with_arg(name: str, value: object) -> Callable[[Row], None]:
    return change(lambda o: o["args"].__setitem__(name, value))


def broken_json(row: Row) -> None:
    row["output"] = row["output"][:-1]


def no_context(row: Row) -> None:
    row["context"] = None


def other_number(row: Row) -> None:
    row["instruction"] += " 98765"


MUTATIONS: dict[str, tuple[Callable[[dict[str, Any]], bool], Callable[[Row], None], str]] = {
    "wrong enum": (lambda o: "state" in o.get("args", {}), with_arg("state", "lukewarm"), "enum"),
    "enum of another case": (lambda o: o.get("args", {}).get("tea") == "mint", with_arg("tea", "Mint"), "enum"),
    "text for a number": (lambda o: "number" in o.get("args", {}), with_arg("number", "12"), "arg type"),
    "truth for a number": (lambda o: "number" in o.get("args", {}), with_arg("number", True), "arg type"),
    "number for a text": (lambda o: "name" in o.get("args", {}), with_arg("name", 3), "arg type"),
    "missing required": (lambda o: "name" in o.get("args", {}), change(lambda o: o["args"].pop("name")), "required"),
    "unknown argument": (lambda o: o["type"] == "command", with_arg("colour", "red"), "unknown argument"),
    "unknown flag": (lambda o: o["type"] == "command", change(lambda o: o["flags"].append("fast")), "unknown flag"),
    "unknown subcommand": (
        lambda o: o["type"] == "command", change(lambda o: o.update(subcommand="juggle")), "unknown command",
    ),
    "an alias for a name": (
        lambda o: o.get("subcommand") == "heat", change(lambda o: o.update(subcommand="boil")), "unknown command",
    ),
    "unknown suggestion": (
        lambda o: bool(o.get("suggestions")), change(lambda o: o["suggestions"][0].update(command="cat")),
        "unknown command",
    ),
    "unsure command": (lambda o: o["type"] == "command", change(lambda o: o.update(confidence=0.6)), "confidence"),
    "sure clarification": (
        lambda o: o["type"] == "clarification", change(lambda o: o.update(confidence=0.8)), "confidence",
    ),
    "half sure without suggestions": (
        lambda o: o["type"] == "clarification", change(lambda o: o.update(confidence=0.6, suggestions=[])),
        "no suggestions",
    ),
    "no message": (lambda o: o["type"] == "clarification", change(lambda o: o.update(message=" ")), "message"),
    "not JSON": (lambda _: True, broken_json, "json"),
    "another type": (lambda _: True, change(lambda o: o.update(type="order")), "type"),
    "a field too many": (lambda o: o["type"] == "command", change(lambda o: o.update(why="x")), "fields"),
    "unresolved pronoun": (
        lambda o: o["type"] == "command" and " it" in o["said"], no_context, "unresolved pronoun",
    ),
    "unresolved this": (
        lambda o: o["type"] == "command" and "this " in o["said"].lower(), no_context, "unresolved pronoun",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_kind_of_mistake_is_found_every_time(kettle: Output, name: str) -> None:
    fits, mutate, fault = MUTATIONS[name]
    checker, schema = Checker(KETTLE.read_text()), read_schema(KETTLE.read_text(), "kettle.yaml")
    chosen = [r for r in rows(kettle) if fits({**json.loads(r["output"]), "said": r["instruction"]})]
    assert chosen
    for row in chosen:
        mutated = copy.deepcopy(row)
        mutate(mutated)
        assert fault in checker.faults(mutated), mutated
        assert violations(schema, mutated), (name, mutated)
        assert not violations(schema, row)


def test_a_number_from_nowhere_is_found(kettle: Output) -> None:
    checker = Checker(KETTLE.read_text())
    for row in rows(kettle)[:50]:
        if json.loads(row["output"])["type"] == "command":
            mutated = copy.deepcopy(row)
            other_number(mutated)
            assert "number from nowhere" in checker.faults(mutated)
