"""The real programs as jobs, on a random model of 64 dimensions that stands in an offline hub's cache."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from teachback.client import JobHandle
from teachback.errors import NotFound
from teachback.v1 import job_pb2

from tests.services.conftest import needed
from tests.services.test_trainer import follow, programs
from tests.support.rows import write
from tests.support.service import Service
from tests.training.conftest import make_tiny, some_pairs, some_rows

pytestmark = pytest.mark.timeout(600)
SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the real programs, which find one model on their hub."""
    home = tmp_path_factory.mktemp("hub")
    model = home / "hub/models--tests--tiny"
    make_tiny(model / "snapshots/main-0")
    (model / "refs").mkdir()
    (model / "refs/main").write_text("main-0")
    service = Service(tmp_path_factory.mktemp("trainer") / "data")
    service.env |= {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with service, needed(service) as running:
        yield running


@pytest.fixture(scope="module")
def tuned(trainer: Service, tmp_path_factory: pytest.TempPathFactory) -> JobHandle:
    """An SFT job that was killed on its way and went on from a checkpoint."""
    path = write(tmp_path_factory.mktemp("rows") / "rows.jsonl", some_rows(40))
    job = trainer.client.sft(
        path, model="tests/tiny", max_steps=120, save_steps=10, per_device_train_batch_size=2,
        gradient_accumulation_steps=1, learning_rate=1e-3, max_seq_length=1024,
    )  # fmt: skip
    follow(job, 12)
    (child,) = programs(trainer)
    os.kill(child, signal.SIGKILL)
    ended = job.wait()
    assert ended.state == job_pb2.JOB_STATE_FAILED
    assert ended.error.message.startswith("sft was killed (SIGKILL)")
    job.resume()
    assert job.wait().state == SUCCEEDED, job.job.error.message
    return job


def test_a_killed_training_goes_on_and_leaves_a_whole_model(trainer: Service, tuned: JobHandle, tmp_path: Path) -> None:
    events = list(tuned.watch())
    steps = [e.progress.training.step for e in events if e.type == "step" and e.progress.training.stage == "train"]
    assert steps[-1] == 120
    killed = next(n for n, e in enumerate(events) if e.state == job_pb2.JOB_STATE_FAILED)
    before = max(e.progress.training.step for e in events[:killed])
    again = [e for e in events[killed:] if e.type == "step" and e.progress.training.loss]
    assert again[0].progress.training.step > 10, "it began anew"
    assert again[0].progress.training.step <= before + 11
    proof = next(e for e in events if e.type == "proof")
    assert '{"command": "show"' in proof.message
    assert next(e for e in events if e.message.startswith("needs about"))
    assert tuned.report["train_loss"] < 6

    fetched = {path.relative_to(tmp_path).as_posix(): path for path in tuned.fetch(tmp_path)}
    output = trainer.folder / "artifacts" / tuned.name.partition("/")[2] / "output"
    assert fetched.keys() == {p.relative_to(output).as_posix() for p in output.rglob("*") if p.is_file()}
    assert {"adapter_model.safetensors", "README.md", "manifest.json", "metrics.json", "loss.png"} <= fetched.keys()
    manifest = json.loads(fetched["manifest.json"].read_text())
    assert manifest["config"]["model"]["name"] == "tests/tiny"
    texts = [path.read_text() for name, path in fetched.items() if name.endswith((".json", ".md", ".txt"))]
    assert not [text for text in texts if str(trainer.folder) in text], "a caller is shown the service's disk"


def test_a_preference_training_goes_on_from_that_model(trainer: Service, tuned: JobHandle, tmp_path: Path) -> None:
    pairs = trainer.client.upload(write(tmp_path / "pairs.jsonl", some_pairs(8)), kind="training").name
    spec = {"dataset": pairs, "model": tuned.name, "training": {"max_steps": 2, "per_device_train_batch_size": 2}}
    with trainer.http as http:
        told = http.post("/v1/training:estimate", json={"dpo": spec})
        assert told.status_code == 200, told.text
        assert told.json()["steps"] == 2
        assert 0 < told.json()["trainable_parameters"] < told.json()["parameters"]
        job = trainer.client.job(http.post("/v1/dpo", json={"spec": spec}).json()["name"])
        assert job.wait().state == SUCCEEDED, job.job.error.message
        held = json.loads(http.get(f"/v1/{job.name}/artifacts/adapter_config.json").content)
    assert held["base_model_name_or_path"] == "tests/tiny"
    assert any("margin" in name for name in job.report), job.report


def test_a_model_that_is_not_here_is_told(trainer: Service, tuned: JobHandle) -> None:
    dataset = tuned.job.spec.sft.dataset
    ended = trainer.client.sft(dataset, model="tests/missing").wait()
    assert ended.error.code == 5
    assert "tests/missing: is not on this machine, and HF_HUB_OFFLINE forbids fetching it" in ended.error.message
    with pytest.raises(NotFound, match="tests/missing: is not on this machine"):
        trainer.client.estimate(job_pb2.JobSpec(sft={"dataset": dataset, "model": "tests/missing"}))
