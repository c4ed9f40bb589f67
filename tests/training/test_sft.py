"""SFT of the tiny model: what is learnt, what is told, what is left in the folder."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tests.training.conftest import Reference, some_pairs, some_rows, write_rows
from tests.training.running import dpo_config, losses, run_dpo, run_sft, sft_config
from training import base, tokens
from training.errors import InvalidInput

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("one_thread")]


def test_it_learns_and_tells(reference: Reference) -> None:
    steps = [event for event in reference.events if event.get("stage") == "train"]
    assert [event["step"] for event in steps] == list(range(1, 21))
    assert {event["steps"] for event in steps} == {20}
    assert all(event["tokens_per_second"] > 0 and event["memory_bytes"] > 0 for event in steps)
    assert steps[-1]["eta_seconds"] == 0
    assert steps[-1]["loss"] < steps[0]["loss"] - 0.3
    kinds = [event["event"] for event in reference.events]
    assert kinds.index("estimate") < kinds.index("proof") < kinds.index("checkpoint")
    assert [event["step"] for event in reference.events if event["event"] == "eval"] == [5, 10, 15, 20]
    estimate = next(event for event in reference.events if event["event"] == "estimate")
    assert estimate["steps"] == 20
    assert estimate["parameters"] + estimate["trainable_parameters"] == reference.metrics["parameters"]
    assert estimate["trainable_parameters"] == reference.metrics["trainable_parameters"]


def test_the_folder_says_how_it_was_made(reference: Reference) -> None:
    names = {path.name for path in reference.folder.iterdir()}
    assert names == {
        "README.md", "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "config.yaml",
        "loss.json", "loss.png", "manifest.json", "metrics.json", "proof.txt", "tokenizer.json",
        "tokenizer_config.json",
    }  # fmt: skip
    manifest = json.loads((reference.folder / "manifest.json").read_text())
    assert manifest["program"] == "sft"
    assert manifest["metrics"] == reference.metrics
    assert manifest["versions"]["trl"]
    assert set(manifest["files"]) == names - {"manifest.json"}
    for name, sha256 in manifest["files"].items():
        assert hashlib.sha256((reference.folder / name).read_bytes()).hexdigest() == sha256
    card = (reference.folder / "README.md").read_text()
    assert manifest["dataset_sha256"] in card
    assert "## Licence" in card
    assert len(losses(reference.folder)) == 20
    assert reference.metrics["perplexity"] == pytest.approx(math.exp(reference.metrics["eval_loss"]))
    assert not list(reference.folder.parent.glob("*.work"))


def test_a_finished_run_is_taken_over(reference: Reference, tiny: Path) -> None:
    before = (reference.folder / "manifest.json").stat().st_mtime_ns
    finished, events = run_sft(sft_config(tiny, reference.rows, reference.folder, reference.held_out))
    assert (finished.metrics, events) == (reference.metrics, [])
    assert (reference.folder / "manifest.json").stat().st_mtime_ns == before


def test_a_run_from_other_weights_is_another_run(tiny: Path, tmp_path: Path) -> None:
    """Only the inner matrices change, as they do where an adapter is merged: neither head nor tail of the file."""
    model = tmp_path / "model"
    shutil.copytree(tiny, model)
    rows = write_rows(tmp_path / "rows.jsonl", some_rows(8))
    config = sft_config(model, rows, tmp_path / "out", max_steps=2)
    first, _ = run_sft(config)
    weights = load_file(model / "model.safetensors")
    louder = {name: matrix * 1.5 for name, matrix in weights.items() if "up_proj" in name}
    save_file(weights | louder, model / "model.safetensors")
    second, events = run_sft(config)
    assert events
    assert second.metrics["train_loss_first"] != first.metrics["train_loss_first"]
    shutil.copyfile(tiny / "model.safetensors", model / "model.safetensors")
    with pytest.raises(InvalidInput, match="was trained on another base model"):
        base.load(second.output_dir)


def test_an_adapter_on_four_bits_keeps_its_small_steps(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TRL rounds such an adapter to bfloat16. The whole way is run: outside of tests a processor is refused."""
    monkeypatch.setattr(base, "check_four_bit", lambda _on: None)
    rows, pairs = write_rows(tmp_path / "rows.jsonl", some_rows(16)), write_rows(tmp_path / "p.jsonl", some_pairs(16))
    sft = sft_config(tiny, rows, tmp_path / "sft", max_steps=4)
    made, _ = run_sft(sft.model_copy(update={"model": sft.model.model_copy(update={"load_in_4bit": True})}))
    held = load_file(made.output_dir / "adapter_model.safetensors")
    assert {weights.dtype for weights in held.values()} == {torch.float32}
    assert any(not torch.equal(weights, weights.bfloat16().float()) for weights in held.values())
    dpo = dpo_config(made.output_dir, pairs, tmp_path / "dpo", max_steps=2, learning_rate=5e-6)
    dpo = dpo.model_copy(update={"model": dpo.model.model_copy(update={"load_in_4bit": True})})
    _, events = run_dpo(dpo)
    first = next(event for event in events if event.get("stage") == "train")
    assert first["reward_margin"] == pytest.approx(0, abs=1e-6), "it begins as its own reference"
    moved = load_file(tmp_path / "dpo/adapter_model.safetensors")
    small = [(moved[name] - held[name]).abs() for name in held]
    assert any(((change > 0) & (change < 1e-5)).any() for change in small)


