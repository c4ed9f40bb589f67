"""What SFT and DPO share: the arguments of the trainer, where work in progress lies, and how a run ends."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import math
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from training import artifacts, base, card, checkpoints, configs, curves, scored, telling, templates
from training.configs import DpoConfig, SftConfig
from training.errors import Busy, InvalidInput
from training.fingerprint import fingerprint
from training.place import Place
from training.progress import Finished, emit
from training.schedule import Schedule

if TYPE_CHECKING:
    import torch
    from peft import LoraConfig
    from transformers import Trainer

_EVERY_STEP_UP_TO: Final = 2000
"""Steps of a run whose losses are all kept; a longer one keeps every logging_steps-th mean."""


@contextlib.contextmanager
def workplace(config: SftConfig | DpoConfig, program: str, dataset_sha256: str, weights: str) -> Iterator[Path]:
    """The folder `{output_dir}.work` of this run, kept for a resume where anything fails.

    What another config, other data or other weights to begin with left there is removed. Raises Busy where another
    process works in it.
    """
    final = config.training.output_dir
    work = artifacts.work_folder(final)
    if os.environ.get("RANK", "0") != "0":
        yield work
        return
    with artifacts.disk_full_told(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        with final.with_name(f"{final.name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(f"training.output_dir: another process trains into {final} already") from None
            about = {"program": program, "config": config.model_dump(mode="json", exclude={"logging"}),
                     "dataset_sha256": dataset_sha256, "weights": weights}  # fmt: skip
            said = work / "run.json"
            try:
                same = json.loads(said.read_text(encoding="utf-8")) == about
            except (OSError, ValueError):  # nothing there yet, or half-written
                same = False
            if not same:
                shutil.rmtree(work, ignore_errors=True)
                work.mkdir()
                artifacts.write_json(said, about)
            try:
                yield work
            except BaseException:
                if checkpoints.last(work / "checkpoints") is None:  # nothing to go on with
                    shutil.rmtree(work, ignore_errors=True)
                raise
            finally:
                Path(lock.name).unlink(missing_ok=True)
            shutil.rmtree(work, ignore_errors=True)


def taken_over(config: SftConfig | DpoConfig, program: str, dataset_sha256: str, weights: str) -> Finished | None:
    """What this very run has made already, or None. `weights`: what it began with, from `beginning`."""
    final = config.training.output_dir
    held = artifacts.finished(final, program, config, dataset_sha256, weights)
    if held is None:
        return None
    shutil.rmtree(artifacts.work_folder(final), ignore_errors=True)  # of a run killed just after it had published
    return Finished(final, held["metrics"])


def beginning(place: Place) -> str:
    """A hash of the weights that a training begins with, an adapter's and its base's."""
    return fingerprint(place.base) + (f" {fingerprint(place.folder)}" if place.adapter else "")


def arguments(config: SftConfig | DpoConfig, work: Path, plan: Schedule, *, validates: bool) -> dict[str, Any]:
    """Keyword arguments of SFTConfig and DPOConfig alike.

    Raises InvalidInput: a `report_to` that is not installed.
    """
    training = config.training
    patience = training.early_stopping_patience
    report_to = config.logging.report_to
    if report_to != "none" and importlib.util.find_spec(report_to) is None:
        raise InvalidInput(f'logging.report_to: {report_to} is not installed; install it, or say "none"')
    on = base.device()
    return {
        "output_dir": str(work / "checkpoints"),
        "num_train_epochs": training.num_train_epochs,
        "max_steps": training.max_steps or -1,
        "per_device_train_batch_size": training.per_device_train_batch_size,
        "per_device_eval_batch_size": training.per_device_train_batch_size,
        "gradient_accumulation_steps": training.gradient_accumulation_steps,
        "learning_rate": training.learning_rate,
        "warmup_steps": training.warmup_ratio,  # below 1 it is a share of all steps
        "lr_scheduler_type": training.lr_scheduler_type,
        "gradient_checkpointing": training.gradient_checkpointing,
        "bf16": base.bfloat16(on),
        "fp16": on == "cuda" and not base.bfloat16(on),
        "use_cpu": on == "cpu",
        "seed": training.seed,
        "max_length": config.data.max_seq_length,
        "logging_steps": 1 if plan.steps <= _EVERY_STEP_UP_TO else config.logging.logging_steps,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "report_to": report_to,
        "disable_tqdm": True,
        "save_strategy": "steps",
        "save_steps": plan.save_every,
        "save_total_limit": 2,
        "restore_callback_states_from_checkpoint": bool(patience),
        "eval_strategy": "steps" if validates else "no",
        "eval_steps": plan.eval_every if validates else None,
        "load_best_model_at_end": bool(patience),
        "metric_for_best_model": "eval_loss" if patience else None,
        "greater_is_better": False if patience else None,
        "dataloader_pin_memory": on == "cuda",
    }


def load_model(config: SftConfig | DpoConfig, place: Place) -> Any:
    """The model, on its device: an adapter open for training, or a base to train a new adapter on, or all of it."""
    whole = not config.training.use_lora
    return base.load(config.model.name, trainable=place.adapter or whole, four_bit=config.model.load_in_4bit).model


def exact(config: SftConfig | DpoConfig, model: Any) -> dict[str, torch.Tensor]:
    """A copy of an adapter that is going to be trained on a base of 4 bits; else nothing."""
    if not config.model.load_in_4bit:
        return {}
    return {name: weights.detach().clone() for name, weights in model.named_parameters() if weights.requires_grad}


def in_float32(config: SftConfig | DpoConfig, trainer: Trainer, held: dict[str, torch.Tensor]) -> None:
    """Puts an adapter on a base of 4 bits back to what it was before TRL rounded it to bfloat16.

    There a step of 2e-5, let alone 5e-6, is less than half of what lies between two numbers, and would be lost.
    """
    if not config.model.load_in_4bit:
        return
    for name, weights in trainer.model.named_parameters():
        if weights.requires_grad:
            weights.data = held.get(name, weights.data).float()


def new_adapter(config: SftConfig | DpoConfig, place: Place) -> LoraConfig | None:
    """The adapter that the settings ask for; None where all weights are trained, or an adapter is there already."""
    return lora(config) if config.training.use_lora and not place.adapter else None


def show_proof(work: Path, shown: str) -> None:
    """Emits the proof, and saves it already now: who stops the run at the sight of it wants to read it."""
    emit("proof", text=shown)
    if os.environ.get("RANK", "0") == "0":
        (work / "proof.txt").write_text(shown, encoding="utf-8")


def rewards(trainer: Trainer) -> dict[str, Any]:
    """DPO's figures: margins, accuracies, log-probabilities of the first and last step, and on held-out pairs."""
    held = curves.points(trainer.state.log_history)
    names = ("reward_margin", "reward_accuracy", "reward_chosen", "reward_rejected", "logps_chosen", "logps_rejected")
    found = {name: held["train"][-1].get(name) for name in names}
    found |= {f"{name}_first": held["train"][0].get(name) for name in names}
    if held["eval"]:
        found |= {f"eval_{name}": held["eval"][-1].get(f"eval_{name}") for name in names}
    return found


