"""Models that answer: Hugging Face folders, adapters and GGUF files behind one small interface.

    with subject("training/models/mycli/sft") as model:
        for index, answer in model.answer(prompts, max_new_tokens=256): ...

A batch is padded on the left, so that every prompt ends where its answer begins; attention mask and positions leave
the padding out, and in float32 an answer in a batch is the answer alone (a test holds it). Answers come in whatever
order is quickest, each with the index of its prompt.
"""

from __future__ import annotations

import contextlib
import gc
import math
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol

from training import base, rows, tensors, tokens
from training.errors import InvalidInput
from training.rows import Message, Row

Prompt = Sequence[Message]

ALONE: Final = 20
"""Prompts that are asked one at a time where time is taken: latency is what one caller waits for."""
ALONE_SECONDS: Final = 10.0
LEAST_ALONE: Final = 3
"""On a slow machine fewer than ALONE are asked alone: no more once ALONE_SECONDS are spent, but these."""
AT_ONCE: Final = 48
TOKENS_AT_ONCE: Final = 12_288
"""Answers made at once: a step of a batch costs a processor little more than that of one row, since most of it is
reading the weights. So many rows, or as many as prompts and answers of so many tokens."""
SCORED_AT_ONCE: Final = 8
"""Rows whose losses are taken at once: their logits are held, a whole vocabulary a token."""


class Answer(NamedTuple):
    """One answer. `tokens` counts the one that ended it; `seconds` only where it was asked alone."""

    text: str
    tokens: int
    seconds: float | None
    finish_reason: Literal["stop", "length"]


class Loss(NamedTuple):
    """What a row's completion costs the model: negative log-likelihood in nats, over its tokens and the one behind."""

    nats: float
    tokens: int


class Subject(Protocol):
    """A model under test."""

    kind: Literal["model", "adapter", "gguf"]
    size_bytes: int
    """Of all files that are loaded, the base model's under an adapter included."""

    def answer(
        self,
        prompts: Sequence[Prompt],
        max_new_tokens: int,
        *,
        timed: int = ALONE,
        temperature: float = 0,
        seed: int = 0,
    ) -> Iterator[tuple[int, Answer]]:
        """Answers, each with its prompt's index; `timed` of them, spread evenly, are asked for one at a time.

        Greedy at temperature 0; above, drawn from the whole distribution, the same ones for the same seed.
        Raises InvalidInput for a prompt that leaves no room.
        """
        ...

    def losses(self, some: Sequence[Row]) -> Iterator[tuple[int, Loss | None]]:
        """The loss of each row, with its index; None where a row is too long or the model's runtime can't tell."""
        ...


@contextlib.contextmanager
def subject(name: str, *, batch_size: int | None = None, room: int = 0) -> Iterator[Subject]:
    """Loads a model by its name or path; a path that ends in .gguf runs in llama.cpp.

    `batch_size`: answers made at once, as many as TOKENS_AT_ONCE hold where None.
    `room`: tokens of the longest prompt and its answer together, which llama.cpp has to know beforehand.

    Raises:
        Missing, InvalidInput, LlamaFailed: no such model, or it can't be loaded.
    """
    if name.lower().endswith(".gguf"):
        from training.evaluation.ggufs import Gguf

        with Gguf(Path(name).expanduser(), room=room) as model:
            yield model
        return
    loaded = HuggingFace(name, batch_size=batch_size)
    try:
        yield loaded
    finally:
        loaded.close()


def room_for(prompts: Sequence[Prompt], answer: int) -> int:
    """Tokens that the longest prompt and `answer` more can't exceed: a token is a byte at least."""
    return answer + max(sum(len(message.content.encode()) + 32 for message in prompt) for prompt in prompts)


