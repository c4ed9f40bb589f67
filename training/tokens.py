"""Rows as token ids: the prompt, then what is learnt, then the token that ends the turn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from training import templates
from training.configs import SftConfig
from training.errors import InvalidInput
from training.rows import Message, Pair, Row, Thinking, opener, read_placed, render

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

IGNORED: Final = -100
"""The label of a token that is not in the loss."""

_MARK: Final = "0123456789"


class Placed(NamedTuple):
    """A row and where it stands, as "train.jsonl, line 7"."""

    place: str
    row: Row


class PlacedPair(NamedTuple):
    """A preference pair and where it stands."""

    place: str
    pair: Pair


def read_rows(path: Path, think: Thinking) -> list[Placed]:
    """The rows of a file that SFT trains on. Raises InvalidInput where there are none, or preference pairs."""
    found = []
    for place, row in read_placed(path, think=think):
        if not isinstance(row, Row):
            raise InvalidInput(f"{place}: is a preference pair, which training.dpo takes; SFT needs one answer a row")
        found.append(Placed(place, row))
    if not found:
        raise InvalidInput(f"{path}: holds no rows; there is nothing to train on")
    return found


def read_pairs(path: Path, think: Thinking) -> list[PlacedPair]:
    """The pairs of a file that DPO trains on. Raises InvalidInput where there are none, or plain rows."""
    found = []
    for place, pair in read_placed(path, think=think):
        if not isinstance(pair, Pair):
            raise InvalidInput(f"{place}: has no chosen and rejected answer; DPO needs both (training.sft takes one)")
        found.append(PlacedPair(place, pair))
    if not found:
        raise InvalidInput(f"{path}: holds no pairs; there is nothing to train on")
    return found


def end_of_turn(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that ends the assistant's turn: what the chat template writes there, where that is one special token,
    else the tokenizer's EOS. Trained as the last token of every answer. Raises InvalidInput where there is neither."""
    asked = render(tokenizer, [Message(role="user", content=_MARK)])
    messages = [{"role": "user", "content": _MARK}, {"role": "assistant", "content": _MARK}]
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    assert isinstance(whole, str)
    after = whole.rpartition(_MARK)[2].strip()
    if after and len(whole) > len(asked):
        first: int = tokenizer(after, add_special_tokens=False)["input_ids"][0]
        token = tokenizer.added_tokens_decoder.get(first)
        if token is not None and token.special:
            return first
    if tokenizer.eos_token_id is None:
        raise InvalidInput(f"{tokenizer.name_or_path}: the tokenizer has no token that ends a turn (eos_token)")
    return int(tokenizer.eos_token_id)


def prompt_ids(tokenizer: PreTrainedTokenizerBase, prompt: Sequence[Message]) -> list[int]:
    """A prompt as the model gets it when it is asked: tokenised alone."""
    return _ids(tokenizer, render(tokenizer, prompt))


def completion_ids(tokenizer: PreTrainedTokenizerBase, completion: str, end: int) -> list[int]:
    """What follows a prompt, and the token `end`. Tokenised apart from the prompt, because the model, when it is asked,
    has the prompt's tokens as they are and goes on from there: no token reaches over the border. A thinking tag that
    the chat template writes itself is the prompt's."""
    return [*_ids(tokenizer, templates.rest(completion, opener(tokenizer))), end]


def sft_dataset(tokenizer: PreTrainedTokenizerBase, rows: Sequence[Placed], max_seq_length: int) -> Dataset:
    """`input_ids` and `labels`, the labels of the prompt being IGNORED. Raises InvalidInput where a row is too long."""
    from datasets import Dataset

    end = end_of_turn(tokenizer)
    columns: dict[str, list[list[int]]] = {"input_ids": [], "labels": []}
    for place, row in rows:
        prompt = prompt_ids(tokenizer, row.prompt)
        answer = completion_ids(tokenizer, row.completion, end)
        _check_length(place, len(prompt), len(answer), max_seq_length)
        columns["input_ids"].append(prompt + answer)
        columns["labels"].append([IGNORED] * len(prompt) + answer)
    return Dataset.from_dict(columns)


def dpo_dataset(tokenizer: PreTrainedTokenizerBase, pairs: Sequence[PlacedPair], max_seq_length: int) -> Dataset:
    """`prompt_ids`, `chosen_ids` and `rejected_ids`. Raises InvalidInput where a pair is too long."""
    from datasets import Dataset

    end = end_of_turn(tokenizer)
    columns: dict[str, list[list[int]]] = {"prompt_ids": [], "chosen_ids": [], "rejected_ids": []}
    for place, pair in pairs:
        prompt = prompt_ids(tokenizer, pair.prompt)
        chosen = completion_ids(tokenizer, pair.chosen, end)
        rejected = completion_ids(tokenizer, pair.rejected, end)
        _check_length(place, len(prompt), max(len(chosen), len(rejected)), max_seq_length)
        for name, ids in zip(columns, (prompt, chosen, rejected), strict=True):
            columns[name].append(ids)
    return Dataset.from_dict(columns)


def _check_length(place: str, prompt: int, answer: int, most: int) -> None:
    if prompt + answer > most:
        raise InvalidInput(
            f"{place}: has {prompt + answer} tokens (prompt {prompt}, answer {answer}), and data.max_seq_length is "
            f"{most}; a row is never cut: raise max_seq_length or leave the row out"
        )


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def sequences(dataset: Dataset, config: SftConfig) -> int:
    """Sequences that a pass over the rows has: the rows, or the packs that TRL makes of them."""
    if not config.training.packing:
        return len(dataset)
    from trl import pack_dataset

    return len(pack_dataset(dataset, config.data.max_seq_length, "bfd"))


def trained(dataset: Dataset) -> int:
    """Tokens in the loss, in one pass over the rows."""
    return sum(label != IGNORED for labels in dataset["labels"] for label in labels)


def pair_lengths(dataset: Dataset) -> list[int]:
    """Of each pair, the tokens of both its sequences together."""
    columns = (dataset["prompt_ids"], dataset["chosen_ids"], dataset["rejected_ids"])
    return [2 * len(prompt) + len(chosen) + len(rejected) for prompt, chosen, rejected in zip(*columns, strict=True)]