def lora(config: SftConfig | DpoConfig) -> LoraConfig:
    """The adapter that the settings ask for."""
    from peft import LoraConfig

    training, targets = config.training, config.training.lora_target_modules
    return LoraConfig(
        r=training.lora_r,
        lora_alpha=training.lora_alpha,
        lora_dropout=training.lora_dropout,
        target_modules="all-linear" if targets == configs.ALL_LINEAR else list(targets),
        task_type="CAUSAL_LM",
    )


def train(trainer: Trainer, config: SftConfig | DpoConfig, work: Path, teller: telling.Telling) -> dict[str, Any]:
    """Trains to the end, from the last whole checkpoint where there is one; returns the figures of the run."""
    from accelerate import PartialState
    from transformers import EarlyStoppingCallback

    trainer.add_callback(checkpoints.MarkWhole())
    trainer.add_callback(teller)
    if patience := config.training.early_stopping_patience:
        trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=patience))
    with PartialState().main_process_first():  # the first one removes what is half-written, the others then look
        resumed = checkpoints.last(work / "checkpoints")
    begun = time.monotonic()
    with scored.only_labels():
        result = trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
        history = trainer.state.log_history
        losses = [line["loss"] for line in history if "loss" in line]
        measured = [line for line in history if "eval_loss" in line]
        if trainer.eval_dataset is not None and (not measured or measured[-1]["step"] != trainer.state.global_step):
            trainer.evaluate()
            measured = [line for line in trainer.state.log_history if "eval_loss" in line]
    if not losses or not math.isfinite(losses[-1]):
        raise InvalidInput(
            "the loss is not a number any more; nothing was published: lower training.learning_rate, "
            f"and remove {work} to begin anew"
        )
    model = trainer.accelerator.unwrap_model(trainer.model)
    figures: dict[str, Any] = {
        "steps": trainer.state.global_step,
        "epochs": round(float(trainer.state.epoch or 0), 4),
        "train_loss_first": losses[0],
        "train_loss": losses[-1],
        "train_loss_mean": result.training_loss,
        "train_seconds": round(time.monotonic() - begun, 2),
        "tokens_per_second": round(teller.tokens_per_second, 1) if teller.tokens_per_second else None,
        "peak_memory_bytes": telling.peak_memory_bytes(),
        "device": base.device(),
        "precision": "bfloat16" if trainer.args.bf16 else "float16" if trainer.args.fp16 else "float32",
        "parameters": sum(p.numel() for p in model.parameters()),
        "trainable_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "resumed_from_step": int(resumed.name.rpartition("-")[2]) if resumed else None,
        "stopped_early": trainer.state.global_step < trainer.state.max_steps,
    }
    if measured:
        best = min(measured, key=lambda line: float(line["eval_loss"]))
        kept = best if config.training.early_stopping_patience else measured[-1]
        figures |= {
            "eval_loss": kept["eval_loss"],
            "perplexity": math.exp(min(kept["eval_loss"], 700)),
            "eval_loss_best": best["eval_loss"],
            "eval_loss_best_step": best["step"],
        }
    return figures


