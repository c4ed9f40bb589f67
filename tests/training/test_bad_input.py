"""What can't be trained is refused with its reason, before anything is done, and nothing half-done is left."""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import Reference, make_tiny, some_pairs, some_rows, write_rows
from tests.training.running import dpo_config, run_dpo, run_sft, sft_config
from training.configs import SftConfig, validate
from training.errors import InvalidInput, Missing, OutOfResource

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("one_thread")]


def of_model(name: object, rows: Path, output: Path) -> SftConfig:
    return validate(
        SftConfig,
        {"model": {"name": str(name)}, "training": {"output_dir": output}, "data": {"train_file": rows}},
    )


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl", some_rows(4))


def test_no_rows(tiny: Path, tmp_path: Path) -> None:
    empty = write_rows(tmp_path / "empty.jsonl", [])
    with pytest.raises(InvalidInput, match=r"empty\.jsonl: holds no rows"):
        run_sft(sft_config(tiny, empty, tmp_path / "out"))
    with pytest.raises(InvalidInput, match=r"empty\.jsonl: holds no pairs"):
        run_dpo(dpo_config(tiny, empty, tmp_path / "out"))


def test_pairs_and_rows_are_not_taken_for_each_other(tiny: Path, rows: Path, tmp_path: Path) -> None:
    pairs = write_rows(tmp_path / "pairs.jsonl", some_pairs(2))
    with pytest.raises(InvalidInput, match=r"line 1: is a preference pair, which training\.dpo takes"):
        run_sft(sft_config(tiny, pairs, tmp_path / "out"))
    with pytest.raises(InvalidInput, match="line 1: has no chosen and rejected answer"):
        run_dpo(dpo_config(tiny, rows, tmp_path / "out"))


def test_a_row_that_is_too_long_is_never_cut(tiny: Path, tmp_path: Path) -> None:
    long = write_rows(tmp_path / "long.jsonl", [*some_rows(2), {"prompt": "x" * 300, "completion": "y"}])
    with pytest.raises(
        InvalidInput, match=r"long\.jsonl, line 3: has 3\d\d tokens .*max_seq_length is 256; a row is never cut"
    ):
        run_sft(sft_config(tiny, long, tmp_path / "out", max_seq_length=256))
    assert not list(tmp_path.glob("out*"))


def test_a_model_that_is_not_here(rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Missing, match="there is no such folder"):
        run_sft(of_model(tmp_path / "nowhere", rows, tmp_path / "out"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Missing, match="HF_HUB_OFFLINE forbids fetching it"):
        run_sft(of_model("somebody/some-model", rows, tmp_path / "out"))
    monkeypatch.delenv("HF_HUB_OFFLINE")
    begun = time.monotonic()
    with pytest.raises(Missing, match=r"somebody/some-model: .* the hub can't be reached"):
        run_sft(of_model("somebody/some-model", rows, tmp_path / "out"))
    assert time.monotonic() - begun < 30


def test_pickle_and_code_are_refused(reference: Reference, tiny: Path, rows: Path, tmp_path: Path) -> None:
    pickled = tmp_path / "pickled"
    shutil.copytree(tiny, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(InvalidInput, match=r"holds pickle weights \(pytorch_model\.bin\)"):
        run_sft(of_model(pickled, rows, tmp_path / "out"))
    adapter = tmp_path / "adapter"
    shutil.copytree(reference.folder, adapter)
    (adapter / "adapter_model.safetensors").rename(adapter / "other.safetensors")
    (adapter / "adapter_model.bin").write_bytes(b"pickled")
    with pytest.raises(InvalidInput, match=r"holds pickle weights \(adapter_model\.bin\)"):
        run_sft(of_model(adapter, rows, tmp_path / "out"))
    coded = tmp_path / "coded"
    shutil.copytree(tiny, coded)
    config = {**json.loads((coded / "config.json").read_text()), "model_type": "theirs"}
    (coded / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModelForCausalLM": "theirs.Theirs"}}))
    (coded / "theirs.py").write_text("raise SystemExit('their code ran')\n")
    with pytest.raises(InvalidInput, match=r"needs code that comes with the model \(trust_remote_code\)"):
        run_sft(of_model(coded, rows, tmp_path / "out"))
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny, damaged)
    (damaged / "model.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(InvalidInput, match="is damaged"):
        run_sft(of_model(damaged, rows, tmp_path / "out"))


def test_an_adapter_of_another_base(reference: Reference, tmp_path: Path) -> None:
    pairs = write_rows(tmp_path / "pairs.jsonl", some_pairs(4))
    other = make_tiny(tmp_path / "other", seed=1)
    with pytest.raises(InvalidInput, match="was trained on another base model than the one that"):
        run_dpo(dpo_config(rebased(reference.folder, other, tmp_path / "same-shape"), pairs, tmp_path / "out"))
    smaller = make_tiny(tmp_path / "smaller", hidden=32)
    elsewhere = rebased(reference.folder, smaller, tmp_path / "other-shape")
    (elsewhere / "manifest.json").unlink()
    with pytest.raises(InvalidInput, match="does not fit the base model in"):
        run_dpo(dpo_config(elsewhere, pairs, tmp_path / "out"))


def rebased(adapter: Path, base: Path, to: Path) -> Path:
    """A copy of an adapter that names another base."""
    shutil.copytree(adapter, to)
    config: dict[str, Any] = json.loads((to / "adapter_config.json").read_text())
    (to / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": str(base)}))
    return to


def test_settings_that_can_not_run(reference: Reference, tiny: Path, rows: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has no query; it has down_proj, gate_proj, k_proj"):
        run_sft(sft_config(tiny, rows, tmp_path / "out", lora_target_modules=["query"]))
    with pytest.raises(InvalidInput, match=r"needs data\.validation_file"):
        run_sft(sft_config(tiny, rows, tmp_path / "out", early_stopping_patience=2))
    with pytest.raises(InvalidInput, match="is an adapter, which can only be trained as one"):
        run_sft(sft_config(reference.folder, rows, tmp_path / "out", use_lora=False))
    four_bit = sft_config(tiny, rows, tmp_path / "out")
    four_bit = four_bit.model_copy(update={"model": four_bit.model.model_copy(update={"load_in_4bit": True})})
    with pytest.raises(InvalidInput, match="needs a CUDA GPU, and this machine computes on"):
        run_sft(four_bit)


@contextlib.contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes: writes fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_nothing_under_the_final_name(tiny: Path, rows: Path, tmp_path: Path) -> None:
    config = sft_config(tiny, rows, tmp_path / "out", use_lora=False, max_steps=2, save_steps=100)
    with files_at_most(100_000), pytest.raises(OutOfResource, match="the disk is full"):
        run_sft(config)
    assert not config.training.output_dir.exists()
    finished, _ = run_sft(config)  # with room again, the same run goes on to its end
    assert (finished.output_dir / "model.safetensors").exists()
    assert not list(tmp_path.glob("out.*"))
