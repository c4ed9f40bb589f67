"""The whole way in and out with rows as people have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphs.records import Outcome, Result, Round
from services.datasets.shapes import Occurrences, parse
from services.datasets.spans import members
from services.datasets.split import Raw, split
from services.datasets.write import annotate, to_messages

ROWS = Path(__file__).parents[3] / "shared" / "data" / "gsm8k_qa.jsonl"

pytestmark = pytest.mark.skipif(not ROWS.exists(), reason="extra data: the real rows are not here")


def test_word_problems_go_in_and_come_out_with_nothing_lost() -> None:
    data = ROWS.read_bytes()
    rows = list(split([data[i : i + 4096] for i in range(0, len(data), 4096)], ROWS.name))
    seen = Occurrences()
    ids = set()
    for number, row in enumerate(rows, 1):
        assert isinstance(row, Raw)
        assert row.line == number
        item = parse(row.text)
        ids.add(seen.id(item.identity))
        assert (item.shape, item.place, item.annotated) == ("qa", "metadata", False)
        assert (item.task.mode, item.task.question.answer_kind) == ("solve", "number")

        thinking = f"{item.task.thinking} Then the rest follows: {item.task.reference}."
        rounds = [Round(number=1, thinking=thinking, answer=item.task.reference, right=True)]
        result = Result(outcome=Outcome.CONVERGED_FIRST_TRY, thinking=thinking, enhanced=True, rounds=rounds)
        out = annotate(row.text, item.shape, result, item.place)
        before, after = json.loads(row.text), json.loads(out)
        assert dict(members(out))["messages"] == dict(members(row.text))["messages"]
        assert before["metadata"] | {"thinking": thinking} == {
            key: after["metadata"][key] for key in before["metadata"]
        }
        assert after["metadata"]["original_thinking"] == before["metadata"]["thinking"]
        assert parse(out).identity == item.identity
        assert parse(out).annotated

        trained = json.loads(to_messages(row.text, item.shape, result, item.place, "think", "id"))
        assert trained["messages"][:-1] == before["messages"][:-1]
        assert trained["messages"][-1]["content"] == f"<think>\n{thinking}\n</think>\n\n{item.task.reference}"
    assert (len(rows), len(ids)) == (300, 300)
