"""A model of a thousandth of the size, with the tokenizer and chat template of the real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training import base, embedded


@pytest.fixture(scope="session")
def smollm() -> Path:
    """The folder of SmolLM2-135M."""
    return base.resolve(embedded.NAME)


@pytest.fixture(scope="session")
def tiny(smollm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random Llama: two layers of 64, which speaks nonsense that depends on the prompt."""
    return _model(smollm, tmp_path_factory.mktemp("models") / "tiny", seed=0)


@pytest.fixture(scope="session")
def other(smollm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another one of these."""
    return _model(smollm, tmp_path_factory.mktemp("models") / "other", seed=1)


@pytest.fixture
def test_file(tmp_path: Path) -> Path:
    """Rows of three kinds: calls with and without context, questions back, plain text."""
    path = tmp_path / "test.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    return path


def rows() -> list[dict[str, Any]]:
    """Eight rows about brews."""
    made = []
    for number, tea in enumerate(("green", "black", "mint")):
        made.append(call(f"please start {tea} tea", None, "start", {"tea": tea}))
        context = {"kettle": {"user": "mina", "current_brew": 40 + number}}
        made.append(call("pour this one", context, "pour", {"number": 40 + number}, ["milk"]))
    asked = {"type": "clarification", "message": "Which brew?", "suggestions": [], "confidence": 0.45}
    made.append({"instruction": "pour it", "context": None, "output": json.dumps(asked)})
    made.append(
        {"messages": [{"role": "user", "content": "What is 7 * 8 - 5?"}, {"role": "assistant", "content": "51"}]}
    )
    return made


def call(
    said: str, context: dict[str, Any] | None, sub: str, args: dict[str, Any], flags: list[str] | None = None
) -> dict[str, Any]:
    """A row that means one call of `brew`."""
    output = {
        "type": "command", "command": "brew", "subcommand": sub, "args": args, "flags": flags or [],
        "confidence": 0.96,
    }  # fmt: skip
    return {"instruction": said, "context": context, "output": json.dumps(output)}


def _model(smollm: Path, folder: Path, seed: int) -> Path:
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(smollm)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.3,  # wide enough that what it says depends on the prompt
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    # What came with a model must not change how it is asked here.
    model.generation_config.repetition_penalty = 5.0
    model.generation_config.no_repeat_ngram_size = 2
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
