"""The same losses as TRL used directly, in either precision, and in float32 as the last time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from tests.training.conftest import Reference, some_pairs, write_rows
from tests.training.running import dpo_config, losses, run_dpo, run_sft, sft_config
from training import base
from training.rows import render
from training.tokens import read_pairs, read_rows

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("one_thread")]

GOLDEN = Path(__file__).parent / "golden" / "losses.json"


class Trained(NamedTuple):
    """A run of ours, and whether it computed with bfloat16 (a processor that is not made for it is slower, no more)."""

    folder: Path
    bf16: bool


@pytest.fixture(scope="module", params=[False, True], ids=["float32", "bfloat16"])
def trained(
    request: pytest.FixtureRequest, reference: Reference, tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trained]:
    """The reference's run in the precision asked for, whatever this machine would choose; DPO then does the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "bfloat16", lambda _on: request.param)
        folder = tmp_path_factory.mktemp("trained") / "sft"
        finished, _ = run_sft(sft_config(tiny, reference.rows, folder, reference.held_out))
        assert finished.metrics["precision"] == ("bfloat16" if request.param else "float32")
        yield Trained(folder, request.param)


def plain(folder: Path, *, bf16: bool) -> dict[str, Any]:
    """The settings of `running.TRAINING` in TRL's own words."""
    return {
        "output_dir": str(folder), "num_train_epochs": 4, "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 2, "learning_rate": 3e-3, "warmup_steps": 0.1, "lr_scheduler_type": "cosine",
        "gradient_checkpointing": False, "bf16": bf16, "use_cpu": True, "seed": 42, "max_length": 2048,
        "logging_steps": 1, "report_to": "none", "save_strategy": "no", "disable_tqdm": True,
    }  # fmt: skip


def history(trainer: Any) -> list[float]:
    trainer.train()
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


def test_sft_is_trl(reference: Reference, trained: Trained, tiny: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)

    def texts(file: Path) -> Dataset:
        rows = [row for _, row in read_rows(file, "keep")]
        return Dataset.from_list(
            [{"prompt": render(tokenizer, row.prompt), "completion": row.completion} for row in rows]
        )

    set_seed(42)
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32),
        # Measuring, too, draws from the generator that dropout draws from, so both have to do it.
        args=SFTConfig(**plain(tmp_path, bf16=trained.bf16), eval_strategy="steps", eval_steps=5),
        train_dataset=texts(reference.rows),
        eval_dataset=texts(reference.held_out),
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=16, lora_alpha=32, lora_dropout=0.05, target_modules=["q_proj", "v_proj", "k_proj", "o_proj"],
            task_type="CAUSAL_LM",
        ),
    )  # fmt: skip
    ours = losses(trained.folder)
    assert len(ours) == 20
    assert ours == pytest.approx(history(trainer), abs=1e-4)
    if not trained.bf16:  # in which kernels may round as they like
        golden("sft", ours)


def test_dpo_is_trl(trained: Trained, tiny: Path, tmp_path: Path) -> None:
    pairs_file = write_rows(tmp_path / "pairs.jsonl", some_pairs(40))
    finished, _ = run_dpo(dpo_config(trained.folder, pairs_file, tmp_path / "dpo"))
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    pairs = [pair for _, pair in read_pairs(pairs_file, "keep")]
    set_seed(42)
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    trainer = DPOTrainer(
        model=PeftModel.from_pretrained(model, trained.folder, is_trainable=True),
        args=DPOConfig(**plain(tmp_path, bf16=trained.bf16), beta=0.1),
        train_dataset=Dataset.from_list(
            [{"prompt": render(tokenizer, p.prompt), "chosen": p.chosen, "rejected": p.rejected} for p in pairs]
        ),
        processing_class=tokenizer,
    )
    ours = losses(finished.output_dir)
    assert len(ours) == 20
    assert ours == pytest.approx(history(trainer), abs=1e-4)
    if not trained.bf16:
        golden("dpo", ours)


def golden(name: str, found: list[float]) -> None:
    """The losses of the first 20 steps as they were; UPDATE_GOLDEN=1 writes them anew."""
    held = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(json.dumps({**held, name: [round(loss, 6) for loss in found]}, indent=2) + "\n")
        return
    assert found == pytest.approx(held[name], abs=1e-4)
