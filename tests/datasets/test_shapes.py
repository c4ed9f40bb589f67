"""What a row is taken for, and what a bad one is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.datasets.errors import DatasetError
from services.datasets.shapes import Item, parse
from tests.datasets.raw import edited, installer, qa


def read(row: dict[str, Any]) -> Item:
    return parse(json.dumps(row))


def test_a_qa_row_is_to_be_solved() -> None:
    item = read(qa(context="Source text.", metadata={"thinking": "Add.", "confidence": 0.95}))
    assert (item.shape, item.place, item.annotated) == ("qa", "metadata", False)
    task = item.task
    assert (task.mode, task.reference, task.thinking) == ("solve", "45", "Add.")
    assert [(turn.role, turn.content) for turn in task.question.turns] == [("user", "What is 40 + 5?")]
    assert (task.question.context, task.question.answer_kind) == ("Source text.", "number")


@pytest.mark.parametrize(
    ("response", "kind", "reference"),
    [
        ({}, "command", "lsblk"),
        ({"type": "text", "response": "Which disk?"}, "text", "Which disk?"),
    ],
)
def test_an_installer_row_is_to_be_justified(response: dict[str, str], kind: str, reference: str) -> None:
    item = read(installer(**response))
    assert (item.shape, item.place, item.annotated) == ("installer", "expected_response", False)
    assert (item.task.mode, item.task.response_kind, item.task.reference) == ("rationalise", kind, reference)
    assert item.task.question.context == "- Boot mode: UEFI"
    assert item.task.question.request == "list the disks"


def test_an_installer_row_needs_no_context_and_may_go_on_from_earlier_turns() -> None:
    row = installer()
    del row["system_context"]
    row["messages"] = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": "disks?"},
    ]
    question = read(row).task.question
    assert (question.context, question.request, len(question.earlier)) == ("", "disks?", 2)


@pytest.mark.parametrize(
    ("row", "place", "thinking"),
    [
        (qa(), "metadata", ""),
        (qa(metadata=None), "metadata", ""),
        (qa(metadata={"thinking": "m"}), "metadata", "m"),
        (qa(thinking="t"), "top", "t"),
        (qa("<think>\n in \n</think>\n\n45"), "tags", "in"),
        (qa(" <thinking>in</thinking>45"), "tags", "in"),
        (qa("<think>\n\n</think>45"), "tags", ""),
        (qa(metadata={"thinking": "same"}, thinking="same"), "top", "same"),
        (qa(metadata={"thinking": "one"}, thinking="other"), "metadata", "one"),
        (qa(metadata={"thinking": ""}, thinking="t"), "top", "t"),
        (qa("<think>in</think>45", thinking="t"), "tags", "in"),
        (qa("<think></think>45", thinking="t"), "top", "t"),
    ],
)
def test_thinking_is_found_where_it_stands(row: dict[str, Any], place: str, thinking: str) -> None:
    item = read(row)
    assert (item.place, item.task.thinking, item.task.reference) == (place, thinking, "45")


@pytest.mark.parametrize("field", ["thinking", "reasoning_content"])
def test_thinking_is_found_on_the_assistant_message(field: str) -> None:
    row = qa()
    row["messages"][-1][field] = "on the message"
    assert (read(row).place, read(row).task.thinking) == (field, "on the message")


def test_tags_in_the_middle_are_part_of_the_answer() -> None:
    assert read(qa("Use <think>…</think> tags.")).task.reference == "Use <think>…</think> tags."


@pytest.mark.parametrize(
    ("row", "annotated"),
    [
        (qa(metadata={"thinking": "t"}), False),
        (qa(metadata={"thinking": "t", "thinking_iterations": 2}), True),
        (qa(metadata={"thinking": "t", "thinking_iterations": 0, "thinking_outcome": "failed"}), False),
        (qa(metadata={"thinking": "t", "thinking_iterations": 3, "thinking_outcome": "converged"}), True),
        (qa(metadata={"thinking": "t", "thinking_iterations": 3, "thinking_outcome": "stalled"}), False),
        (qa(metadata={"thinking": "t", "thinking_iterations": 5, "thinking_outcome": "exhausted"}), False),
        (installer(thinking="why"), True),
        (installer(thinking=" "), False),
        (installer(thinking=None), False),
    ],
)
def test_what_an_earlier_run_finished_is_known(row: dict[str, Any], annotated: bool) -> None:
    assert read(row).annotated is annotated


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not valid JSON"),
        ('{"messages":', "a JSONL file holds one whole object a line"),
        ('{"messages": []} x', "not valid JSON: Extra data at column 18"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("[1]", "the row is an array; write an object with messages"),
        ("12", "the row is a number"),
        ("{}", "no messages: write"),
        ('{"question": "2+2?", "answer": "4"}', r'"user", "content": <question>.*"assistant", "content": <answer>'),
        ('{"instruction": "add", "output": "4"}', r"<instruction>.*<output>"),
        ('{"conversations": [{"from": "human", "value": "x"}]}', "rename conversations to messages"),
        ('{"messages": {}}', "messages is an object; write an array of messages"),
        ('{"messages": []}', "messages is empty"),
        ('{"messages": ["x"]}', r"messages\[0\] is a string; write an object"),
        (edited(qa(), lambda row: row["messages"].pop()), r"messages\[0\] is the user's.*assistant's answer"),
        (edited(qa(), lambda row: row["messages"].pop(0)), "messages has no user message"),
        (edited(qa(), lambda row: row["messages"][0].pop("content")), r"messages\[0\]\.content is missing"),
        (edited(qa(), lambda row: row["messages"][0].update(role="human")), r"\.role is 'human'; write .*'user'"),
        (edited(qa(), lambda row: row["messages"][0].update(role="x" * 99)), r"role is 'x{40}…'; write"),
        (edited(qa(), lambda row: row["messages"][0].update(role=7)), r"\.role is a number; write"),
        (
            edited(qa(), lambda row: row["messages"][1].update(content=45)),
            r"\[1\]\.content is a number; write a string",
        ),
        (edited(qa(), lambda row: row["messages"][1].update(content=4.50)), r"\.content is a number; write a string"),
        (edited(qa(), lambda row: row["messages"][1].update(content=10**30)), r"\.content is a number; write a string"),
        (edited(qa(), lambda row: row["messages"][1].update(content=None)), r"\.content is null; write a string"),
        (edited(qa(), lambda row: row["messages"][1].update(content=[])), r"\.content is an array; write a string"),
        (json.dumps(qa(" ")), r"messages\[1\]\.content holds nothing"),
        (json.dumps(qa("<think>x</think> ")), r"messages\[1\]\.content holds only thinking"),
        (json.dumps(qa("<think>x")), "opens <think> and never closes it"),
        (json.dumps(qa("<thinking>x</think>4")), "opens <thinking> and never closes it"),
        (json.dumps(qa(metadata=[])), "metadata is an array; write an object"),
        (json.dumps(qa(metadata={"thinking": ["x"]})), r"metadata\.thinking is an array; write a string"),
        (json.dumps(qa(thinking=True)), "thinking is a boolean; write a string"),
        (json.dumps(qa(context=1)), "context is a number; write a string"),
        (json.dumps(qa("[" * 100_000)), "the answer is nested deeper than 64 levels"),
        (json.dumps(installer(type="shell")), r"expected_response\.type is 'shell'; write 'command' or 'text'"),
        (json.dumps(installer(command=None)), r'command is missing, but type is "command"; write the command'),
        (json.dumps(installer(type="text", response="")), r'response is empty, but type is "text"'),
        (json.dumps(installer(thinking={})), r"expected_response\.thinking is an object; write a string"),
        (json.dumps(installer() | {"expected_response": None}), "expected_response is null; write an object"),
        (edited(installer(), lambda row: row.pop("messages")), "messages is missing; add it"),
        (edited(installer(), lambda row: row["expected_response"].pop("type")), r"expected_response\.type is missing"),
        (
            edited(installer(), lambda row: row["messages"].append({"role": "assistant", "content": "x"})),
            "the request that expected_response answers",
        ),
        ('{"a":' * 5000 + "1" + "}" * 5000, "nested deeper than 64 levels"),
        ('{"messages": "\\u0000"}', "messages holds a NUL character"),
    ],
)
def test_a_bad_row_is_told_what_to_write(text: str, reason: str) -> None:
    with pytest.raises(DatasetError, match=reason) as raised:
        parse(text)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("answer", ["1 " * 200_000, "9" * 10_000, "1/0", "²", '{"a": ' + "9" * 5000 + "}"])
def test_answers_that_are_hard_to_look_through_are_taken(answer: str) -> None:
    assert read(qa(answer)).task.reference == answer
