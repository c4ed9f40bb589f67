"""What a row is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training.errors import InvalidInput
from training.evaluation import groups
from training.rows import Row, parse

POUR = {
    "type": "command",
    "command": "brew",
    "subcommand": "pour",
    "args": {"number": 41},
    "flags": [],
    "confidence": 0.9,
}


def row(output: Any, instruction: str = "pour this", context: Any = None, **more: Any) -> Row:
    told = parse({"instruction": instruction, "context": context, "output": json.dumps(output), **more})
    assert isinstance(told, Row)
    return told


def asking(confidence: float) -> dict[str, Any]:
    return {"type": "clarification", "message": "?", "suggestions": [], "confidence": confidence}


def test_a_command_names_its_subcommand_and_is_no_case() -> None:
    assert groups.subcommand(row(POUR)) == "brew pour"
    assert groups.case(row(POUR)) is None
    assert groups.subcommand(row(asking(0.5))) is None
    assert groups.subcommand(row("just text")) is None


@pytest.mark.parametrize(
    ("confidence", "case"), [(0.5, "ambiguous_command"), (0.1, "off_topic"), (0.42, "clarification")]
)
def test_a_case_follows_from_the_confidence(confidence: float, case: str) -> None:
    assert groups.case(row(asking(confidence))) == case


def test_a_row_may_name_its_case() -> None:
    assert groups.case(row(asking(0.5), metadata={"case": "off_topic"})) == "off_topic"


def test_rows_that_need_their_context_are_told_apart() -> None:
    context = {"kettle": {"user": "mina", "current_brew": 41, "tags": ["a", "b"]}}
    assert groups.context(row(POUR, context=context)) == groups.DEPENDENT
    assert groups.context(row(POUR, "pour brew 41", context)) == groups.SPOKEN
    assert groups.context(row(POUR)) == groups.WITHOUT
    joined = {**POUR, "args": {"repo": "mina/tea"}}
    assert (
        groups.context(row(joined, "show it", {"git": {"repo_owner": "mina", "repo_name": "tea"}})) == groups.DEPENDENT
    )
    said = parse({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})
    assert isinstance(said, Row)
    assert groups.context(said) is None


def test_a_schema_names_its_subcommands(tmp_path: Path) -> None:
    assert "brew pour" in groups.of_schema(Path("examples/kettle.yaml"))
    for text in ("[]", "commands: 3", "commands: [{}]", "{", "commands: [{name: a, subcommands: [1]}]"):
        path = tmp_path / "schema.yaml"
        path.write_text(text)
        with pytest.raises(InvalidInput, match=r"data\.schema_file"):
            groups.of_schema(path)
