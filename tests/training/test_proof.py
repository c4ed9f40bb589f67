"""The proof sees what is wrong with a batch, whoever made it so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trl
from datasets import Dataset
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from tests.training.conftest import some_rows, write_rows
from training import base, proof, tokens
from training.errors import InvalidInput

pytestmark = [pytest.mark.filterwarnings("ignore")]


class Batches:
    """Three rows of the tiny model, and the proof of them after somebody changed one thing."""

    def __init__(self, tiny: Path, folder: Path) -> None:
        self.tokenizer = base.tokenizer(tiny)
        self.rows = tokens.read_rows(write_rows(folder / "rows.jsonl", some_rows(3)), "keep")
        self.end = tokens.end_of_turn(self.tokenizer)
        self.made = tokens.sft_dataset(self.tokenizer, self.rows, 2048)
        self.collate: Any = DataCollatorForLanguageModeling(pad_token_id=self.tokenizer.pad_token_id)

    def prove(self, dataset: Dataset | None = None, collate: Any = None, taken: Dataset | None = None) -> str:
        return proof.prove_sft(
            self.tokenizer,
            self.rows,
            dataset or self.made,
            taken or dataset or self.made,
            collate or self.collate,
            end=self.end,
            max_seq_length=2048,
        )

    def changed(self, change: Any) -> Dataset:
        return Dataset.from_list([*list(self.made)[:2], change(dict(self.made[2]))])


@pytest.fixture
def batches(tiny: Path, tmp_path: Path) -> Batches:
    return Batches(tiny, tmp_path)


def test_it_shows_a_row(batches: Batches) -> None:
    shown = batches.prove()
    assert "rows.jsonl, line 1: " in shown
    assert '<|im_start|>assistant\n⟦{"command": "show", "id": 0}<|im_end|>⟧' in shown
    assert "trained '<|im_end|>'" in shown


def test_it_refuses_the_prompt_in_the_loss(batches: Batches) -> None:
    wrong = batches.changed(lambda row: {**row, "labels": row["input_ids"]})
    with pytest.raises(InvalidInput, match="line 3: a token of the prompt is in the loss"):
        batches.prove(wrong)


def test_it_refuses_an_end_that_is_not_trained(batches: Batches) -> None:
    without = batches.changed(lambda row: {name: ids[:-1] for name, ids in row.items()})
    with pytest.raises(InvalidInput, match="line 3: the token that ends the turn is not trained"):
        batches.prove(without)
    masked = batches.changed(lambda row: {**row, "labels": [*row["labels"][:-1], tokens.IGNORED]})
    with pytest.raises(InvalidInput, match="line 3: the token that ends the turn is not trained"):
        batches.prove(masked)


def test_it_refuses_a_row_that_was_cut(batches: Batches) -> None:
    def cutting(rows: list[dict[str, Any]]) -> Mapping[str, Any]:
        batch: dict[str, Any] = batches.collate(rows)
        return {name: values[:, :40] for name, values in batch.items()}

    with pytest.raises(InvalidInput, match="line 1: was cut to 40 of its"):
        batches.prove(collate=cutting)


def test_it_refuses_an_answer_outside_the_loss(batches: Batches) -> None:
    def half(row: dict[str, Any]) -> dict[str, Any]:
        first = next(n for n, label in enumerate(row["labels"]) if label != tokens.IGNORED)
        return {**row, "labels": [tokens.IGNORED if n <= first else label for n, label in enumerate(row["labels"])]}

    with pytest.raises(InvalidInput, match="line 3: a token of the answer is not in the loss"):
        batches.prove(batches.changed(half))


def test_it_refuses_a_trainer_that_holds_other_rows(batches: Batches) -> None:
    packed = trl.pack_dataset(batches.made, 2048, "bfd")
    assert len(packed) == 1
    assert batches.prove(taken=packed)
    shorter = batches.changed(lambda row: {name: ids[:-1] for name, ids in row.items()})
    for wrong in (shorter, trl.pack_dataset(shorter, 2048, "bfd"), trl.pack_dataset(batches.made, 64, "bfd")):
        with pytest.raises(InvalidInput, match="the trainer holds other rows"):
            batches.prove(taken=wrong)


def test_the_end_is_what_the_template_writes(tiny: Path) -> None:
    """Where a template ends turns with another special token than EOS (as Gemma's does), that one is trained."""
    tokenizer = base.tokenizer(tiny)
    tokenizer.eos_token = "<|endoftext|>"
    assert tokens.end_of_turn(tokenizer) == tokenizer.convert_tokens_to_ids("<|im_end|>")
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
    assert tokens.end_of_turn(tokenizer) == tokenizer.convert_tokens_to_ids("<|endoftext|>")
