"""Pairs of what a served model says against ideals, in a service with the real llama.cpp, and killed in the middle."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.embedded import weights
from agents.offline.speak import reply
from services.training import pairs
from tests.services import preferring
from tests.support.farmodel import FarModel
from tests.support.ledger import query
from tests.support.service import Service
from training import rows

ASKED = [
    ("Name the largest planet.", "Jupiter"),
    ("How much is 7 * 8 - 5?", "51"),
    ("What is the capital of France?", "Paris"),
    ("Which animal barks?", "The dog"),
]


@pytest.fixture(scope="module")
def examiner() -> Iterator[FarModel]:
    """The rule-based evaluator as something that is paid for."""
    with FarModel(say=lambda messages: reply("offline/evaluator", messages), delay=0.05) as model:
        yield model


@pytest.fixture(scope="module")
def serving(examiner: FarModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a tuned model that answers one request at a time, so that a seed gives the same answer again."""
    service = Service(tmp_path_factory.mktemp("serving") / "data", examiner)
    models = json.loads(service.env["TEACHBACK_MODELS"]) | {"jobs/*": {"max_concurrency": 1}}
    service.env["TEACHBACK_MODELS"] = json.dumps(models)
    service.env["XDG_CACHE_HOME"] = str(weights.ready().parents[2])
    with service:
        preferring.tuned(service)
        yield service


@pytest.fixture
def asked(serving: Service, tmp_path: Path) -> str:
    """The rows as a dataset."""
    path = preferring.rows(tmp_path / "rows.jsonl", ASKED)
    return str(serving.client.upload([path], kind="training").name)


MODEL = "jobs/0123456789abcdef"


def wanted(dataset: str, **more: Any) -> dict[str, Any]:
    return {"dataset": dataset, "model": MODEL, "evaluator": "openai/far", "samples_per_prompt": 3, **more}


def samples(service: Service, name: str) -> dict[tuple[str, int], float]:
    """When each draw of a job was recorded."""
    found = query(
        service.database,
        "SELECT item_id, attempt, round, created, role FROM calls "  # noqa: S608
        f"WHERE job_id = '{name.removeprefix('jobs/')}' AND step = 'sample'",
    )
    assert {one[4] for one in found} <= {"student"}
    return {(one[0], one[2]): one[3] for one in found}


@pytest.mark.timeout(600)
def test_pairs_of_a_served_model_survive_a_kill(serving: Service, examiner: FarModel, asked: str) -> None:
    with serving.http as http:
        clean = preferring.ended(http, preferring.started(http, **wanted(asked)))
        assert clean["state"] == "succeeded", clean
        expected = preferring.exported(http, clean["name"])
        name = preferring.started(http, **wanted(asked))
    until = time.monotonic() + 200
    while len(samples(serving, name)) < 5:
        assert time.monotonic() < until
        time.sleep(0.02)
    serving.kill()
    before, judged = samples(serving, name), len(examiner.asked)
    serving.start()
    with serving.http as http:
        job = preferring.ended(http, name)
        assert job["state"] == "succeeded", job
        found = preferring.exported(http, name)
    after = samples(serving, name)
    assert {place: after[place] for place in before} == before, "what was drawn once was drawn again"
    assert found == expected
    assert {**job["report"]} == clean["report"]
    assert len(examiner.asked) - judged <= len(after) - len(before) + 2
    assert found, "a model of 135M that is asked such things is wrong at times"
    _read_well(found, job)


def _read_well(found: list[dict[str, Any]], job: dict[str, Any]) -> None:
    """What holds of any set of pairs."""
    ideals, report = dict(ASKED), job["report"]
    assert (report["pairs"], report["prompts"], report["samples"]) == (len(found), 4, 12)
    assert sum(job["progress"]["outcomes"].values()) == 12
    assert sum(report["judged_by"].values()) == len(found)
    assert sum(sum(lost.values()) for lost in report["lost"].values()) == 12 - len(found)
    assert 0 < report["margin"]["least"] <= report["margin"]["mean"] <= 1
    seen = set()
    for pair in found:
        parsed = rows.parse(pair)
        assert isinstance(parsed, rows.Pair)
        assert [m.role for m in parsed.prompt] == ["system", "user"]
        assert parsed.chosen == ideals[parsed.prompt[1].content]
        assert pairs.right(parsed.rejected, parsed.chosen) is not True
        assert (parsed.prompt, parsed.rejected) not in seen
        seen.add((parsed.prompt, parsed.rejected))
    assert [pair["metadata"]["sample"] for pair in found] == sorted(pair["metadata"]["sample"] for pair in found), (
        "every prompt has its first pair before any has its second"
    )
    student = [u for u in job["progress"]["usage"] if u["role"] == "student"]
    assert [(u["model"], u["calls"]) for u in student] == [(MODEL, 12)]


