"""What is trained, shown and checked on the very batch that the trainer gets, before the first step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from training.errors import InvalidInput
from training.tokens import IGNORED, Placed, PlacedPair, prompt_ids

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

Collator = Callable[[list[dict[str, Any]]], Mapping[str, Any]]

_BEGIN: Final = "⟦"
_END: Final = "⟧"


def prove_sft(
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Placed],
    dataset: Dataset,
    taken: Dataset,
    collate: Collator,
    *,
    end: int,
    max_seq_length: int,
) -> str:
    """Collates every row as the trainer will, and holds the labels against the row's own prompt, tokenised anew.

    Args:
        rows: what the dataset was made of, in its order.
        dataset: rows of `input_ids` and `labels`, not packed yet.
        taken: what the trainer has made of them: the same rows, or packs of them with `seq_lengths`.
        collate: the trainer's collator.
        end: the token that ends a turn.

    Returns:
        The first row, decoded, what is trained of it between ⟦ and ⟧; and the tokens around the border.

    Raises:
        InvalidInput: a token of a prompt is in the loss, one of an answer is not, the end of the turn is not trained,
            a row was cut, or the trainer holds other rows than these.
    """
    if Counter(_pieces(taken)) != Counter(_pieces(dataset)):
        raise InvalidInput("the trainer holds other rows than those of data.train_file; nothing was trained")
    for number, (place, row) in enumerate(rows):
        made = dataset[number]
        batch = collate([made])
        ids, labels = batch["input_ids"][0].tolist(), batch["labels"][0].tolist()
        trained = [label != IGNORED for label in labels]
        _check(place, ids, trained, prompt_ids(tokenizer, row.prompt), made["input_ids"], end, max_seq_length)
        if any(label not in (IGNORED, token) for label, token in zip(labels, ids, strict=True)):
            raise InvalidInput(f"{place}: a label is not the token it stands for")
    first = dataset[0]
    mask = [label != IGNORED for label in first["labels"]]
    head = f"{rows[0].place}: {len(mask)} tokens, of which the {sum(mask)} between {_BEGIN} and {_END} are trained."
    return f"{head}\n\n{_shown(tokenizer, first['input_ids'], mask)}\n"


def prove_dpo(
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[PlacedPair],
    dataset: Dataset,
    collate: Collator,
    *,
    end: int,
    max_seq_length: int,
) -> str:
    """As `prove_sft`, for both answers of every pair: `completion_mask` says what their log-probabilities are made of.

    Raises:
        InvalidInput: as `prove_sft`.
    """
    told = []
    for number, (place, pair) in enumerate(pairs):
        row = dataset[number]
        batch = collate([row])
        prompt = prompt_ids(tokenizer, pair.prompt)
        for which, side in enumerate(("chosen", "rejected")):
            length = int(batch["attention_mask"][which].sum())
            ids = batch["input_ids"][which].tolist()[:length]
            mask = [bool(bit) for bit in batch["completion_mask"][which].tolist()[:length]]
            whole = row["prompt_ids"] + row[f"{side}_ids"]
            _check(f"{place}, {side}", ids, mask, prompt, whole, end, max_seq_length)
            if number == 0:
                told.append(
                    f"{place}, {side}: {length} tokens, of which the {sum(mask)} between {_BEGIN} and {_END} count.\n\n"
                    f"{_shown(tokenizer, ids, mask)}\n"
                )
    return "\n".join(told)


def _check(
    place: str, ids: list[int], trained: list[bool], prompt: list[int], whole: list[int], end: int, most: int
) -> None:
    """`ids` as they were collated, against the row's prompt and all of its tokens; `trained` says which count."""
    used = ids[: len(whole)]
    if len(ids) < len(whole) or used != whole or len(whole) > most:
        raise InvalidInput(
            f"{place}: was cut to {min(len(ids), most)} of its {len(whole)} tokens; raise data.max_seq_length"
        )
    if any(trained[: len(prompt)]) or used[: len(prompt)] != prompt:
        raise InvalidInput(f"{place}: a token of the prompt is in the loss; the answers alone must be")
    if not trained[len(whole) - 1] or used[-1] != end:
        raise InvalidInput(f"{place}: the token that ends the turn is not trained, so the model would never stop")
    if not all(trained[len(prompt) : len(whole)]):
        raise InvalidInput(f"{place}: a token of the answer is not in the loss")
    if any(trained[len(whole) :]):
        raise InvalidInput(f"{place}: padding is in the loss")


def _pieces(dataset: Dataset) -> Iterator[int]:
    """A hash of the tokens and labels of each row, those in packs one by one."""
    for row in dataset:
        start, ids, labels = 0, row["input_ids"], row["labels"]
        for length in row.get("seq_lengths") or [len(ids)]:
            stop = start + length
            yield hash((tuple(ids[start:stop]), tuple(labels[start:stop])))
            start = stop


def _shown(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], mask: Sequence[bool]) -> str:
    border = list(mask).index(True)
    text = f"{tokenizer.decode(ids[:border])}{_BEGIN}{tokenizer.decode(ids[border:])}{_END}"
    around = range(max(0, border - 4), min(len(ids), border + 4))
    table = [
        f"{number:6d}  {ids[number]:7d}  {'trained' if mask[number] else '-':8}{tokenizer.decode([ids[number]])!r}"
        for number in (*around, *([len(ids) - 1] if len(ids) - 1 not in around else []))
    ]
    return "\n".join([text, "", " token       id  loss    text", *table])