def finish(
    trainer: Trainer,
    config: SftConfig | DpoConfig,
    program: str,
    work: Path,
    *,
    place: Place,
    dataset_sha256: str,
    weights: str,
    metrics: dict[str, Any],
    proof: str,
) -> Finished:
    """Writes model, tokenizer, figures, curves and card, and publishes them under `output_dir`."""
    final = config.training.output_dir
    made = work / "model"
    if trainer.is_world_process_zero():  # the others may come here later, when it is at work there
        shutil.rmtree(made, ignore_errors=True)
    model = trainer.accelerator.unwrap_model(trainer.model)
    adapter = getattr(model, "peft_config", {}).get("default")
    trainer.save_model(str(made))
    if not trainer.is_world_process_zero():
        return Finished(final, metrics)
    if adapter is not None:  # named after the weights are saved: PEFT asks the hub about a name that is no folder
        adapter.base_model_name_or_path = place.base_name
        adapter.save_pretrained(str(made))
    templates.keep_vocabularies(place.base, made)
    (made / "training_args.bin").unlink(missing_ok=True)  # a pickle, and config.yaml says it all
    (made / "config.yaml").write_text(configs.dump(config), encoding="utf-8")
    (made / "proof.txt").write_text(proof, encoding="utf-8")
    artifacts.write_json(made / "metrics.json", metrics)
    artifacts.write_json(made / "loss.json", curves.points(trainer.state.log_history))
    curves.draw(trainer.state.log_history, made / "loss.png", title=f"{program.upper()} of {config.model.name}")
    card.write(
        made / "README.md",
        config,
        program,
        dataset_sha256,
        metrics,
        base_name=place.base_name,
        adapter=adapter is not None,
    )
    artifacts.manifest(
        made,
        program,
        config,
        dataset_sha256,
        metrics,
        weights=weights,
        base_fingerprint=fingerprint(place.base) if adapter is not None else None,
    )
    artifacts.publish(made, final)
    return Finished(final, metrics)
