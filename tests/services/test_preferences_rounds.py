"""Pairs from an enhance job's rounds: the thinking that was kept against an earlier round that went wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from teachback.client import JobHandle

from agents.question import Question, Turn
from graphs.records import Outcome, Result, Round
from graphs.rules.hints import hint_trace
from services.training import rounds
from tests.services import preferring
from tests.support.databases import KINDS, Kind
from tests.support.service import Service
from training import rows

ROOT = Path(__file__).parents[2]
QUESTION = "A shelf holds 8 rows of 10 books. How many books are on it?"
HINT = "Look once more at how many rows the shelf has."


class Stored(NamedTuple):
    """A joined row of the example store."""

    raw: str
    result: bytes
    outcome: str | None
    item_id: str = "ab-1"
    taken_from: str | None = None


def stored(*turns: Round, kept: str = "8 * 10 = 80.", outcome: Outcome = Outcome.CONVERGED) -> Stored:
    """A row of which the last turn was right."""
    messages = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "80"}]
    raw = json.dumps({"messages": messages, "metadata": {"thinking": "It is full."}})
    result = Result(outcome=outcome, thinking=kept, enhanced=True, best_round=len(turns), rounds=list(turns))
    return Stored(raw, result.model_dump_json().encode(), outcome)


def wrong(number: int = 1, thinking: str = "The shelf holds 10 books.", **more: Any) -> Round:
    given = {"answer": "10", "right": False, "known": True, "hint": HINT, **more}
    return Round(number=number, thinking=thinking, **given)


def right(number: int = 2, score: float = 0.9) -> Round:
    return Round(number=number, thinking="8 * 10 = 80.", answer="80", right=True, score=score, verified=True)


def test_the_kept_thinking_is_chosen_and_the_prompt_is_the_one_that_is_trained() -> None:
    row = stored(wrong(), right())
    found = rounds.of_row(row)
    assert found.reason == ""
    assert found.chosen == "<think>\n8 * 10 = 80.\n</think>\n\n80"
    assert found.rejected == "<think>\nThe shelf holds 10 books.\n</think>\n\n10"
    assert (found.margin, found.judged_by, found.round) == (1.0, "rule", 1)
    trained = rows.parse({"messages": json.loads(row.raw)["messages"]})
    assert found.prompt == trained.prompt


def test_turning_points_are_taken_out_on_both_sides() -> None:
    kept = "The shelf holds 10 books.\nAha! It has 8 rows of them: 8 * 10 = 80."
    found = rounds.of_row(stored(wrong(), wrong(2, "Aha! Rows count: 8 + 10 = 18.", answer="18"), right(3), kept=kept))
    assert found.chosen == "<think>\nThe shelf holds 10 books.\nIt has 8 rows of them: 8 * 10 = 80.\n</think>\n\n80"
    assert "Aha" not in found.rejected


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (stored(right(1), outcome=Outcome.CONVERGED_FIRST_TRY), rounds.FIRST_TRY),
        (stored(wrong(), wrong(2), outcome=Outcome.STALLED), rounds.NOT_CONVERGED),
        (stored(wrong(), right())._replace(outcome=None), rounds.NOT_CONVERGED),
        (stored(wrong(), right())._replace(taken_from="{}"), rounds.REUSED),
        (stored(wrong(answer=" "), right()), rounds.NONE_WRONG),
        (stored(wrong(thinking=" "), right()), rounds.NONE_WRONG),
        (stored(wrong(right=None), right()), rounds.NONE_WRONG),
        (stored(wrong(thinking="As the hint says, there are 10."), right()), rounds.NONE_WRONG),
        (stored(wrong(), right(), kept="The hint was right: 8 * 10 = 80."), rounds.TRACE),
        (stored(wrong(), right(), kept=f"{HINT} There are 8: 8 * 10 = 80."), rounds.TRACE),
        (stored(wrong(known=False, score=0.95), right(score=0.9)), rounds.NO_BETTER),
    ],
)
def test_what_gives_no_pair_says_why(row: Any, reason: str) -> None:
    assert rounds.of_row(row).reason == reason


def test_a_judged_round_has_the_difference_of_the_scores() -> None:
    found = rounds.of_row(stored(wrong(known=False, score=0.3), right(score=0.85)))
    assert (found.margin, found.judged_by) == (0.55, "judge")


def test_of_several_wrong_rounds_the_one_nearest_in_length_is_taken() -> None:
    long = "The shelf holds 10 books. " * 9
    assert rounds.of_row(stored(wrong(1, long), wrong(2, "It is 10."), right(3))).round == 2
    assert rounds.of_row(stored(wrong(1, "It is 10."), wrong(2, long), right(3), kept=long + "80")).round == 2


def test_length_gives_no_winner_away() -> None:
    even = [(100, 100), (120, 100), (100, 130)]
    assert rounds.unbalanced(even) == set()
    assert rounds.unbalanced([*even, (200, 100)]) == {3}, "nothing of the other kind to weigh it up"
    assert rounds.unbalanced([(200, 100), (150, 100), (100, 300), (400, 100)]) == {0, 3}, "the most lopsided go"
    lengths = [(100 + 7 * n, 160) for n in range(60)]
    out = rounds.unbalanced(lengths)
    clear = [a > b for n, (a, b) in enumerate(lengths) if n not in out and max(a, b) > rounds.TOLERANCE * min(a, b)]
    assert clear
    assert sum(clear) * 2 == len(clear)


def test_a_hint_is_seen_where_it_is_named_or_said_again() -> None:
    question = Question(turns=(Turn(role="user", content="Read the last line. How many rows has the shelf got?"),))
    assert hint_trace("The teacher says that rows count.", [], question) == "teacher"
    assert hint_trace("Look once more at how many rows the shelf has! It has 8.", [HINT], question)
    assert hint_trace("Rows: look once more at how many rows the shelf has, so 8.", [HINT], question)
    assert hint_trace("It has 8 rows.", [HINT], question) is None
    assert hint_trace("How many rows has the shelf got? 8.", ["How many rows has the shelf got?"], question) is None


@pytest.fixture(scope="module")
def enhanced(_shared: Callable[[Kind], Service]) -> JobHandle:
    """The sample's rows after the loop, with the offline models."""
    models: Any = {part: f"offline/{part}" for part in ("student", "teacher", "evaluator")}
    job = _shared(KINDS[0]).client.enhance(ROOT / "examples/qa_sample.jsonl", **models)
    job.wait()
    return job


