"""Rows of every shape become the same thing: a prompt and what follows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training.errors import InvalidInput
from training.rows import INSTRUCTION_SYSTEM, Pair, Row, RowError, parse, read

ASKED = {"role": "user", "content": "How many?"}
THOUGHT = "<think>\nTwo and two.\n</think>\n\n4"


def prompt(row: Row | Pair) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in row.prompt]


@pytest.mark.parametrize(
    "value",
    [
        {"messages": [ASKED, {"role": "assistant", "content": "4"}], "metadata": {"thinking": "Two and two."}},
        {"messages": [ASKED, {"role": "assistant", "content": "4", "thinking": "Two and two."}]},
        {"messages": [ASKED, {"role": "assistant", "content": "4", "reasoning_content": "Two and two."}]},
        {"messages": [ASKED, {"role": "assistant", "content": "<thinking>Two and two.</thinking>4"}]},
        {"messages": [ASKED, {"role": "assistant", "content": THOUGHT}]},
        {"messages": [ASKED, {"role": "assistant", "content": "4"}], "thinking": "Two and two."},
        {"prompt": "How many?", "completion": THOUGHT},
        {"prompt": [ASKED], "completion": [{"role": "assistant", "content": THOUGHT}]},
        {"messages": [ASKED], "expected_response": {"type": "text", "response": "4", "thinking": "Two and two."}},
    ],
)
def test_thinking_stands_before_the_answer_wherever_the_row_has_it(value: dict[str, Any]) -> None:
    kept, dropped = parse(value), parse(value, think="drop")
    assert isinstance(kept, Row)
    assert isinstance(dropped, Row)
    assert (kept.completion, kept.answer, dropped.completion) == (THOUGHT, "4", "4")
    assert prompt(kept) == prompt(dropped) == [("user", "How many?")]
    assert kept.source == value


def test_an_instruction_carries_its_context() -> None:
    row = parse({"instruction": "close it", "context": {"git": {"current_pr": 12}}, "output": '{"type": "command"}'})
    assert prompt(row) == [
        ("system", INSTRUCTION_SYSTEM),
        ("user", 'close it\n\nContext:\n{"git":{"current_pr":12}}'),
    ]
    assert isinstance(row, Row)
    assert row.completion == '{"type": "command"}'
    without = parse({"instruction": "close it", "context": None, "output": {"type": "clarification"}})
    assert prompt(without)[1] == ("user", "close it")
    assert isinstance(without, Row)
    assert json.loads(without.completion) == {"type": "clarification"}


def test_an_installer_row_has_its_state_as_the_system_message() -> None:
    row = parse(
        {
            "system_context": "Disks: /dev/sda",
            "messages": [{"role": "user", "content": "which disks?"}],
            "expected_response": {"type": "command", "command": "lsblk"},
        }
    )
    assert prompt(row) == [("system", "Disks: /dev/sda"), ("user", "which disks?")]
    assert isinstance(row, Row)
    assert row.completion == "lsblk"


def test_a_context_joins_the_system_message() -> None:
    messages = [{"role": "system", "content": "Be brief."}, ASKED, {"role": "assistant", "content": "4"}]
    assert prompt(parse({"messages": messages, "context": "Two and two."}))[0] == (
        "system",
        "Be brief.\n\nTwo and two.",
    )


@pytest.mark.parametrize(
    "value",
    [
        {"prompt": "How many?", "chosen": "4", "rejected": "5"},
        {"prompt": [ASKED], "chosen": [{"role": "assistant", "content": "4"}], "rejected": "5"},
        {
            "input": {"messages": [ASKED]},
            "preferred_output": [{"role": "assistant", "content": "4"}],
            "non_preferred_output": [{"role": "assistant", "content": "5"}],
        },
    ],
)
def test_preferences_of_trl_and_openai(value: dict[str, Any]) -> None:
    pair = parse(value)
    assert isinstance(pair, Pair)
    assert (prompt(pair), pair.chosen, pair.rejected) == ([("user", "How many?")], "4", "5")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"text": "all of it"}, "row"),
        ({"messages": []}, "messages"),
        ({"messages": [ASKED]}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [ASKED, {"role": "assistant", "content": "<think>a</think>"}]}, "messages"),
        ({"instruction": "  ", "output": "x"}, "instruction"),
        ({"instruction": "x", "output": ""}, "output"),
        ({"prompt": "x", "completion": 3}, "completion"),
        ({"prompt": "x", "chosen": "same", "rejected": "same"}, "rejected"),
        ({"messages": [ASKED], "expected_response": {"type": "command"}}, "expected_response.command"),
    ],
)
def test_a_wrong_row_names_its_field(value: dict[str, Any], field: str) -> None:
    with pytest.raises(RowError) as error:
        parse(value)
    assert error.value.field == field


def test_files_are_lines_or_one_array(tmp_path: Path) -> None:
    values = [{"prompt": f"{n}", "completion": "x"} for n in range(3)]
    lines, array = tmp_path / "a.jsonl", tmp_path / "b.json"
    lines.write_text("\n" + "\n\n".join(json.dumps(value) for value in values) + "\n")
    array.write_text(json.dumps(values, indent=2))
    assert [row.source for row in read(lines)] == [row.source for row in read(array)] == values


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "a"\n')
    with pytest.raises(RowError, match=r"rows\.jsonl, line 2: row: is not JSON"):
        list(read(file))
    file.write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "a", "completion": ""}\n')
    with pytest.raises(RowError, match=r"rows\.jsonl, line 2: completion: is empty"):
        list(read(file))
    with pytest.raises(InvalidInput, match="there is no such file"):
        list(read(tmp_path / "none.jsonl"))
    file.write_bytes(b'{"prompt": "\xff"}\n')
    with pytest.raises(InvalidInput, match="is not UTF-8"):
        list(read(file))
