"""A job's life over both faces: made once, paused, resumed, cancelled, retried, and never spending too much."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from teachback import Client
from teachback.client import JobHandle
from teachback.errors import BadInput, Conflict, NotFound
from teachback.v1 import job_pb2

from tests.support.farmodel import FarModel
from tests.support.rows import mixed, row, write
from tests.support.service import Service

FAR = {"student": "openai/far", "teacher": "openai/far", "evaluator": "openai/far"}


@pytest.fixture
def slow(shared_far: FarModel) -> Iterator[FarModel]:
    """The shared far model, slow enough to do something while a job runs."""
    shared_far.delay = 0.05
    yield shared_far
    shared_far.delay = 0.0


def outcomes(job: JobHandle) -> dict[str, int]:
    """How many examples ended how, as told by the examples themselves."""
    counted: dict[str, int] = {}
    for example in job.examples():
        counted[example.outcome] = counted.get(example.outcome, 0) + 1
    return counted


def until(job: JobHandle, done: int) -> None:
    """Waits until so many examples have an outcome."""
    for _ in range(600):
        if job.refresh().progress.done_examples >= done:
            return
        time.sleep(0.02)
    raise AssertionError(f"only {job.job.progress.done_examples} examples were done")


def test_a_finished_job_adds_up(finished: JobHandle) -> None:
    job = finished.refresh()
    progress = job.progress
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED
    assert (progress.total_examples, progress.done_examples) == (12, 12)
    assert dict(progress.outcomes) == outcomes(finished) == {"converged_first_try": 4, "converged": 8}
    # Four rows each of one, two and three rounds.
    assert progress.average_iterations == pytest.approx(2.0)
    assert (progress.convergence_rate, progress.enhanced_examples) == (1.0, 12)
    assert {u.role: u.calls for u in progress.usage} == {"student": 24 + 12, "teacher": 12, "evaluator": 18}
    assert progress.cost == 0.0
    assert all(u.prompt_tokens and u.completion_tokens for u in progress.usage)
    assert job.create_time.seconds <= job.start_time.seconds <= job.end_time.seconds


def test_an_example_tells_its_rounds(finished: JobHandle, http: httpx.Client) -> None:
    two = next(e for e in finished.examples() if e.index == 2)
    assert not two.rounds
    whole = finished.example(two.name)
    assert [r.number for r in whole.rounds] == [1, 2, 3]
    assert [r.right for r in whole.rounds] == [False, False, True]
    assert [bool(r.hint) for r in whole.rounds] == [True, True, False]
    assert whole.rounds[2].verified
    assert not whole.rounds[0].HasField("verified")
    assert whole.reference == "1014"
    assert (whole.best_round, whole.thinking) == (3, whole.rounds[2].thinking)
    rest = http.get(f"/v1/{two.name}").json()
    assert (rest["thinking"], len(rest["rounds"])) == (whole.thinking, 3)


def test_both_faces_tell_the_same_of_a_job(finished: JobHandle, http: httpx.Client) -> None:
    rest = http.get(f"/v1/{finished.name}").json()
    assert rest["state"] == "succeeded"
    assert rest["progress"]["outcomes"] == dict(finished.job.progress.outcomes)
    assert rest["spec"]["enhance"]["dataset"] == finished.job.spec.enhance.dataset
    assert [j["name"] for j in http.get("/v1/jobs", params={"state": "succeeded"}).json()["jobs"]].count(
        finished.name
    ) == 1
    assert finished.name in [j.name for j in finished._client.jobs("succeeded")]
    assert finished.name not in [j.name for j in finished._client.jobs("failed")]


def test_a_key_makes_the_same_job_once(shared: Service, http: httpx.Client, tmp_path: Path) -> None:
    dataset = shared.client.upload(write(tmp_path / "rows.jsonl", mixed(2))).name
    first = shared.client.enhance(dataset, idempotency_key="one", **FAR)  # type: ignore[arg-type]
    assert shared.client.enhance(dataset, idempotency_key="one", **FAR).name == first.name  # type: ignore[arg-type]
    body = {"spec": {"enhance": {"dataset": dataset, **FAR}}, "idempotency_key": "one"}
    assert http.post("/v1/jobs", json=body).json()["name"] == first.name
    with pytest.raises(Conflict, match="whose spec differs"):
        shared.client.enhance(dataset, idempotency_key="one", max_iterations=2, **FAR)  # type: ignore[arg-type]
    body["spec"]["enhance"]["batch_size"] = 3  # type: ignore[index]
    assert http.post("/v1/jobs", json=body).status_code == 409
    first.wait()


def test_many_callers_with_one_key_make_one_job(shared: Service, tmp_path: Path) -> None:
    dataset = shared.client.upload(write(tmp_path / "rows.jsonl", mixed(2))).name
    names: list[str] = []

    def create() -> None:
        with Client(shared.grpc, shared.token) as own:
            names.append(own.enhance(dataset, idempotency_key="all at once", **FAR).name)  # type: ignore[arg-type]

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 8
    assert len(set(names)) == 1


@pytest.mark.parametrize(
    ("options", "error", "why"),
    [
        ({"student": "llama3"}, BadInput, "write provider/model"),
        ({"teacher": "no-such/one"}, BadInput, "is no provider"),
        ({"evaluator": "anthropic/claude-sonnet-4-5"}, Conflict, "set ANTHROPIC_API_KEY"),
        ({"student": "x\ny"}, BadInput, "student"),
        ({"max_iterations": 21}, BadInput, "max_iterations"),
        ({"max_iterations": -1}, BadInput, "max_iterations"),
        ({"batch_size": 1001}, BadInput, "batch_size"),
        ({"max_cost": -1.0}, BadInput, "max_cost"),
        ({"max_cost": float("nan")}, BadInput, "max_cost"),
        ({"max_cost": float("inf")}, BadInput, "max_cost"),
        ({"score_threshold": 1.5}, BadInput, "score_threshold"),
        ({"earlier_output": "datasets/ffffffffffff"}, NotFound, "there is no datasets/ffffffffffff"),
        ({"earlier_output": "../x"}, BadInput, "earlier_output"),
    ],
)
def test_a_spec_that_can_not_run_is_refused_at_once(
    shared: Service, finished: JobHandle, options: dict[str, Any], error: type[Exception], why: str
) -> None:
    before = len(list(shared.client.jobs()))
    with pytest.raises(error, match=why):
        shared.client.enhance(finished.job.spec.enhance.dataset, **{**FAR, **options})
    assert len(list(shared.client.jobs())) == before


def test_a_job_without_a_dataset_or_of_an_unknown_one_is_refused(client: Client, http: httpx.Client) -> None:
    with pytest.raises(NotFound):
        client.enhance("datasets/ffffffffffff")
    assert http.post("/v1/jobs", json={"spec": {}}).status_code == 400
    assert (
        http.post("/v1/jobs", json={"spec": {"enhance": {"dataset": "datasets/x", "colour": "red"}}}).status_code == 400
    )


def test_only_the_first_rows_where_that_is_asked(shared: Service, tmp_path: Path) -> None:
    job = shared.submit(write(tmp_path / "rows.jsonl", mixed(9)), max_samples=4)
    assert job.wait().progress.total_examples == 4
    assert sorted(e.index for e in job.examples()) == [0, 1, 2, 3]


def test_rows_at_once_are_no_more_than_asked(
    shared: Service, shared_far: FarModel, slow: FarModel, tmp_path: Path
) -> None:
    shared_far.peak.clear()
    shared.submit(write(tmp_path / "rows.jsonl", mixed(12)), batch_size=3).wait()
    assert shared_far.peak["far"] == 3


# ---------------------------------------------------------------- pause, resume, cancel, retry
def test_a_pause_hands_out_no_further_row_and_a_resume_goes_on(
    shared: Service, shared_far: FarModel, slow: FarModel, tmp_path: Path
) -> None:
    job = shared.submit(write(tmp_path / "rows.jsonl", [row(n) for n in range(100, 140)]), batch_size=4)
    until(job, 4)
    assert job.pause().state == job_pb2.JOB_STATE_PAUSED
    assert job.pause().state == job_pb2.JOB_STATE_PAUSED
    time.sleep(0.6)  # what was in flight is finished
    done, asked = job.refresh().progress.done_examples, len(shared_far.asked)
    assert 4 <= done < 40
    time.sleep(0.5)
    assert job.refresh().progress.done_examples == done
    assert len(shared_far.asked) == asked
    assert job.resume().state in (job_pb2.JOB_STATE_RUNNING, job_pb2.JOB_STATE_QUEUED)
    assert job.wait().state == job_pb2.JOB_STATE_SUCCEEDED
    assert outcomes(job) == {"converged_first_try": 40}


def test_a_paused_job_is_still_paused_after_a_restart(tmp_path: Path) -> None:
    with FarModel(delay=0.05) as far, Service(tmp_path / "data", far) as service:
        job = service.submit(write(tmp_path / "rows.jsonl", [row(n) for n in range(16)]), batch_size=2)
        until(job, 2)
        job.pause()
        service.kill()
        service.start()
        job = service.client.job(job.name)
        assert job.job.state == job_pb2.JOB_STATE_PAUSED
        asked = len(far.asked)
        time.sleep(0.5)
        assert len(far.asked) == asked
        job.resume()
        assert job.wait().state == job_pb2.JOB_STATE_SUCCEEDED
        assert outcomes(job) == {"converged_first_try": 16}


def test_a_cancel_keeps_what_is_finished(shared: Service, slow: FarModel, tmp_path: Path) -> None:
    job = shared.submit(write(tmp_path / "rows.jsonl", [row(n) for n in range(200, 240)]), batch_size=4)
    until(job, 4)
    assert job.cancel().state in (job_pb2.JOB_STATE_CANCELLING, job_pb2.JOB_STATE_CANCELLED)
    assert job.wait().state == job_pb2.JOB_STATE_CANCELLED
    assert job.cancel().state == job_pb2.JOB_STATE_CANCELLED
    assert sum(outcomes(job).values()) == job.job.progress.done_examples >= 4
    for verb in (job.pause, job.resume):
        with pytest.raises(Conflict):
            verb()
    job.retry()  # those never reached
    assert job.wait().state == job_pb2.JOB_STATE_SUCCEEDED
    assert outcomes(job) == {"converged_first_try": 40}
    assert (job.job.progress.convergence_rate, job.job.progress.HasField("eta_seconds")) == (1.0, False)


def test_rows_never_reached_count_against_a_job_that_ended_early(
    shared: Service, slow: FarModel, tmp_path: Path
) -> None:
    job = shared.submit(write(tmp_path / "rows.jsonl", [row(n) for n in range(250, 290)]), batch_size=4)
    until(job, 4)
    assert job.job.progress.convergence_rate == 1.0, "of those that are done"
    job.pause()
    job.cancel()  # it rested: nobody is at work who could tell its figures anew
    told = job.wait().progress
    converged = told.outcomes["converged_first_try"]
    assert 4 <= converged < 40
    assert told.convergence_rate == pytest.approx(converged / 40, abs=1e-4)
    assert not told.HasField("eta_seconds")
    listed = next(one.job for one in shared.client.jobs() if one.name == job.name)
    assert listed.progress == told


def test_where_nothing_failed_there_is_nothing_to_retry(finished: JobHandle) -> None:
    before = finished.refresh()
    with pytest.raises(Conflict, match="nothing failed: there is nothing to retry"):
        finished.retry()
    assert finished.refresh() == before
    assert finished.cancel() == before, "a job that has ended stays as it is"


def test_a_retry_of_a_job_that_is_just_pausing_says_to_resume_it(
    shared: Service, slow: FarModel, tmp_path: Path
) -> None:
    job = shared.submit(write(tmp_path / "rows.jsonl", [row(n) for n in range(290, 300)]), batch_size=4)
    until(job, 1)
    slow.delay = 2.0  # what is in flight takes its time
    time.sleep(0.3)
    job.pause()
    with pytest.raises(Conflict, match="is paused and finishes what is in flight; resume it"):
        job.retry()
    job.cancel()


def test_a_paused_job_can_be_cancelled(shared: Service, slow: FarModel, tmp_path: Path) -> None:
    job = shared.submit(write(tmp_path / "rows.jsonl", [row(n) for n in range(300, 340)]), batch_size=4)
    until(job, 2)
    job.pause()
    job.cancel()
    assert job.wait().state == job_pb2.JOB_STATE_CANCELLED


def test_failed_rows_are_retried_and_the_others_not_paid_again(tmp_path: Path) -> None:
    """Two rows fail while the far model refuses them; later it does not."""
    refusing = [True]

    def refuse(body: dict[str, Any]) -> tuple[int, str] | None:
        bad = any(f"[[n={n} " in body["messages"][-1]["content"] for n in (3, 5))
        return (400, "too long for me") if bad and refusing[0] else None

    with FarModel(refuse=refuse) as far, Service(tmp_path / "data", far) as service:
        job = service.submit(write(tmp_path / "rows.jsonl", [row(n) for n in range(8)]))
        assert job.wait().state == job_pb2.JOB_STATE_SUCCEEDED
        assert outcomes(job) == {"converged_first_try": 6, "failed": 2}
        failed = list(job.examples("failed"))
        assert [e.index for e in failed] == [3, 5]
        assert "too long for me" in failed[0].reason
        assert job.job.progress.average_iterations == 1.0

        refusing[0] = False
        job.retry()
        job.wait()
        assert outcomes(job) == {"converged_first_try": 8}
        assert dict(job.job.progress.outcomes) == {"converged_first_try": 8}
        assert far.repeats == 0


def test_a_model_that_can_not_be_had_fails_the_job_with_the_reason_and_resume_goes_on(tmp_path: Path) -> None:
    locked = [True]

    def refuse(_: dict[str, Any]) -> tuple[int, str] | None:
        return (401, "who are you?") if locked[0] else None

    with FarModel(refuse=refuse) as far, Service(tmp_path / "data", far) as service:
        job = service.submit(write(tmp_path / "rows.jsonl", mixed(6)))
        ended = job.wait()
        assert ended.state == job_pb2.JOB_STATE_FAILED
        assert "who are you?" in ended.error.message
        assert "check the key of provider 'openai'" in ended.error.message
        assert outcomes(job) == {}
        locked[0] = False
        job.resume()
        assert job.wait().state == job_pb2.JOB_STATE_SUCCEEDED
        assert not job.job.HasField("error")


# ---------------------------------------------------------------- money
PRICES = {"input_price": 1000.0, "output_price": 4000.0}


def test_a_budget_is_never_overdrawn_and_more_money_goes_on(tmp_path: Path) -> None:
    """Counted by who sends the bill."""
    with (
        FarModel(delay=0.01, price=(1000.0, 4000.0)) as far,
        Service(tmp_path / "data", far, PRICES) as service,
    ):
        job = service.submit(write(tmp_path / "rows.jsonl", mixed(12)), max_cost=6.0)
        ended = job.wait()
        assert ended.state == job_pb2.JOB_STATE_PAUSED
        assert "the budget of $6.0000 is used up" in ended.error.message
        assert 2.0 < far.spent <= 6.0
        assert ended.progress.cost == pytest.approx(far.spent)
        done = ended.progress.done_examples
        job.resume(max_cost=100.0)
        ended = job.wait()
        assert ended.state == job_pb2.JOB_STATE_SUCCEEDED
        assert outcomes(job) == {"converged_first_try": 4, "converged": 8}
        assert far.repeats == 0
        assert ended.progress.cost == pytest.approx(far.spent)
        assert done < 12


def test_a_budget_without_prices_is_refused(
    shared: Service, finished: JobHandle, tmp_path: Path, shared_far: FarModel
) -> None:
    env = {"OPENAI_API_KEY": "k", "OPENAI_API_BASE": shared_far.base, "TEACHBACK_MODELS": "{}"}
    service = Service(tmp_path / "data")
    service.env |= env
    with service:
        path = write(tmp_path / "rows.jsonl", mixed(2))
        with pytest.raises(BadInput, match="max_cost needs prices, and none is known for openai/far"):
            service.submit(path, max_cost=1.0)
        job = service.submit(path)
        progress = job.wait().progress
        assert not progress.HasField("cost")  # unknown is not nothing
        assert all(not u.HasField("cost") for u in progress.usage)


def test_results_made_before_are_taken_over_where_asked(shared: Service, shared_far: FarModel, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(n, 1) for n in range(400, 406)])
    shared.submit(path, reuse=True).wait()
    asked = len(shared_far.asked)
    again = shared.submit(path, reuse=True)
    assert again.wait().state == job_pb2.JOB_STATE_SUCCEEDED
    assert outcomes(again) == {"converged": 6}
    assert len(shared_far.asked) == asked
    other = shared.submit(path, reuse=True, max_iterations=5)  # other settings make other results
    other.wait()
    assert len(shared_far.asked) > asked