def test_the_samples_rows(http: httpx.Client, enhanced: JobHandle, tmp_path: Path) -> None:
    job = preferring.ended(http, preferring.started(http, rounds=enhanced.name))
    assert job["state"] == "succeeded", job
    report, name = job["report"], job["name"]
    found = preferring.exported(http, name)
    assert report["pairs"] == len(found) >= 5
    assert sum(report["outcomes"].values()) == 24
    assert sum(sum(lost.values()) for lost in report["lost"].values()) == 24 - len(found)
    assert report["lost"]["dropped"][rounds.FIRST_TRY] >= 5
    assert 0 < report["characters"]["rejected"] <= report["characters"]["chosen"] * rounds.TOLERANCE
    assert not http.get(f"/v1/{name}").json()["progress"].get("usage"), "no model was called"
    trained = {
        row.prompt: row
        for line in http.get(f"/v1/{enhanced.name}/export", params={"format": "messages"}).text.splitlines()
        if isinstance(row := rows.parse(json.loads(line)), rows.Row)
    }
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(pair) + "\n" for pair in found))
    for pair, parsed in zip(found, rows.read(file), strict=True):
        assert isinstance(parsed, rows.Pair)
        assert parsed.prompt in trained, "a row is preferred on the prompt that it is trained on"
        assert parsed.chosen.replace("Aha! ", "") == trained[parsed.prompt].completion.replace("Aha! ", "")
        assert not any(word in (parsed.chosen + parsed.rejected).lower() for word in ("hint", "aha", "teacher"))
        assert 0 < pair["metadata"]["margin"] <= 1
        assert pair["metadata"]["judged_by"] in ("rule", "judge")
        assert any("offline/student" in label for label in pair["metadata"]["labels"])
    shapes = preferring.exported(http, name, format="openai")
    for pair, shape in zip(found, shapes, strict=True):
        assert set(shape) == {"input", "preferred_output", "non_preferred_output"}
        assert shape["input"]["messages"] == pair["prompt"]
        other, same = rows.parse(shape), rows.parse(pair)
        assert isinstance(other, rows.Pair)
        assert isinstance(same, rows.Pair)
        assert (other.prompt, other.chosen, other.rejected) == (same.prompt, same.chosen, same.rejected)


def test_few_pairs_and_every_row_listed(http: httpx.Client, enhanced: JobHandle) -> None:
    job = preferring.ended(http, preferring.started(http, rounds=enhanced.name, num_pairs=2))
    assert job["report"]["pairs"] == len(preferring.exported(http, job["name"])) == 2
    page = http.get(f"/v1/{job['name']}/examples", params={"page_size": 50}).json()
    assert len(page["examples"]) == sum(job["progress"]["outcomes"].values())
    pair = next(one for one in page["examples"] if one["outcome"] == "accepted")
    assert set(json.loads(pair["made_json"])) == {"prompt", "chosen", "rejected", "metadata"}
    dropped = http.post(f"/v1/{pair['name']}:review", json={"verdict": "drop"})
    assert dropped.status_code == 200, dropped.text
    assert len(preferring.exported(http, job["name"])) == 1


def test_what_has_no_rounds_is_refused(http: httpx.Client, shared: Service) -> None:
    preferring.made(shared, "00000000000000a1", "sft", {"dataset": "datasets/0f"})
    preferring.made(shared, "00000000000000a2", "enhance", {"dataset": "datasets/0f"}, state="failed")
    for name, status, told in (
        ("jobs/00000000000000a1", 400, "an enhance job has rounds"),
        ("jobs/00000000000000a2", 409, "is failed"),
        ("jobs/00000000000000a3", 404, "there is no"),
    ):
        answer = http.post("/v1/jobs", json={"spec": {"preferences": {"rounds": name}}})
        assert (answer.status_code, told in answer.text) == (status, True), answer.text
