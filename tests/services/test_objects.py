"""What trainings leave, in an object store: a folder, and an S3 of moto's. What is named there is whole and the latest
run's, whatever else was written."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest

from services.errors import ArtifactsGone, NotFound
from services.training import copies, objects
from services.training.artifacts import Artifacts
from services.training.objects import Objects
from tests.support.objectstore import ObjectStore

JOB = "abc123"
LARGE = os.urandom(20 << 20)


@pytest.fixture(scope="module")
def s3() -> Iterator[ObjectStore]:
    """An S3."""
    with ObjectStore() as store:
        yield store


@pytest.fixture(params=["file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty store."""
    if request.param == "file":
        return f"file://{tmp_path / 'store'}"
    s3 = request.getfixturevalue("s3")
    for name, value in s3.env.items():
        monkeypatch.setenv(name, value)
    return f"{s3.url}/{tmp_path.name}"


@pytest.fixture
def store(url: str) -> Objects:
    """The store itself."""
    return Objects(url)


@pytest.fixture
def one(tmp_path: Path, store: Objects) -> Artifacts:
    """The disk of one service."""
    return Artifacts(tmp_path / "one", store)


@pytest.fixture
def two(tmp_path: Path, store: Objects) -> Artifacts:
    """That of another."""
    return Artifacts(tmp_path / "two", store)


def go_on() -> None:
    """Nothing is in the way."""


def leave(artifacts: Artifacts, files: dict[str, bytes], job: str = JOB) -> None:
    """What a program leaves."""
    for name, held in files.items():
        path = artifacts.output(job) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(held)


def checkpoint(artifacts: Artifacts, step: int, *, whole: bool = True) -> Path:
    """What a program writes on its way."""
    folder = artifacts.folder(JOB) / f"output.work/checkpoints/checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "state").write_bytes(b"%d" % step)
    (artifacts.folder(JOB) / "output.work/run.json").write_text("{}")
    if whole:
        (folder / "whole").touch()
    return folder


def steps(artifacts: Artifacts) -> list[str]:
    return sorted(path.parent.name for path in artifacts.folder(JOB).glob("output.work/checkpoints/*/state"))


# ---------------------------------------------------------------- what a job leaves
def test_what_one_has_left_another_lists_reads_and_uses(one: Artifacts, two: Artifacts, store: Objects) -> None:
    store.check()
    files = {"config.json": b"{}", "deep/model.safetensors": LARGE, "empty": b"", ".hidden": b"x", "made.part": b"x"}
    leave(one, files)
    one.store_output(JOB, 1, go_on)
    told = two.listed(f"jobs/{JOB}")
    assert [(a.name, a.size_bytes) for a in told] == [
        (f"jobs/{JOB}/artifacts/config.json", 2),
        (f"jobs/{JOB}/artifacts/deep/model.safetensors", len(LARGE)),
        (f"jobs/{JOB}/artifacts/empty", 0),
    ]
    assert told == one.listed(f"jobs/{JOB}") == Artifacts(one.root).listed(f"jobs/{JOB}")
    found = two.opened(f"jobs/{JOB}/artifacts/deep/model.safetensors")
    assert found.size == len(LARGE)
    assert b"".join(found.pieces) == LARGE
    assert b"".join(two.opened(f"jobs/{JOB}/artifacts/empty").pieces) == b""
    here = two.here(JOB)
    assert {p.relative_to(here).as_posix(): p.read_bytes() for p in here.rglob("*") if p.is_file()} == {
        name: held for name, held in files.items() if not name.startswith((".", "made"))
    }
    assert [p.name for p in here.parent.iterdir()] == ["output"]


@pytest.mark.parametrize("path", ["nothing", "../config.json", "deep", ".hidden", ""])
def test_a_file_that_is_not_listed_is_not_there(one: Artifacts, two: Artifacts, path: str) -> None:
    leave(one, {"config.json": b"{}", "deep/a": b"a", ".hidden": b""})
    one.store_output(JOB, 1, go_on)
    with pytest.raises(NotFound):
        two.opened(f"jobs/{JOB}/artifacts/{path}")


def test_what_was_left_before_there_was_a_store_is_still_there(one: Artifacts) -> None:
    leave(one, {"config.json": b"{}"})
    assert [artifact.size_bytes for artifact in one.listed(f"jobs/{JOB}")] == [2]
    assert b"".join(one.opened(f"jobs/{JOB}/artifacts/config.json").pieces) == b"{}"
    assert one.here(JOB) == one.output(JOB)
    assert not one.here("another").exists()


def test_a_late_owner_changes_nothing(one: Artifacts, two: Artifacts) -> None:
    leave(one, {"model": b"old", "more": b"old"})
    leave(two, {"model": b"new"})
    two.store_output(JOB, 2, go_on)
    assert one.objects
    one.objects.store(JOB, 1, "output", one.output(JOB), [objects.StoredFile(path="model", size=3)], go_on)
    assert b"".join(one.opened(f"jobs/{JOB}/artifacts/model").pieces) == b"new"
    two.store_output(JOB, 2, go_on)  # takes the old one's away
    with pytest.raises(FileNotFoundError):
        one.objects.read(JOB, 1, "output", "model")