@pytest.mark.timeout(600)
def test_no_more_is_drawn_than_is_wanted(serving: Service, asked: str) -> None:
    with serving.http as http:
        job = preferring.ended(http, preferring.started(http, **wanted(asked, num_pairs=1, samples_per_prompt=16)))
        assert job["report"]["pairs"] == len(preferring.exported(http, job["name"])) == 1
        assert job["report"]["samples"] < 16


@pytest.mark.timeout(600)
def test_a_tuned_model_can_be_the_student_of_an_enhance_job(serving: Service, tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "What is 2 + 2?"}, {"role": "assistant", "content": "4"}]}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    options: Any = {"student": MODEL, "teacher": "offline/teacher", "max_iterations": 1}
    job = serving.client.enhance(path, **options).wait()
    assert sum(dict(job.progress.outcomes).values()) == 1
    assert dict(job.progress.outcomes).get("failed", 0) == 0, job
    assert [u.model for u in job.progress.usage if u.role == "student"] == [MODEL]


def test_what_can_not_be_asked_is_refused(serving: Service, asked: str, tmp_path: Path) -> None:
    preferring.made(serving, "00000000000000b1", "sft", {"dataset": "datasets/0f"}, state="running")
    preferring.made(serving, "00000000000000b2", "evaluate", {"dataset": "datasets/0f", "models": ["a/b"]})
    pair = tmp_path / "pairs.jsonl"
    pair.write_text(json.dumps({"prompt": "2 + 2?", "chosen": "4", "rejected": "5"}) + "\n")
    pairs_there = serving.client.upload([pair], kind="training").name
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"model": "jobs/00000000000000b1"}, 409, "is running"),
        ({"model": "jobs/00000000000000b2"}, 400, "leave a model"),
        ({"model": "jobs/00000000000000b3"}, 404, "there is no"),
        ({"dataset": "datasets/00000000000000b3"}, 404, "there is no"),
        ({"dataset": pairs_there}, 400, "preference pair"),
        ({"evaluator": "nobody/nothing"}, 400, "no provider"),
        ({"rounds": "jobs/00000000000000b1"}, 400, "name a dataset and a model"),
    ]
    with serving.http as http:
        http.timeout = 200  # the first remote name makes the service load LiteLLM
        for change, status, told in cases:
            answer = http.post("/v1/jobs", json={"spec": {"preferences": wanted(asked) | change}})
            assert (answer.status_code, told in answer.text) == (status, True), (change, answer.text)
        enhance = {"enhance": {"dataset": asked, "student": "jobs/00000000000000b3"}}
        assert http.post("/v1/jobs", json={"spec": enhance}).status_code in (400, 404)


def test_the_server_reads_the_prompt_that_is_trained(serving: Service) -> None:
    """llama.cpp renders a chat by the template in the file: as training.rows.render does with the tokenizer's."""
    from training.llama import Llama

    prompt = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello  there"}]
    with Llama(weights.ready()) as llama:
        answer = httpx.post(
            llama.base_url.removesuffix("/v1") + "/apply-template",
            json={"messages": prompt},
            headers={"Authorization": f"Bearer {llama.api_key}"},
            trust_env=False,
        )
    told = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello  there<|im_end|>\n<|im_start|>assistant\n"
    assert answer.json()["prompt"] == told
    del serving


@pytest.mark.parametrize(
    ("answer", "ideal", "right"),
    [
        ('{"a": 1, "b": [2]}', '{"b": [2], "a": 1}', True),
        ('```json\n{"a": 1}\n```', '{"a": 1}', False),
        ('{"a": 2}', '{"a": 1}', False),
        ("a is 1", '{"a": 1}', False),
        (
            '{"type": "clarification", "message": "Which?", "suggestions": [], "confidence": 0.3}',
            '{"type": "clarification", "message": "Which one do you mean?", "suggestions": [], "confidence": 0.4}',
            None,
        ),
        ("It is 51.", "51", True),
        ("52", "51", False),
        ("7 * 8 is 56, and 5 less is 51", "51", None),
        ("paris", "Paris.", True),
        ("Lyon", "Paris", None),
        ("", "Paris", False),
    ],
)
def test_what_rules_know(answer: str, ideal: str, right: bool | None) -> None:
    assert pairs.right(answer, ideal) is right


def test_prompts_come_once_with_all_their_ideals(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    told = [("a", "1"), ("b", "2"), ("a", "3"), ("a", "1"), ("é", "ü")]
    lines = [json.dumps({"instruction": q, "context": None, "output": o}, ensure_ascii=False) for q, o in told]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = pairs.Prompts(path)
    assert [(p.row.prompt[1].content, p.ideals) for p in (found[n] for n in range(len(found)))] == [
        ("a", ("1", "3")),
        ("b", ("2",)),
        ("é", ("ü",)),
    ]


def test_there_is_room_for_the_ideal() -> None:
    assert pairs.room(["x" * 300, "x"]) == 264
    assert pairs.room(["x" * 99_999]) == pairs.LONGEST
