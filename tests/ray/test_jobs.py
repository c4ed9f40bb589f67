"""Jobs whose rows are worked on by Ray's workers: complete and exact, within their budget, paused and resumed."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from teachback.client import JobHandle
from teachback.errors import BadInput
from teachback.v1 import job_pb2

from tests.ray.conftest import Team
from tests.support.crash import check, total_calls
from tests.support.ledger import query
from tests.support.raycluster import until
from tests.support.rows import mixed, row, write
from tests.support.service import ROOT

SAMPLE = ROOT / "agents/templates/sample_passages.md"
PAUSED, SUCCEEDED = job_pb2.JOB_STATE_PAUSED, job_pb2.JOB_STATE_SUCCEEDED


def rest(team: Team) -> None:
    """Nothing is left of what was given out."""
    assert query(team.service.database, "SELECT id FROM shards") == []
    assert query(team.service.database, "SELECT job_id FROM spend_holds") == []


def test_a_job_is_spread_over_the_workers_and_comes_out_whole(team: Team, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", mixed(60))
    job = team.service.submit(path, batch_size=8)
    until(lambda: len(team.cluster.at_work()) == 2, "both workers at work")
    check(team.far, team.service, job, path, [])
    assert team.far.peak["far"] <= 8
    assert len(team.far.answered) == total_calls(60)
    rest(team)


def figures(team: Team) -> defaultdict[tuple[str, str], float]:
    """What `/metrics` of the service says, each summed up by one label: of examples the outcome, of money the role."""
    service = team.service
    text = httpx.get(f"{service.rest}/metrics", headers={"Authorization": f"Bearer {service.token}"}).text
    found: defaultdict[tuple[str, str], float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            for label in ("teachback_outcome", "teachback_role", "teachback_kind"):
                if label in sample.labels:
                    found[sample.name, sample.labels[label]] += sample.value
                    break
    return found


def test_the_service_counts_what_workers_do(team: Team, tmp_path: Path) -> None:
    before = figures(team)
    job = team.service.submit(write(tmp_path / "rows.jsonl", mixed(30)), batch_size=8)
    assert job.wait().state == SUCCEEDED
    progress = job.job.progress
    now = figures(team)
    more = {key: now[key] - before[key] for key in now if now[key] > before[key]}
    outcomes = {key[1]: count for key, count in more.items() if key[0] == "teachback_examples_total"}
    assert outcomes == dict(progress.outcomes)
    assert more["teachback_rounds_total", "enhance"] >= progress.done_examples
    for usage in progress.usage:
        assert more["teachback_model_cost_usd_total", usage.role] == pytest.approx(usage.cost)
        tokens = usage.prompt_tokens + usage.completion_tokens
        assert more["gen_ai_client_token_usage_sum", usage.role] == pytest.approx(tokens)


def test_chats_are_made_there_too(team: Team) -> None:
    job = team.service.client.generate(
        SAMPLE, teacher="offline/teacher", evaluator="offline/evaluator", passages={"templates": ["1"]}
    )
    ended = job.wait()
    assert ended.state == SUCCEEDED, ended.error.message
    assert ended.progress.done_examples == ended.progress.total_examples > 2
    assert json.loads(ended.report_json)["accepted"] == ended.progress.outcomes["accepted"] > 0


def test_a_pause_lets_what_is_under_way_end_and_a_resume_goes_on(team: Team, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", mixed(80))
    job = team.service.submit(path, batch_size=4)
    until(lambda: len(team.far.asked) > 40, "forty calls")
    assert job.pause().state == PAUSED
    until(lambda: not team.cluster.at_work(), "rest", 15)
    asked = len(team.far.asked)
    assert team.far.at_work == 0
    done = sum(1 for example in job.examples() if example.outcome)
    assert 0 < done < 80
    until(lambda: job.refresh().progress.done_examples == done, "figures that are final")
    time.sleep(1.5)
    assert len(team.far.asked) == asked
    job.resume()
    for _ in range(2):  # taken back at once, it loses nothing either
        time.sleep(0.2)
        job.pause()
        time.sleep(0.7)
        job.resume()
    check(team.far, team.service, job, path, [])
    assert team.far.repeats == 0
    rest(team)


def test_a_cancel_ends_the_workers_and_keeps_what_is_finished(team: Team, tmp_path: Path) -> None:
    job = team.service.submit(write(tmp_path / "rows.jsonl", mixed(80)), batch_size=4)
    until(lambda: len(team.far.asked) > 40, "forty calls")
    job.cancel()
    until(lambda: job.refresh().state == job_pb2.JOB_STATE_CANCELLED, "the end")
    until(lambda: not team.cluster.at_work(), "rest", 10)
    assert team.far.at_work == 0
    assert job.job.progress.done_examples == sum(1 for example in job.examples() if example.outcome)
    rest(team)


def test_the_budget_holds_over_all_workers(team: Team, tmp_path: Path) -> None:
    job = team.service.submit(write(tmp_path / "rows.jsonl", mixed(30)), batch_size=8, max_cost=0.01)
    until(lambda: job.refresh().state == PAUSED, "the end of the money")
    assert "budget" in job.job.error.message
    until(lambda: not team.cluster.at_work(), "rest", 15)
    spent = float(query(team.service.database, f"SELECT sum(cost) FROM calls WHERE job_id = '{_id(job)}'")[0][0])  # noqa: S608
    assert spent == pytest.approx(team.far.spent)
    assert 0.6 * 0.01 < spent <= 0.01
    assert job.job.progress.cost == pytest.approx(spent)
    rest(team)
    job.resume(5.0)
    assert job.wait().state == SUCCEEDED
    assert job.job.progress.done_examples == 30
    assert team.far.repeats == 0


def test_what_runs_beside_the_service_is_refused(team: Team, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(1)])
    with pytest.raises(BadInput, match="embedded/smollm2-135m: runs beside the service"):
        team.service.submit(path, student="embedded/smollm2-135m")


def _id(job: JobHandle) -> str:
    return job.name.partition("/")[2]
