"""A trainer that is killed goes on from its last whole checkpoint, to the same losses."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

import pytest

from tests.training.conftest import Reference, some_pairs, write_rows
from tests.training.running import dpo_config, killed, losses, run_dpo, run_sft, sft_config
from training import fit
from training.configs import SftConfig

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.timeout(600),
]


def test_sft_killed_between_two_checkpoints(reference: Reference, tiny: Path, tmp_path: Path) -> None:
    config = sft_config(tiny, reference.rows, tmp_path / "sft", reference.held_out)
    killed("sft", config, tmp_path, at_step=11)
    assert not config.training.output_dir.exists()
    # The checkpoint after the last whole one, as a kill in the middle of its writing leaves it.
    shutil.copytree(tmp_path / "sft.work/checkpoints/checkpoint-9", tmp_path / "sft.work/checkpoints/checkpoint-18")
    (tmp_path / "sft.work/checkpoints/checkpoint-18/whole").unlink()
    finished, events = run_sft(config)
    assert finished.metrics["resumed_from_step"] in (9, 12)
    assert next(event["step"] for event in events if event.get("stage") == "train") > 9
    assert losses(finished.output_dir) == pytest.approx(losses(reference.folder), abs=1e-4)
    assert finished.metrics["eval_loss"] == pytest.approx(reference.metrics["eval_loss"], abs=1e-4)
    assert not (tmp_path / "sft.work").exists()


def test_a_training_that_stops_early_stops_where_it_would_have(
    reference: Reference, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between its two bad measurements, and after the one that ended it: its patience is not new."""

    def config(name: str) -> SftConfig:
        return sft_config(
            tiny, reference.rows, tmp_path / name, reference.held_out,
            use_lora=False, learning_rate=0.3, save_steps=None, eval_steps=2, early_stopping_patience=2,
        )  # fmt: skip

    undisturbed, _ = run_sft(config("undisturbed"))
    stop = undisturbed.metrics["steps"]
    assert undisturbed.metrics["stopped_early"]
    killed("sft", config("between"), tmp_path, at_step=stop - 1)
    between, _ = run_sft(config("between"))
    assert between.metrics["resumed_from_step"]
    with monkeypatch.context() as patched:
        patched.setattr(fit, "finish", lambda *_, **__: sys.exit("killed"))
        with pytest.raises(SystemExit):
            run_sft(config("after"))
    after, _ = run_sft(config("after"))
    assert after.metrics["resumed_from_step"] < stop
    for again in (between, after):
        assert losses(again.output_dir) == pytest.approx(losses(undisturbed.output_dir), abs=1e-4)
        assert again.metrics["eval_loss"] == pytest.approx(undisturbed.metrics["eval_loss"], abs=1e-4)


def test_dpo_killed_after_its_first_checkpoint(reference: Reference, tmp_path: Path) -> None:
    pairs = write_rows(tmp_path / "pairs.jsonl", some_pairs(40))
    config = dpo_config(reference.folder, pairs, tmp_path / "dpo", lora_dropout=0.05)
    killed("dpo", config, tmp_path, at_step=5)
    finished, _ = run_dpo(config)
    assert finished.metrics["resumed_from_step"] in (3, 6)
    undisturbed, _ = run_dpo(dpo_config(reference.folder, pairs, tmp_path / "undisturbed", lora_dropout=0.05))
    assert losses(finished.output_dir) == pytest.approx(losses(undisturbed.output_dir), abs=1e-4)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_kills_at_random_points(reference: Reference, tiny: Path, tmp_path: Path) -> None:
    draw = random.Random(4)
    pairs = write_rows(tmp_path / "pairs.jsonl", some_pairs(40))
    preferred, _ = run_dpo(dpo_config(reference.folder, pairs, tmp_path / "undisturbed"))
    for number in range(10):
        output = tmp_path / f"out{number}"
        if number % 2:
            sft = sft_config(tiny, reference.rows, output, reference.held_out)
            killed("sft", sft, tmp_path, at_step=draw.randint(1, 19), after=draw.random() / 5)
            assert losses(run_sft(sft)[0].output_dir) == pytest.approx(losses(reference.folder), abs=1e-4)
        else:
            dpo = dpo_config(reference.folder, pairs, output)
            killed("dpo", dpo, tmp_path, at_step=draw.randint(1, 19), after=draw.random() / 5)
            assert losses(run_dpo(dpo)[0].output_dir) == pytest.approx(losses(preferred.output_dir), abs=1e-4)
        assert not output.with_name(f"{output.name}.work").exists()
