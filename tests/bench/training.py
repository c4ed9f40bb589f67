"""What a step of `training.sft` and `training.dpo` costs beside the same step of TRL, in interleaved runs.

`python -m tests.bench.training [--rounds 5] [--steps 12]`: a small Llama with random weights, made here, so that
nothing is fetched. Prints the rounds, and as its last line one JSON object: medians and their ratios, by the wall
clock and by CPU time, which holds on a machine that others use as well.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback, set_seed
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from tests.training.conftest import make_tiny, some_pairs, some_rows, write_rows
from training import base, dpo, sft, telling
from training.configs import DpoConfig, SftConfig, validate
from training.rows import render
from training.tokens import read_pairs, read_rows

BAR = 1.10
BATCH = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 1, "learning_rate": 1e-4}


class Clock(TrainerCallback):  # type: ignore[misc]  # transformers is read without its types
    """Wall and CPU seconds of every step, from its begin to the next one's: what is told of it included."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, float]] = []
        self._begun: tuple[float, float] | None = None

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        now = time.perf_counter(), time.process_time()
        if self._begun:
            self.steps.append((now[0] - self._begun[0], now[1] - self._begun[1]))
        self._begun = now


def median_step(run: Callable[[Clock], None]) -> tuple[float, float]:
    """Wall and CPU seconds of the median step of one run, the first two left out: memory is taken there."""
    clock = Clock()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        run(clock)
    wall, cpu = zip(*clock.steps[1:], strict=True)
    return statistics.median(wall), statistics.median(cpu)


class Bench:
    """Both programs, and TRL with the same settings, on one model and the same rows."""

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder, self.steps = folder, steps
        self.model = make_tiny(folder / "model", hidden=384)
        self.rows = write_rows(folder / "rows.jsonl", some_rows(4 * steps))
        self.pairs = write_rows(folder / "pairs.jsonl", some_pairs(4 * steps))
        self.tokenizer = AutoTokenizer.from_pretrained(self.model)
        self.runs = 0

    def ours(self, program: str, clock: Clock) -> None:
        """One run of ours, in a new folder, with a clock beside its own callback."""
        self.runs += 1
        training = {**BATCH, "output_dir": self.folder / f"out{self.runs}", "max_steps": self.steps, "save_steps": 1000}
        shared = {"model": {"name": str(self.model)}, "training": training, "logging": {"logging_steps": 1}}
        begin = telling.Telling.on_step_begin

        def clocked(teller: telling.Telling, *words: Any, **named: Any) -> None:
            clock.on_step_begin()
            begin(teller, *words, **named)

        with mock.patch.object(telling.Telling, "on_step_begin", clocked):
            if program == "sft":
                sft.run(validate(SftConfig, {**shared, "data": {"train_file": self.rows}}))
            else:
                dpo.run(validate(DpoConfig, {**shared, "data": {"preference_file": self.pairs}}))

    def trl(self, program: str, clock: Clock) -> None:
        """One run of TRL's trainer as its documentation has it."""
        set_seed(42)
        options: dict[str, Any] = {
            **BATCH, "output_dir": str(self.folder / "trl"), "max_steps": self.steps, "warmup_steps": 0.1,
            "lr_scheduler_type": "cosine", "gradient_checkpointing": False, "use_cpu": True, "max_length": 2048,
            "bf16": base.bfloat16("cpu"), "logging_steps": 1, "report_to": "none", "save_strategy": "no",
            "disable_tqdm": True,
        }  # fmt: skip
        shared: dict[str, Any] = {
            "model": AutoModelForCausalLM.from_pretrained(self.model, dtype="float32"),
            "processing_class": self.tokenizer,
            "callbacks": [clock],
            "peft_config": LoraConfig(
                r=16, lora_alpha=32, lora_dropout=0.05, target_modules=["q_proj", "v_proj", "k_proj", "o_proj"],
                task_type="CAUSAL_LM",
            ),
        }  # fmt: skip
        if program == "sft":
            rows = [
                {"prompt": render(self.tokenizer, row.prompt), "completion": row.completion}
                for _, row in read_rows(self.rows, "keep")
            ]
            SFTTrainer(args=SFTConfig(**options), train_dataset=Dataset.from_list(rows), **shared).train()
        else:
            pairs = [
                {"prompt": render(self.tokenizer, pair.prompt), "chosen": pair.chosen, "rejected": pair.rejected}
                for _, pair in read_pairs(self.pairs, "keep")
            ]
            arguments = DPOConfig(**options, precompute_ref_log_probs=True)
            DPOTrainer(args=arguments, train_dataset=Dataset.from_list(pairs), **shared).train()


def main() -> int:
    """Prints every round and the ratios; 1 where one is above its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12)
    words = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bench = Bench(Path(folder), words.steps)
        for program in ("sft", "dpo"):
            pairs = []
            for number in range(words.rounds):
                ours = median_step(lambda clock, program=program: bench.ours(program, clock))  # type: ignore[misc]
                trl = median_step(lambda clock, program=program: bench.trl(program, clock))  # type: ignore[misc]
                pairs.append((ours, trl))
                print(
                    f"{program} round {number + 1}: ours {ours[0] * 1000:.1f} ms, TRL {trl[0] * 1000:.1f} ms",
                    flush=True,
                )
            for which, name in enumerate(("step", "step_cpu")):
                ours_s, trl_s = (statistics.median(side[which] for side in sides) for sides in zip(*pairs, strict=True))
                found |= {
                    f"{program}_{name}_ms": round(ours_s * 1000, 2),
                    f"{program}_{name}_x": round(ours_s / trl_s, 3),
                }
    print(json.dumps(found))
    return int(any(found[f"{program}_step_x"] > BAR for program in ("sft", "dpo")))


if __name__ == "__main__":
    sys.exit(main())
