"""What a training is given: rows as they stand, split by their prompts, written once and whole."""

from __future__ import annotations

import errno
import json
import os
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from services.datasets.errors import DatasetError
from services.datasets.intake import Intake
from services.errors import InvalidRequest, NotInstalled, StorageFull, mapped
from services.store.datasets import DatasetStore
from services.store.engine import migrate, open_engine
from services.training import running
from services.training.inputs import Checked, Source, write, write_split
from services.training.programs import program
from services.training.specs import DpoSpec, EvaluateSpec, QuantizeSpec, SftSpec, TrainingOptions
from services.views import DatasetKind
from tests.support.databases import on_each_database
from training.configs import DpoConfig, SftConfig, validate

pytestmark = on_each_database


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database."""
    made = open_engine(database_url)
    migrate(made)
    yield made
    made.dispose()


def upload(engine: Engine, rows: list[Any], kind: DatasetKind = "training", *, array: bool = False) -> str:
    """The name of a dataset of these rows."""
    store = DatasetStore(engine, "default")
    intake = Intake(store, display_name="", strict=True, key="", limits=(1 << 20, 1 << 30), kind=kind)
    intake.begin_file("rows.jsonl")
    text = json.dumps(rows, indent=2) if array else "\n".join(map(json.dumps, rows))
    intake.feed(text.encode())
    return intake.finish().name


def source(engine: Engine) -> Source:
    """The rows of this database's datasets."""
    kit: Any = SimpleNamespace(datasets=DatasetStore(engine, "default"), examples=None, store=None)
    return Source(kit)


def lines(path: Path) -> list[Any]:
    """A file's rows."""
    return [json.loads(line) for line in path.read_text().splitlines()]


SHAPES: list[dict[str, Any]] = [
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]},
    {"prompt": "Hi", "completion": "Ho"},
    {"instruction": "list pods", "context": {"ns": "x"}, "output": {"command": "get"}},
    {"messages": [{"role": "user", "content": "Hi"}], "expected_response": {"type": "command", "command": "ls"}},
]


def test_every_shape_that_the_trainer_reads_is_taken_as_it_stands(engine: Engine, tmp_path: Path) -> None:
    for array in (False, True):
        name = upload(engine, SHAPES, array=array)
        write(source(engine).read(name, "rows", "dataset"), tmp_path / f"{array}.jsonl")
        assert lines(tmp_path / f"{array}.jsonl") == SHAPES


def test_a_row_that_it_can_not_read_is_refused_with_its_field(engine: Engine) -> None:
    for row, why in (
        ({"prompt": "Hi"}, "none of the known shapes"),
        ({"prompt": "Hi", "chosen": "a", "rejected": "a"}, "the same as chosen"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "messages: the last message has to be the assistant's"),
        ([1], "no object"),
    ):
        with pytest.raises(DatasetError, match=why):
            upload(engine, [row])


def test_pairs_and_rows_do_not_mix(engine: Engine) -> None:
    name = upload(engine, [SHAPES[1], {"prompt": "Hi", "chosen": "a", "rejected": "b"}])
    with pytest.raises(InvalidRequest, match="row 2: is a preference pair"):
        list(source(engine).read(name, "rows", "dataset"))
    with pytest.raises(InvalidRequest, match="row 1: is no preference pair"):
        list(source(engine).read(name, "pairs", "dataset"))


def test_rows_with_one_prompt_stay_on_one_side(engine: Engine, tmp_path: Path) -> None:
    rows = [{"prompt": f"Say {n % 30}", "completion": f"{n}"} for n in range(120)]
    again = partial(source(engine).read, upload(engine, rows), "rows", "dataset")
    train, held = tmp_path / "train.jsonl", tmp_path / "validation.jsonl"
    assert write_split(again, train, held, 42)
    prompts = [Counter(row["prompt"] for row in lines(path)) for path in (train, held)]
    assert not prompts[0].keys() & prompts[1].keys()
    assert sum(prompts, Counter()) == Counter(row["prompt"] for row in rows)
    assert len(prompts[1]) == 3
    assert lines(train) == [row for row in rows if row["prompt"] in prompts[0]]  # in their order
    # The same seed splits alike, another one otherwise; what stands there is kept.
    assert write_split(again, tmp_path / "a", tmp_path / "b", 42)
    assert (tmp_path / "b").read_bytes() == held.read_bytes()
    assert write_split(again, tmp_path / "c", tmp_path / "d", 43)
    assert (tmp_path / "d").read_bytes() != held.read_bytes()
    assert write_split(again, train, held, 43)
    assert (tmp_path / "b").read_bytes() == held.read_bytes()


