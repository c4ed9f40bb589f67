"""DPO of the tiny model: on the adapter that SFT left, and on a whole model."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.conftest import Reference, some_pairs, write_rows
from tests.training.running import dpo_config, run_dpo
from training.fingerprint import fingerprint

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("one_thread")]


def test_the_adapter_is_trained_further(reference: Reference, tiny: Path, tmp_path: Path) -> None:
    pairs = write_rows(tmp_path / "pairs.jsonl", some_pairs(24))
    before = fingerprint(tiny)
    finished, events = run_dpo(dpo_config(reference.folder, pairs, tmp_path / "dpo"))
    assert fingerprint(tiny) == before
    steps = [event for event in events if event.get("stage") == "train"]
    # The reference is the adapter as it was: before the first update nothing is preferred to what it prefers.
    assert steps[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert steps[0]["reward_margin"] == pytest.approx(0, abs=1e-5)
    assert steps[-1]["reward_margin"] > 0.01
    assert finished.metrics["reward_accuracy"] > 0.8
    assert finished.metrics["logps_chosen_first"] < 0
    assert {"logps_chosen", "logps_rejected", "reward_accuracy"} <= steps[-1].keys()
    assert not [path for path in finished.output_dir.rglob("*") if path.is_dir()]
    made, was = (load_file(folder / "adapter_model.safetensors") for folder in (finished.output_dir, reference.folder))
    assert made.keys() == was.keys()
    assert all("lora_" in name for name in made)
    assert not all(torch.equal(made[name], was[name]) for name in made)


@pytest.mark.parametrize("use_lora", [True, False])
def test_a_whole_model(tiny: Path, tmp_path: Path, use_lora: bool) -> None:
    pairs = write_rows(tmp_path / "pairs.jsonl", some_pairs(8))
    finished, events = run_dpo(dpo_config(tiny, pairs, tmp_path / "dpo", use_lora=use_lora, max_steps=3))
    steps = [event for event in events if event.get("stage") == "train"]
    assert steps[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert steps[-1]["reward_margin"] > 0
    name = "adapter_model.safetensors" if use_lora else "model.safetensors"
    assert (finished.output_dir / name).exists()