def test_half_of_it_is_nothing(one: Artifacts, two: Artifacts) -> None:
    leave(one, {"a": b"a", "b": LARGE, "c": b"c"})
    asked = iter(range(100))

    def enough() -> None:
        if next(asked) == 3:
            raise KeyError

    with pytest.raises(KeyError):
        one.store_output(JOB, 1, enough)
    assert two.listed(f"jobs/{JOB}") == []
    assert not two.here(JOB).exists()
    one.store_output(JOB, 1, go_on)
    assert len(two.listed(f"jobs/{JOB}")) == 3


@pytest.mark.parametrize("path", ["../../escaped", "/tmp/escaped", "a/../../escaped"])  # noqa: S108 - refused
def test_a_list_that_leads_elsewhere_is_none_of_ours(one: Artifacts, store: Objects, path: str) -> None:
    leave(one, {"model": b"m"})
    one.store_output(JOB, 1, go_on)
    told = b'{"files": [{"path": "%s", "size": 1}]}' % path.encode()
    obstore.put(store._store, f"{JOB}/00000002.output.json", told)
    found = store.stored(JOB, "output")
    assert found is not None
    assert (found.run, found.paths) == (1, {"model"})


# ---------------------------------------------------------------- checkpoints
def test_a_training_goes_on_where_another_was(one: Artifacts, two: Artifacts) -> None:
    checkpoint(one, 10)
    one.store_checkpoints(JOB, 1, go_on)
    shutil.rmtree(checkpoint(one, 20))
    checkpoint(one, 30)
    checkpoint(one, 40, whole=False)
    one.store_checkpoints(JOB, 1, go_on)
    two.resume(JOB)
    assert steps(two) == ["checkpoint-10", "checkpoint-30"]
    shutil.rmtree(one.folder(JOB) / "output.work/checkpoints/checkpoint-10")
    checkpoint(two, 50)
    two.store_checkpoints(JOB, 2, go_on)
    one.resume(JOB)
    assert steps(one) == ["checkpoint-10", "checkpoint-30", "checkpoint-50"]
    assert (one.folder(JOB) / "output.work/run.json").read_text() == "{}"


def test_what_is_further_here_stays(one: Artifacts, two: Artifacts) -> None:
    checkpoint(one, 10)
    one.store_checkpoints(JOB, 1, go_on)
    checkpoint(two, 30)
    checkpoint(two, 40, whole=False)
    two.resume(JOB)
    assert steps(two) == ["checkpoint-30", "checkpoint-40"]


def test_what_the_trainer_took_away_is_taken_away(one: Artifacts, store: Objects) -> None:
    first = checkpoint(one, 10)
    one.store_checkpoints(JOB, 1, go_on)
    shutil.rmtree(first)
    checkpoint(one, 20)
    one.store_checkpoints(JOB, 1, go_on)
    stored = store.stored(JOB, "work")
    assert stored is not None
    assert {path.partition("/")[2].partition("/")[0] for path in stored.paths} == {"", "checkpoint-20"}
    with pytest.raises(FileNotFoundError):
        store.read(JOB, 1, "work", "checkpoints/checkpoint-10/state")


def test_once_it_is_over_no_checkpoint_is_kept(one: Artifacts, store: Objects) -> None:
    checkpoint(one, 10)
    one.store_checkpoints(JOB, 1, go_on)
    leave(one, {"model": b"m"})
    one.store_output(JOB, 2, go_on)
    assert store.stored(JOB, "work") is None
    assert [file.path for file in getattr(store.stored(JOB, "output"), "files", [])] == ["model"]


def test_without_a_checkpoint_nothing_is_stored(one: Artifacts, store: Objects) -> None:
    checkpoint(one, 10, whole=False)
    one.store_checkpoints(JOB, 1, go_on)
    assert store.stored(JOB, "work") is None


# ---------------------------------------------------------------- copies
def test_copies_that_nobody_has_used_for_a_while_are_taken_away(one: Artifacts, store: Objects) -> None:
    for job in ("old", "used", "unfinished"):
        leave(one, {"model": b"m"}, job)
    for job in ("old", "used"):
        one.store_output(job, 1, go_on)
    for job in ("old", "used", "unfinished"):
        os.utime(one.folder(job), (0, time.time() - copies.UNUSED - 60))
    one.here("used")
    leave(one, {"model": b"m"})
    one.store_output(JOB, 1, go_on)
    assert sorted(path.name for path in one.root.iterdir()) == sorted([JOB, "unfinished", "used"])
    assert (one.here("old") / "model").read_bytes() == b"m"


# ---------------------------------------------------------------- stores that do not answer
def test_a_store_that_does_not_answer_is_told(s3: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ArtifactsGone) as raised:
        Objects("s3://nowhere").check()
    assert raised.value.why == "the store of the artifacts, s3://nowhere, can't be used: there is no such bucket"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(objects, "_PATIENCE", objects._PATIENCE / 60)
    with pytest.raises(ArtifactsGone, match="can't be read: it does not answer, or refuses") as raised:
        Objects("s3://models/team").stored(JOB, "output")
    assert "error sending request" in raised.value.why
    assert "127.0.0.1" not in str(raised.value), "callers need not know where it is"
    assert s3.env["AWS_SECRET_ACCESS_KEY"] not in raised.value.why


def test_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "sometimes")
    with pytest.raises(ValueError, match="artifacts_url: "):
        Objects("s3://models")
