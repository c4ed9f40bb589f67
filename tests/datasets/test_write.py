"""Results into rows: everything but the thinking keeps its bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.records import CONVERGED, Outcome, Result, Round
from services.datasets.shapes import parse
from services.datasets.spans import elements, members, one_line, split_string
from services.datasets.write import ThinkingTag, annotate, to_messages
from tests.datasets import raw
from tests.datasets.raw import installer, qa

TAGS: list[ThinkingTag] = ["think", "thinking", "reasoning_content"]
OURS = {
    "original_thinking",
    "thinking",
    "thinking_iterations",
    "thinking_converged",
    "thinking_iterations_detail",
    "thinking_outcome",
    "thinking_reason",
    "thinking_labels",
}
ROUNDS = [
    Round(number=1, thinking="40…", answer="44", right=False, known=True, score=0.25, critique="off", hint="carry?"),
    Round(number=2, thinking="40 + 5", answer="45", right=True, known=True, score=0.9, verified=True),
]

thoughts = raw.said.map(str.strip)
results = st.builds(
    Result,
    outcome=st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.REUSED]),
    thinking=st.just("") | thoughts,
    reason=raw.texts,
    rounds=st.lists(st.builds(Round, number=st.integers(1, 9), thinking=raw.texts, hint=raw.texts), max_size=2),
    labels=st.lists(raw.texts, max_size=1),
)


def make(row: dict[str, Any] | str, result: Result) -> str:
    text = row if isinstance(row, str) else json.dumps(row)
    item = parse(text)
    return annotate(text, item.shape, result, item.place)


def export(row: dict[str, Any] | str, result: Result, tag: ThinkingTag = "think") -> str:
    text = row if isinstance(row, str) else json.dumps(row)
    item = parse(text)
    return to_messages(text, item.shape, result, item.place, tag, "id-1")


def converged(**more: Any) -> Result:
    return Result(outcome=Outcome.CONVERGED, thinking="40 + 5 is 45.", enhanced=True, **more)


@raw.quick
@given(raw.qa_rows(), results)
def test_a_qa_row_changes_in_its_thinking_alone(text: str, result: Result) -> None:
    item = parse(text)
    out = make(text, result)
    assert out.endswith("}\n") or out.endswith("\n")
    assert out.count("\n") == 1

    again = parse(out)
    assert again.identity == item.identity
    assert again.task.reference == item.task.reference
    assert again.task.question == item.task.question
    assert again.task.thinking == (result.thinking or item.task.thinking)
    assert again.annotated is (result.outcome in (*CONVERGED, Outcome.REUSED))

    before, after = dict(members(text)), dict(members(out))
    touched = {"metadata", {"top": "thinking", "metadata": "metadata"}.get(item.place, "messages")}
    assert {key: value for key, value in after.items() if key not in touched} == {
        key: value for key, value in before.items() if key not in touched
    }
    assert elements(after["messages"])[:-1] == elements(before["messages"])[:-1]
    last_before, last_after = (dict(members(elements(row["messages"])[-1])) for row in (before, after))
    moved = {"content"} if item.place == "tags" else {item.place}
    assert list(last_after) == list(last_before)
    assert {k: v for k, v in last_after.items() if k not in moved} == {
        k: v for k, v in last_before.items() if k not in moved
    }
    assert answer_bytes(last_after["content"]) == answer_bytes(last_before["content"])
    kept = [pair for pair in members(before.get("metadata", "{}")) if pair[0] not in OURS]
    assert [pair for pair in members(after["metadata"]) if pair[0] not in OURS] == kept


def answer_bytes(content: str) -> str:
    """The raw answer after any think tags."""
    value = json.loads(content)
    for tag in ("</think>", "</thinking>"):
        if value.lstrip().startswith(tag.replace("/", "")):
            return split_string(content, value.index(tag) + len(tag))[1]
    return content


@raw.quick
@given(raw.installer_rows(), results)
def test_an_installer_row_changes_only_where_it_converged(text: str, result: Result) -> None:
    item = parse(text)
    out = make(text, result)
    if result.outcome not in CONVERGED or not result.thinking:
        assert out == text + "\n"
        return
    assert parse(out).identity == item.identity
    assert parse(out).task.thinking == result.thinking
    assert parse(out).annotated
    before, after = members(text), members(out)
    assert [(k, v) for k, v in after if k != "expected_response"] == [
        (k, v) for k, v in before if k != "expected_response"
    ]
    assert [key for key, _ in after] == [key for key, _ in before]
    response_before, response_after = (members(dict(row)["expected_response"]) for row in (before, after))
    assert [pair for pair in response_after if pair[0] != "thinking"] == [
        pair for pair in response_before if pair[0] != "thinking"
    ]
    if "thinking" in dict(response_before):
        assert [key for key, _ in response_after] == [key for key, _ in response_before]


@raw.quick
@given(raw.qa_rows(), results, st.sampled_from(TAGS))
def test_a_qa_export_carries_the_answer_bytes_and_the_thinking_once(
    text: str, result: Result, tag: ThinkingTag
) -> None:
    item = parse(text)
    out = export(text, result, tag)
    thinking = result.thinking or item.task.thinking.strip()
    before, after = dict(members(text)), dict(members(out))
    assert elements(after["messages"])[:-1] == elements(before["messages"])[:-1]
    last = dict(members(elements(after["messages"])[-1]))
    content = json.loads(last["content"])
    source = dict(members(elements(before["messages"])[-1]))["content"]
    answer = split_string(source, len(json.loads(source)) - len(item.task.reference))[1]
    assert last["content"].endswith(answer[1:])
    if not thinking:
        assert content == item.task.reference
        assert not {"thinking", "reasoning_content"} & last.keys()
    elif tag == "reasoning_content":
        assert (content, json.loads(last[tag])) == (item.task.reference, thinking)
    else:
        assert content == f"<{tag}>\n{thinking}\n</{tag}>\n\n{item.task.reference}"
        assert "reasoning_content" not in last
    assert "thinking" not in after.keys() | last.keys()
    assert dict(members(after["metadata"])).keys() & OURS == set()
    if item.task.reference == item.task.reference.lstrip():
        assert parse(out).identity == item.identity


@raw.quick
@given(raw.installer_rows(), results, st.sampled_from(TAGS))
def test_an_installer_export_is_a_conversation(text: str, result: Result, tag: ThinkingTag) -> None:
    item = parse(text)
    out = export(text, result, tag)
    accepted = result.outcome in CONVERGED and result.thinking
    thinking = result.thinking if accepted else item.task.thinking.strip()
    read = parse(out)
    assert (read.shape, read.task.reference.strip()) == ("qa", item.task.reference.strip())
    assert read.task.thinking == thinking
    context = item.task.question.context
    assert read.task.question.system == (context if context.strip() else "")
    assert read.task.question.request == item.task.question.request
    row = json.loads(out)
    assert not {"system_context", "expected_response"} & row.keys()
    assert row["metadata"]["teachback"] == {
        "row_id": "id-1",
        "outcome": result.outcome,
        "labels": result.labels,
        "response_type": item.task.response_kind,
    }


@raw.quick
@given(raw.qa_rows(breaks=True) | raw.installer_rows(breaks=True), results)
def test_an_element_of_a_pretty_printed_array_comes_out_on_one_line(text: str, result: Result) -> None:
    assert make(text, result) == make(one_line(text), result)
    assert make(text, result).count("\n") == 1
    assert export(text, result).count("\n") == 1


def test_the_notes_of_a_run_stand_in_the_metadata() -> None:
    row = qa(metadata={"question_type": "NUMERIC", "thinking": "Thin."})
    result = converged(rounds=ROUNDS, reason="why", labels=["offline/teacher is a rule-based stand-in"])
    metadata = json.loads(make(row, result))["metadata"]
    detail = metadata.pop("thinking_iterations_detail")
    assert list(metadata.items()) == [
        ("question_type", "NUMERIC"),
        ("thinking", "40 + 5 is 45."),
        ("original_thinking", "Thin."),
        ("thinking_iterations", 2),
        ("thinking_converged", True),
        ("thinking_outcome", "converged"),
        ("thinking_reason", "why"),
        ("thinking_labels", ["offline/teacher is a rule-based stand-in"]),
    ]
    assert detail[0] == {
        "iteration": 1,
        "thinking": "40…",
        "answer": "44",
        "right": False,
        "score": 0.25,
        "hint": "carry?",
        "critique": "off",
        "verified": None,
    }
    assert (detail[1]["right"], detail[1]["verified"], len(detail)) == (True, True, 2)


def test_a_second_run_keeps_the_first_thinking_and_drops_stale_notes() -> None:
    first = make(
        qa(thinking="first"), Result(outcome=Outcome.FAILED, thinking="second", reason="no reply", labels=["x"])
    )
    assert json.loads(first)["metadata"]["thinking_reason"] == "no reply"
    second = json.loads(make(first, converged()))
    assert second["metadata"]["original_thinking"] == "first"
    assert second["thinking"] == second["metadata"]["thinking"] == "40 + 5 is 45."
    assert not {"thinking_reason", "thinking_labels"} & second["metadata"].keys()


def test_of_equal_keys_the_last_one_counts_and_changes() -> None:
    text = json.dumps(qa(metadata={"thinking": "new"})).replace(
        '"metadata"', '"metadata": {"thinking": "old"}, "metadata"'
    )
    assert parse(text).task.thinking == "new"
    out = make(text, converged())
    assert '"metadata": {"thinking": "old"}, "metadata": {"thinking": "40 + 5 is 45."' in out


def test_a_place_that_says_something_else_is_left_alone() -> None:
    out = json.loads(make(qa(metadata={"thinking": "one"}, thinking="other"), converged()))
    assert (out["thinking"], out["metadata"]["original_thinking"]) == ("other", "one")


def test_what_an_earlier_run_finished_comes_out_as_it_went_in() -> None:
    for row in (qa(metadata={"thinking": "t", "thinking_iterations": 1}), installer(thinking="t")):
        text = json.dumps(row)
        assert make(text, Result(outcome=Outcome.REUSED, thinking="t")) == text + "\n"


def test_thinking_kept_as_it_was_keeps_its_bytes() -> None:
    text = json.dumps(qa(metadata={"thinking": "é…"}))
    assert "\\u00e9\\u2026" in text
    out = make(text, Result(outcome=Outcome.STALLED, thinking="é…"))
    assert out.count("\\u00e9\\u2026") == 2  # thinking and original_thinking


def test_tags_keep_the_space_around_the_thinking_and_the_escapes_of_the_answer() -> None:
    row = qa("<think>\n old \n</think>\n\nHERE")
    text = json.dumps(row).replace("HERE", "4\\u0035\\/").replace("</", "<\\/")
    out = make(text, converged())
    assert '"<think>\\n 40 + 5 is 45. \\n<\\/think>\\n\\n4\\u0035\\/"' in out
    assert "<think>\\n40 + 5 is 45.\\n</think>\\n\\n45" in make(qa("<think>\n\n</think>\n\n45"), converged())


@pytest.mark.parametrize("stray", ["a </think> b", "<think>a  b</think>", "<thinking>a  b"])
def test_a_stray_tag_in_the_thinking_does_not_end_it_early(stray: str) -> None:
    result = Result(outcome=Outcome.CONVERGED, thinking=stray)
    assert json.loads(export(qa(), result))["messages"][-1]["content"] == "<think>\na  b\n</think>\n\n45"
    read = parse(make(qa("<think>x</think>45"), result))
    assert (read.task.reference, read.task.thinking) == ("45", "a  b")


def test_what_no_file_can_hold_is_written_as_a_replacement() -> None:
    out = make(qa(), Result(outcome=Outcome.CONVERGED, thinking="a\0b\ud800"))
    assert json.loads(out.encode())["metadata"]["thinking"] == "a\ufffdb\ufffd"
    assert parse(out).annotated


def test_a_system_message_and_the_system_context_become_one() -> None:
    row = installer()
    row["messages"].insert(0, {"role": "system", "content": "Be brief."})
    messages = json.loads(export(row, converged()))["messages"]
    assert messages[0] == {"role": "system", "content": "Be brief.\n\n- Boot mode: UEFI"}
    assert [message["role"] for message in messages] == ["system", "user", "assistant"]
    assert messages[-1]["content"] == "<think>\n40 + 5 is 45.\n</think>\n\nlsblk"


def test_an_export_of_a_reused_row_keeps_its_labels_and_thinking() -> None:
    row = qa(metadata={"thinking": "kept", "thinking_iterations": 1, "thinking_labels": ["stand-in"], "id": 7})
    out = json.loads(export(row, Result(outcome=Outcome.REUSED)))
    assert out["messages"][-1]["content"] == "<think>\nkept\n</think>\n\n45"
    assert out["metadata"] == {"id": 7, "teachback": {"row_id": "id-1", "outcome": "reused", "labels": ["stand-in"]}}
