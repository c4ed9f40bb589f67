"""Two services with a disk each, and an S3 between them: a training goes on where the other was, its model is used
where it was not made, and a store that is away for a while costs nothing but time. The programs are the real ones."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from teachback.client import JobHandle
from teachback.v1 import job_pb2

from tests.services.test_trainer import follow
from tests.support.objectstore import KEY, ObjectStore
from tests.support.replicas import apart, lease, other, owner, taken_over
from tests.support.rows import write
from tests.support.service import STAND_IN, Service
from tests.training.conftest import make_tiny, some_pairs, some_rows

pytestmark = pytest.mark.timeout(600)
SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED


@pytest.fixture(scope="module")
def s3() -> Iterator[ObjectStore]:
    """What they share beside the database."""
    with ObjectStore() as store:
        yield store


@pytest.fixture(scope="module")
def pair(s3: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    """Two services with the real programs."""
    home = tmp_path_factory.mktemp("hub")
    model = home / "hub/models--tests--tiny"
    make_tiny(model / "snapshots/main-0")
    (model / "refs").mkdir()
    (model / "refs/main").write_text("main-0")
    env = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TEACHBACK_ARTIFACTS_URL": s3.url}
    with apart(tmp_path_factory.mktemp("apart"), env | s3.env) as both:
        yield both


def disk(service: Service, job: JobHandle) -> Path:
    return service.folder / "artifacts" / job.name.partition("/")[2]


def begun(job: JobHandle) -> list[int]:
    """The first step that each life of a training has told."""
    found: list[int] = []
    waiting = False
    for event in job.watch():
        waiting = waiting or event.type == "proof"
        if waiting and (told := re.match(r"step (\d+) of", event.message)):
            found.append(int(told[1]))
            waiting = False
    return found


def test_a_training_and_its_model_outlive_the_disk_they_were_made_on(pair: list[Service], tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", some_rows(40))
    job = pair[0].client.sft(
        path, model="tests/tiny", max_steps=240, save_steps=20, per_device_train_batch_size=2,
        gradient_accumulation_steps=1, learning_rate=1e-3, max_seq_length=1024,
    )  # fmt: skip
    first = owner(pair, job.name)
    away = other(pair, first)
    follow(away.client.job(job.name), 35)
    held = lease(first, job.name)
    assert held is not None
    first.kill()
    shutil.rmtree(disk(first, job))
    job = away.client.job(job.name)
    assert taken_over(away, job.name, held.fence) < 15
    assert job.wait().state == SUCCEEDED, job.job.error.message
    lives = begun(job)
    assert lives[0] == 1
    assert lives[1] > 20, "it began anew"
    assert job.job.progress.training.step == 240

    first.start()
    back = first.client.job(job.name)
    listed = {artifact.name: artifact.sha256 for artifact in back.artifacts()}
    fetched = {path.relative_to(tmp_path / "got").as_posix(): path for path in back.fetch(tmp_path / "got")}
    assert {"adapter_model.safetensors", "README.md", "manifest.json", "loss.png"} <= fetched.keys()
    assert listed.keys() == {f"{job.name}/artifacts/{name}" for name in fetched}
    told = json.loads(fetched["manifest.json"].read_text())["files"]
    assert {name: listed[f"{job.name}/artifacts/{name}"] for name in told} == told

    shutil.rmtree(disk(away, job))
    pairs = first.client.upload(write(tmp_path / "pairs.jsonl", some_pairs(8)), kind="training")
    better = back._client.dpo(pairs.name, model=job.name, max_steps=2, per_device_train_batch_size=2)
    assert better.wait().state == SUCCEEDED, better.job.error.message
    for service in pair:
        shutil.rmtree(disk(service, job), ignore_errors=True)
        shutil.rmtree(disk(service, better), ignore_errors=True)
    measured = back._client.evaluate(path, [better.name])
    assert measured.wait().state == SUCCEEDED, measured.job.error.message
    for service in pair:
        assert KEY not in service.log()


@pytest.fixture(scope="module")
def quick(s3: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    """Two services whose programs are stood in for."""
    env = {"PYTHONPATH": str(STAND_IN), "TEACHBACK_ARTIFACTS_URL": f"{s3.url}/quick"}
    with apart(tmp_path_factory.mktemp("quick"), env | s3.env) as both:
        yield both


def training(service: Service, tmp_path: Path, model: str) -> JobHandle:
    rows = [{"prompt": f"What is {n} and {n}?", "completion": str(2 * n)} for n in range(40)]
    dataset = service.client.upload(write(tmp_path / "rows.jsonl", rows), kind="training")
    return service.client.sft(dataset.name, model=model)


def test_no_key_of_the_store_gets_to_a_program(quick: list[Service], tmp_path: Path) -> None:
    job = training(quick[0], tmp_path, "stand-in/steps-3")
    assert job.wait().state == SUCCEEDED, job.job.error.message
    assert [e.message for e in job.watch() if e.type == "step"][-1] == "what it leaves is being stored"
    (seen,) = (path for path in job.fetch(tmp_path / "got") if path.name == "environment.json")
    assert KEY not in seen.read_text()


def test_a_store_that_answers_late_is_waited_for(quick: list[Service], s3: ObjectStore, tmp_path: Path) -> None:
    job = training(quick[0], tmp_path, "stand-in/steps-40")
    follow(job, 10)
    s3.still()
    again = threading.Timer(8, s3.go_on)
    again.start()
    assert job.wait().state == SUCCEEDED, job.job.error.message
    again.join()
    assert {artifact.name.rpartition("/")[2] for artifact in job.artifacts()} >= {"metrics.json"}


def test_a_store_that_is_away_is_told_and_what_is_trained_stays(
    quick: list[Service], s3: ObjectStore, tmp_path: Path
) -> None:
    job = training(quick[0], tmp_path, "stand-in/steps-60")
    service = owner(quick, job.name)
    follow(job, 5)
    s3.stop()
    url = f"http://{service.rest.partition('://')[2]}/v1/{job.name}/artifacts"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {service.token}"}, timeout=60)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:teachback:artifacts-unavailable")
    assert "can't be read" in answer.json()["detail"]
    assert s3.url not in answer.text
    until = time.monotonic() + 60
    while "trying on" not in service.log():
        assert time.monotonic() < until
        time.sleep(0.2)
    s3.start()
    assert job.wait().state == SUCCEEDED, job.job.error.message
    assert {artifact.name.rpartition("/")[2] for artifact in job.artifacts()} >= {"metrics.json"}