@pytest.mark.parametrize(("prompts", "held"), [(1, 0), (2, 1), (3, 1), (9, 1), (10, 1), (20, 2), (21, 2)])
def test_at_least_one_is_held_back_where_there_are_two(engine: Engine, tmp_path: Path, prompts: int, held: int) -> None:
    rows = [{"prompt": f"Say {n}", "completion": "x"} for n in range(prompts)]
    again = partial(source(engine).read, upload(engine, rows), "rows", "dataset")
    assert write_split(again, tmp_path / "t", tmp_path / "v", 1) == bool(held)
    assert len(lines(tmp_path / "t")) == prompts - held
    assert (tmp_path / "v").exists() == bool(held)


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull, match=r"rows\.jsonl can't be written: No space left"):
        write(iter([Checked("{}", 1)]), tmp_path / "rows.jsonl")
    assert not list(tmp_path.iterdir())


def test_every_option_reaches_its_program() -> None:
    given = TrainingOptions(
        num_train_epochs=2, max_steps=7, per_device_train_batch_size=3, gradient_accumulation_steps=2,
        learning_rate=1e-4, warmup_ratio=0.2, lr_scheduler_type="linear", use_lora=True, lora_r=4, lora_alpha=8,
        lora_dropout=0.1, lora_target_modules=["q_proj"], max_seq_length=512, gradient_checkpointing=True,
        load_in_4bit=True, save_steps=5, early_stopping_patience=2, seed=7,
    )  # fmt: skip
    sft = program(SftSpec(dataset="datasets/a", training=given.model_copy(update={"packing": True})), ["m"],
                  validation=True)  # fmt: skip
    settings = validate(SftConfig, sft.config)
    assert sft.module == "training.sft"
    assert (settings.model.name, settings.model.load_in_4bit, settings.data.max_seq_length) == ("m", True, 512)
    assert str(settings.data.validation_file) == "input/validation.jsonl"
    flat = settings.training.model_dump()
    assert flat["packing"]
    for name, value in given.model_dump(exclude_none=True, exclude={"load_in_4bit", "max_seq_length"}).items():
        if value != "" or name not in ("loss_type", "lr_scheduler_type"):
            assert flat[name] == value, name
    dpo = program(
        DpoSpec(dataset="datasets/a", model="x/y", training=TrainingOptions(beta=0.3, loss_type="ipo")), ["m"],
        validation=False,
    )  # fmt: skip
    other = validate(DpoConfig, dpo.config)
    assert (other.training.beta, other.training.loss_type, other.training.learning_rate) == (0.3, "ipo", 5e-6)
    assert other.data.validation_file is None


def test_the_settings_of_the_other_programs() -> None:
    file = QuantizeSpec(model="jobs/a", quantization="q8_0", name="mycli", prefix="clitron",
                        imatrix_dataset="datasets/a", fidelity_threshold=0.9)  # fmt: skip
    assert program(file, ["../a/output"], validation=False) == (
        "training.gguf",
        {
            "model": {"name": "../a/output"},
            "output_dir": "output",
            "naming": {"name": "mycli", "prefix": "clitron"},
            "quantization": {"type": "q8_0"},
            "data": {"imatrix_file": "input/imatrix.jsonl"},
            "fidelity": {"threshold": 0.9},
        },
    )
    measured = EvaluateSpec(dataset="datasets/a", models=["x/y", "jobs/a"], cli_schema="datasets/b", max_samples=9)
    assert program(measured, ["x/y", "../a/output"], validation=False) == (
        "training.evaluate",
        {
            "models": ["x/y", "../a/output"],
            "data": {"test_file": "input/test.jsonl", "schema_file": "input/schema.yaml"},
            "output_dir": "output",
            "labels": ["x/y", "jobs/a"],
            "max_samples": 9,
        },
    )


def test_a_service_without_the_trainer_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "find_spec", lambda name: None if name in ("torch", "trl") else object())
    with pytest.raises(NotInstalled, match=r"no torch, trl\): `pip install 'teachback-server\[train\]'`") as raised:
        running.check_installed()
    row = mapped(raised.value)
    assert row is not None
    assert (row.grpc.name, row.http) == ("FAILED_PRECONDITION", 409)
