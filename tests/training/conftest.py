"""A random Llama of 64 dimensions with a byte tokenizer, made here, so that a whole training takes a second."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pytest

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class Reference(NamedTuple):
    """A finished SFT run: its folder, what it was made of, what it told."""

    folder: Path
    rows: Path
    held_out: Path
    metrics: dict[str, Any]
    events: list[dict[str, Any]]


def make_tiny(folder: Path, *, hidden: int = 64, seed: int = 0) -> Path:
    """A model, its tokenizer (one token a byte, and three special ones) and chat template in a folder."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens(
        [AddedToken(text, special=True) for text in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = CHATML
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def some_rows(count: int) -> list[dict[str, Any]]:
    """Rows of different lengths, in the shape of the commands recipe."""
    return [
        {
            "instruction": f"show item {'i' * (number % 7)}{number}",
            "context": {"n": number} if number % 2 else None,
            "output": json.dumps({"command": "show", "id": number}),
        }
        for number in range(count)
    ]


def some_pairs(count: int) -> list[dict[str, Any]]:
    """Preference pairs of different lengths."""
    return [
        {"prompt": f"show item {number}", "chosen": f"item {number}", "rejected": "no " * (number % 4 + 1)}
        for number in range(count)
    ]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's folder."""
    return make_tiny(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model this small is slower on several threads, much slower where the cores are busy; and children as well."""
    import torch

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def reference(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """An SFT run of 20 steps that nothing disturbed."""
    import torch

    from tests.training.running import run_sft, sft_config

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("reference")
    rows = write_rows(folder / "train.jsonl", some_rows(40))
    held_out = write_rows(folder / "val.jsonl", some_rows(45)[40:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what TRL and PEFT say about each other
        finished, events = run_sft(sft_config(tiny, rows, folder / "sft", held_out))
    return Reference(finished.output_dir, rows, held_out, finished.metrics, events)