def spread(count: int, most: int) -> list[int]:
    """At most `most` of `count` indices, as far apart as they can be."""
    chosen = min(count, most)
    return [place * count // chosen for place in range(chosen)]


class HuggingFace:
    """A model folder or an adapter on its base, on the device that is here."""

    kind: Literal["model", "adapter", "gguf"]

    def __init__(self, name: str, *, batch_size: int | None = None, device: str | None = None) -> None:
        import torch
        from transformers import GenerationConfig

        self.name = name
        loaded = base.load(name, device=device)
        folder = base.resolve(name)
        self.kind = "adapter" if base.is_adapter(folder) else "model"
        self.size_bytes = sum(path.stat().st_size for one in {folder, loaded.base} for path in tensors.files(one))
        self.model: Any = loaded.model
        if self.kind == "adapter" and self.model.dtype == torch.float32:
            # As it is deployed: two hundred small products a token less. A sum in 16 bits would round the adapter away.
            self.model = self.model.merge_and_unload()
        self.tokenizer: Any = loaded.tokenizer
        self.tokenizer.padding_side = "left"
        self._batch = batch_size
        told = self.model.generation_config.eos_token_id
        several = told if isinstance(told, list) else [told]
        self._end = tokens.end_of_turn(self.tokenizer)
        self._ends = sorted({one for one in (*several, self.tokenizer.eos_token_id, self._end) if one is not None})
        # The settings that came with the model would stay in force where ours are silent (repetition_penalty, say).
        self.model.generation_config = GenerationConfig(
            eos_token_id=self._ends, pad_token_id=self.tokenizer.pad_token_id
        )
        self._longest = getattr(self.model.config, "max_position_embeddings", None) or math.inf

    def close(self) -> None:
        """Gives the memory back, the device's too."""
        import torch

        del self.model
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def answer(
        self,
        prompts: Sequence[Prompt],
        max_new_tokens: int,
        *,
        timed: int = ALONE,
        temperature: float = 0,
        seed: int = 0,
    ) -> Iterator[tuple[int, Answer]]:
        encoded = [tokens.prompt_ids(self.tokenizer, prompt) for prompt in prompts]
        for number, ids in enumerate(encoded, 1):
            if len(ids) + max_new_tokens > self._longest:
                raise InvalidInput(
                    f"{self.name}: prompt {number} has {len(ids)} tokens; with max_new_tokens {max_new_tokens} that is "
                    f"more than the model's {self._longest}; ask for shorter answers or leave the row out"
                )
        if not encoded:
            return
        one_by_one = spread(len(encoded), timed)
        if one_by_one:
            self.generate([encoded[0]], 2)  # the first call pays for what is set up once
        if temperature:
            from transformers import set_seed

            set_seed(seed)
        rest, spent = set(range(len(encoded))), 0.0
        # In any order, so that the first few are spread over the rows as well.
        for done, index in enumerate(random.Random(0).sample(one_by_one, len(one_by_one))):  # noqa: S311
            if done >= LEAST_ALONE and spent > ALONE_SECONDS:
                break
            started = time.perf_counter()
            (new,) = self.generate([encoded[index]], max_new_tokens, temperature)
            took = time.perf_counter() - started
            spent += took
            rest.remove(index)
            yield index, self._read(new, took)
        yield from self._in_batches(encoded, sorted(rest, key=lambda i: len(encoded[i])), max_new_tokens, temperature)

    def _in_batches(
        self, encoded: list[list[int]], rest: list[int], max_new_tokens: int, temperature: float
    ) -> Iterator[tuple[int, Answer]]:
        several = self.at_once(max((len(encoded[i]) for i in rest), default=0) + max_new_tokens)
        for start in range(0, len(rest), several):
            batch = rest[start : start + several]
            told = self.generate([encoded[i] for i in batch], max_new_tokens, temperature)
            for index, new in zip(batch, told, strict=True):
                yield index, self._read(new, None)

    def losses(self, some: Sequence[Row]) -> Iterator[tuple[int, Loss | None]]:
        pairs = [
            (
                tokens.prompt_ids(self.tokenizer, row.prompt),
                tokens.completion_ids(self.tokenizer, row.completion, self._end),
            )
            for row in some
        ]
        lengths = [len(prompt) + len(completion) for prompt, completion in pairs]
        order = sorted((i for i, length in enumerate(lengths) if length <= self._longest), key=lengths.__getitem__)
        yield from ((i, None) for i, length in enumerate(lengths) if length > self._longest)
        several = min(SCORED_AT_ONCE, self._batch or SCORED_AT_ONCE)
        for start in range(0, len(order), several):
            batch = order[start : start + several]
            yield from zip(batch, self._score([pairs[i] for i in batch]), strict=True)

    def at_once(self, room: int) -> int:
        """How many answers are made at once; `room`: tokens of the longest prompt and its answer together."""
        return self._batch or max(1, min(AT_ONCE, TOKENS_AT_ONCE // max(1, room)))

    def generate(self, batch: list[list[int]], max_new_tokens: int, temperature: float = 0) -> list[list[int]]:
        """The new tokens of each prompt, up to and with the one that ends it."""
        import torch

        padded = self._pad(batch)
        drawn = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {"do_sample": False}
        with torch.inference_mode():
            out = self.model.generate(**padded, **drawn, num_beams=1, max_new_tokens=max_new_tokens)
        new = out[:, padded["input_ids"].shape[1] :].tolist()
        return [self._until_end(one) for one in new]

    def _until_end(self, new: list[int]) -> list[int]:
        end = next((place for place, token in enumerate(new) if token in self._ends), None)
        return new if end is None else new[: end + 1]

    def _read(self, new: list[int], seconds: float | None) -> Answer:
        text = rows.opener(self.tokenizer) + self.text(new)
        return Answer(text, len(new), seconds, "stop" if self._ended(new) else "length")

    def text(self, new: list[int]) -> str:
        """New tokens as text, without the one that ended them."""
        return str(self.tokenizer.decode(new[:-1] if self._ended(new) else new, skip_special_tokens=True))

    def _ended(self, new: list[int]) -> bool:
        return bool(new) and new[-1] in self._ends

    def _score(self, batch: list[tuple[list[int], list[int]]]) -> list[Loss]:
        """Log-likelihoods of completions behind their prompts. Logits are taken only where there is a completion."""
        import torch

        longest = max(len(completion) for _, completion in batch)
        padded = self._pad([prompt + completion for prompt, completion in batch])
        positions = (padded["attention_mask"].cumsum(-1) - 1).clamp(min=0)
        with torch.inference_mode():
            # Padded on the left, all completions end at the last place: the last `longest` places predict them all,
            # each from the place before it.
            out = self.model(**padded, position_ids=positions, logits_to_keep=longest + 1, use_cache=False)
            likely = torch.log_softmax(out.logits[:, -longest - 1 : -1].float(), dim=-1)
        targets = padded["input_ids"][:, -longest:]
        picked = likely.gather(-1, targets.unsqueeze(-1)).squeeze(-1).cpu().double()  # MPS has no 64 bits
        return [
            Loss(-float(picked[row, longest - len(completion) :].sum()), len(completion))
            for row, (_, completion) in enumerate(batch)
        ]

    def _pad(self, batch: list[list[int]]) -> dict[str, Any]:
        padded = self.tokenizer.pad({"input_ids": batch}, padding=True, return_tensors="pt", padding_side="left")
        on = self.model.device
        return {"input_ids": padded["input_ids"].to(on), "attention_mask": padded["attention_mask"].to(on)}