def test_the_loss_by_hand(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two rows: the mean over the tokens of both answers and their ends, given everything before each."""
    monkeypatch.setattr(base, "bfloat16", lambda _on: False)  # to five digits
    rows = write_rows(tmp_path / "two.jsonl", some_rows(2))
    finished, _ = run_sft(sft_config(tiny, rows, tmp_path / "out", max_steps=1, gradient_accumulation_steps=1))
    tokenizer = base.tokenizer(tiny)
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    surprise, count = 0.0, 0
    for _, row in tokens.read_rows(rows, "keep"):
        asked = tokenizer(f"{_chatml(row)}<|im_start|>assistant\n", add_special_tokens=False)["input_ids"]
        answered = tokenizer(f"{row.completion}<|im_end|>", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logs = model(torch.tensor([asked + answered])).logits[0].log_softmax(-1)
        for number, token in enumerate(answered):
            surprise -= float(logs[len(asked) + number - 1, token])
        count += len(answered)
    assert finished.metrics["train_loss_first"] == pytest.approx(surprise / count, abs=1e-5)


def _chatml(row: object) -> str:
    prompt = row.prompt  # type: ignore[attr-defined]
    return "".join(f"<|im_start|>{message.role}\n{message.content}<|im_end|>\n" for message in prompt)


def test_packed_rows_do_not_see_each_other(tiny: Path, tmp_path: Path) -> None:
    """In one sequence or each in its own: the loss of the same rows is the same."""
    rows = write_rows(tmp_path / "rows.jsonl", some_rows(8))
    one_step: dict[str, Any] = {"max_steps": 1, "per_device_train_batch_size": 8, "gradient_accumulation_steps": 1}
    alone, _ = run_sft(sft_config(tiny, rows, tmp_path / "alone", **one_step))
    packed, _ = run_sft(sft_config(tiny, rows, tmp_path / "packed", packing=True, **one_step))
    assert packed.metrics["train_loss_first"] == pytest.approx(alone.metrics["train_loss_first"], abs=1e-4)


def test_all_weights_and_early_stopping(reference: Reference, tiny: Path, tmp_path: Path) -> None:
    """Without an adapter, and with a learning rate that ruins the model: the best one is kept."""
    config = sft_config(
        tiny, reference.rows, tmp_path / "full", reference.held_out,
        use_lora=False, learning_rate=0.3, save_steps=None, eval_steps=2, early_stopping_patience=2,
        gradient_checkpointing=True,
    )  # fmt: skip
    finished, events = run_sft(config)
    assert finished.metrics["stopped_early"]
    assert finished.metrics["steps"] < 20
    measured = [event["eval_loss"] for event in events if event["event"] == "eval"]
    assert finished.metrics["eval_loss"] == pytest.approx(min(measured))
    assert finished.metrics["trainable_parameters"] == finished.metrics["parameters"]
    assert (finished.output_dir / "model.safetensors").exists()
    AutoModelForCausalLM.from_pretrained(finished.output_dir)


def test_an_adapter_on_all_linear_layers_is_as_large_as_was_estimated(tiny: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", some_rows(4))
    config = sft_config(tiny, rows, tmp_path / "all", max_steps=1, lora_target_modules=["all-linear"])
    finished, events = run_sft(config)
    estimate = next(event for event in events if event["event"] == "estimate")
    assert estimate["trainable_parameters"] == finished.metrics["trainable_parameters"]
    adapted = json.loads((finished.output_dir / "adapter_config.json").read_text())["target_modules"]
    assert {name.rpartition(".")[2] for name in adapted} == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"
    }  # fmt: skip
