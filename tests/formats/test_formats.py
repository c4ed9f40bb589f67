"""Exports: every shape into every format, the answer only where it is learnt, nothing lost, sources kept apart."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
import yaml

from services.formats import trainers
from services.formats.conversation import BadExample, read
from services.formats.files import NAMES, conversations, folder, load, split
from services.formats.rows import FORMATS, WRITERS

ANSWER = "<thinking>It moves.</thinking>\n\nI wait."
PLAIN = {"instruction": "Experience waking", "input": "", "output": "I wake."}
COMMAND = {"instruction": "merge 7", "context": "on main", "output": '{"command": "pr"}'}
TALK = {
    "conversations": [
        {"from": "human", "value": "Are you there?"},
        {"from": "assistant", "value": "I am."},
        {"from": "human", "value": "Still?"},
        {"from": "assistant", "value": ANSWER},
    ],
    "metadata": {"passage": "1: A", "template": "2"},
}
CHAT = {
    "messages": [
        {"role": "system", "content": "Be a pilot."},
        {"role": "user", "content": "Hm?"},
        {"role": "assistant", "content": ANSWER},
    ]
}
ASKED = {"role": "user", "content": "What is 7 * 8 - 5?"}
EXAMPLES: list[dict[str, Any]] = [PLAIN, COMMAND, TALK, CHAT]


APART: list[dict[str, Any]] = [
    {"messages": [ASKED, {"role": "assistant", "content": "51"}], "metadata": {"thinking": "7 * 8 = 56."}},
    {"messages": [ASKED, {"role": "assistant", "content": "51"}], "thinking": "7 * 8 = 56."},
    {"messages": [ASKED, {"role": "assistant", "content": "51", "reasoning_content": "7 * 8 = 56."}]},
    {
        "messages": [ASKED, {"role": "assistant", "content": "<think>Wrong.</think>51"}],
        "metadata": {"thinking": "7 * 8 = 56."},
    },
    {
        "system_context": "Boot mode: UEFI",
        "messages": [ASKED, {"role": "assistant", "content": "Shall I?"}, {"role": "user", "content": "yes"}],
        "expected_response": {"type": "command", "command": "51", "thinking": "7 * 8 = 56."},
    },
]


@pytest.mark.parametrize("row", APART)
def test_thinking_that_stands_apart_is_in_the_last_turn(row: dict[str, Any]) -> None:
    (told,), refused = conversations([row])
    assert not refused
    assert told.answer == "<think>\n7 * 8 = 56.\n</think>\n\n51"
    if "expected_response" in row:
        assert [role for role, _ in told.turns] == ["system", "user", "assistant", "user", "assistant"]
    (told,), _ = conversations([row], "thinking")
    assert told.answer.startswith("<thinking>\n7 * 8")


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("example", EXAMPLES)
def test_the_answer_stands_once_and_whole_in_every_format(example: dict[str, Any], format_: str) -> None:
    told = read(example)
    row = WRITERS[format_](told)  # type: ignore[index]
    text = json.dumps(row, ensure_ascii=False)
    assert text.count(json.dumps(told.answer, ensure_ascii=False)[1:-1]) == 1
    learnt = {
        "alpaca": lambda: row["output"],
        "chatml": lambda: row["messages"][-1]["content"],
        "openai": lambda: row["messages"][-1]["content"],
        "sharegpt": lambda: row["conversations"][-1]["value"],
        "trl": lambda: row["completion"][0]["content"],
    }[format_]()
    assert learnt == told.answer
    for _, said in told.turns:
        assert json.dumps(said, ensure_ascii=False)[1:-1] in text or format_ == "alpaca"


def test_alpaca_never_has_the_answer_in_its_input() -> None:
    row = WRITERS["alpaca"](read(TALK))
    assert list(row) == ["instruction", "input", "output"]
    assert row["output"] == ANSWER
    assert row["input"] == "Human: Are you there?\n\nAssistant: I am.\n\nHuman: Still?"
    assert WRITERS["alpaca"](read(COMMAND)) == {
        "instruction": "merge 7", "input": "on main", "output": '{"command": "pr"}',
    }  # fmt: skip
    assert WRITERS["alpaca"](read(CHAT))["system"] == "Be a pilot."


def test_a_question_that_nobody_answers_is_not_learnt() -> None:
    open_end = {"conversations": [*TALK["conversations"], {"from": "human", "value": "And?"}]}
    assert read(open_end).answer == ANSWER


@pytest.mark.parametrize(
    ("example", "complaint"),
    [
        ([], "JSON object"),
        ({"text": "x"}, '"instruction" and "output"'),
        ({"instruction": "", "output": "x"}, '"instruction" has to be'),
        ({"instruction": "x", "output": ""}, '"output" is empty'),
        ({"messages": [{"role": "user", "content": "x"}]}, "no answer"),
        ({"messages": [{"role": "user"}]}, "turn 1 says nothing"),
        ({"messages": [{"content": "x"}]}, "turn 1 does not say who speaks"),
    ],
)
def test_what_is_no_example_is_told_and_the_others_go_on(example: Any, complaint: str) -> None:
    with pytest.raises(BadExample, match=complaint):
        read(example)
    told, refused = conversations([PLAIN, example, TALK])
    assert (len(told), [r.number for r in refused]) == (2, [2])


def test_a_training_folder_has_all_that_trainers_read() -> None:
    files, refused = folder(EXAMPLES, curated=True, base_model="org/model")
    assert not refused
    assert json.loads(files["training_examples_curated.json"]) == EXAMPLES
    for name in NAMES.values():
        assert len(files[name].splitlines()) == len(EXAMPLES)
    axolotl = yaml.safe_load(files["config.yml"])
    assert (axolotl["base_model"], axolotl["datasets"]) == (
        "org/model",
        [{"path": "training_data.jsonl", "type": "alpaca"}],
    )
    info = json.loads(files["dataset_info.json"])
    for entry in info.values():
        rows = [json.loads(line) for line in files[entry["file_name"]].splitlines()]
        columns = [c for k, c in entry["columns"].items() if k != "system"]
        assert all(c in row for row in rows for c in columns)
    ast.parse(files["train_unsloth.py"])
    assert "<thinking>" in files["system_prompt.txt"]
    assert "4 examples: fewer than the 100" in files["how_much_data.txt"]
    assert "training_examples_raw.json" in folder(EXAMPLES, curated=False)[0]


def test_trainers_evaluate_on_the_rows_held_out_and_only_on_those() -> None:
    examples = [{**one, "metadata": {"passage": str(n)}} for n, one in enumerate(EXAMPLES * 3)]
    files, _ = folder(examples, curated=True, validation_ratio=0.3)
    config, info = yaml.safe_load(files["config.yml"]), json.loads(files["dataset_info.json"])
    (test,) = config["test_datasets"]
    assert (test["path"], test["type"], config["val_set_size"]) == ("training_data_val.jsonl", "alpaca", 0.0)
    assert {k: info[f"{k}_val"] for k in info if not k.endswith("_val")} == {
        k: {**v, "file_name": v["file_name"].replace(".jsonl", "_val.jsonl")}
        for k, v in info.items()
        if not k.endswith("_val")
    }
    assert {v["file_name"] for v in info.values()} <= files.keys()
    ast.parse(files["train_unsloth.py"])
    assert "eval_dataset=texts('training_data_chatml_val.jsonl')" in files["train_unsloth.py"]
    whole, _ = folder(examples, curated=True)
    assert not [
        name for name, text in whole.items() if "_val.jsonl" in text or "eval_dataset" in text or "_val" in name
    ]


def test_enough_data_is_told_by_size_of_model() -> None:
    assert "250 examples: enough to begin with for 7B, 30B." in trainers.size_advice(250)


def test_no_passage_stands_on_both_sides() -> None:
    rows = [{**PLAIN, "metadata": {"passage": str(n % 7)}, "output": f"I wake {n}."} for n in range(70)]
    told, _ = conversations(rows)
    train, held = split(told, 0.2)
    assert {c.origin for c in train}.isdisjoint({c.origin for c in held})
    assert (len(train), len(held)) in {(50, 20), (60, 10)}
    files, _ = folder(rows, curated=True, validation_ratio=0.2)
    assert len(files["training_data_val.jsonl"].splitlines()) == len(held)
    only, none = split(told[:1], 0.5)
    assert (len(only), len(none)) == (1, 0)


def test_files_of_examples_are_lines_or_an_array() -> None:
    lines = "\ufeff" + "".join(json.dumps(e) + "\n" for e in EXAMPLES)
    assert load(lines) == load(json.dumps(EXAMPLES)) == EXAMPLES
    with pytest.raises(BadExample, match="line 2"):
        load('{"a": 1}\n{')
