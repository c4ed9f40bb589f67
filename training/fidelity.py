"""Whether a GGUF file is the model it was made from: the same greedy answers, and how far the probabilities are apart.

Both get the same prompt text. Answers that are JSON are compared as values, others as text without regard to blanks.
The distance is measured along the model's own greedy answer, token by token: the Kullback-Leibler divergence of
llama.cpp's next-token distribution from the model's, in nats, over llama.cpp's TOP likeliest tokens one by one and all
others as one. Taking tokens together can only make a divergence smaller, so the figure is a lower bound.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from training import progress, rows, tokens
from training.errors import InvalidInput
from training.generation import HuggingFace
from training.llama import Llama
from training.rows import Message

TOP: Final = 64
POSITIONS: Final = 12
"""Tokens of each answer at which the distance is measured, from its first one."""

MOST_KL: Final = 0.02
"""Nats, on average, that a file of floats may be away: only rounding and the order of sums differ there."""

_SMALLEST: Final = 1e-9
_SHOWN: Final = 5

CHAT: Final = (
    "What is the capital of France?",
    "Name three colours of the rainbow.",
    "Write one sentence about the sea.",
)
_CHAT_TOKENS: Final = 48


class _Asked(NamedTuple):
    """A prompt, what the model answers greedily, and its log-probabilities after each of the first tokens."""

    prompt: str
    ids: list[int]
    most: int
    """Tokens that the answer may have."""
    answer: list[int]
    text: str
    likely: Any
    """Shape [POSITIONS or fewer, vocabulary]."""


def compare(model: str, file: Path, data: Path | None, *, max_rows: int, max_new_tokens: int) -> dict[str, Any]:
    """Figures about `file` against the model by that name: on rows of `data`, where there is some, and on CHAT.

    Raises InvalidInput for rows that can't be used, LlamaFailed where llama.cpp can't run the file.
    """
    held_out = _prompts(data, max_rows) if data else []
    asked = _answered(model, held_out, max_new_tokens)
    longest = max(len(one.ids) + one.most for one in asked)
    found = []
    with Llama(file, context=longest + 64) as llama:
        for done, one in enumerate(asked):
            progress.emit("step", stage="fidelity", step=len(asked) + done, steps=2 * len(asked))
            text = llama.complete(one.prompt, max_tokens=one.most).text
            found.append(
                {
                    "prompt": one.prompt,
                    "model": one.text,
                    "file": text,
                    "equal": alike(one.text, text),
                    "tokenized_alike": llama.tokenize(one.prompt) == one.ids,
                    "kl": _distances(llama, one),
                }
            )
    progress.emit("step", stage="fidelity", step=2 * len(asked), steps=2 * len(asked))
    return {
        "held_out": _summary(found[: len(held_out)]) if held_out else None,
        "chat": {**_summary(found[len(held_out) :]), "answers": _shown(found[len(held_out) :])},
        "different": _shown([one for one in found[: len(held_out)] if not one["equal"]][:_SHOWN]),
        "kl": f"nats, lower bound: llama.cpp's {TOP} likeliest tokens and the rest as one, first {POSITIONS} tokens",
    }


def fault(report: dict[str, Any], threshold: float, *, exact: bool) -> str:
    """What keeps the file from counting as the model; empty where nothing does. `exact`: it holds floats."""
    held, chat = report["held_out"], report["chat"]
    if held and held["agreement"] < threshold:
        return (
            f"llama.cpp answers {held['equal']} of {held['prompts']} held-out rows as the model does "
            f"({held['agreement']:.1%}, fidelity.threshold {threshold:.1%}); take a type with more bits or an "
            "importance matrix (data.imatrix_file)"
        )
    for part in (held, chat):
        if part and part["tokenized_alike"] < part["prompts"]:
            return f"llama.cpp splits {part['prompts'] - part['tokenized_alike']} prompts into other tokens"
        if part and exact and part["mean_kl"] > MOST_KL:
            return f"llama.cpp's probabilities are {part['mean_kl']:.3f} nats away from the model's (at most {MOST_KL})"
    return ""


def alike(left: str, right: str) -> bool:
    """Whether two answers say the same: as JSON values where both are JSON, else as text with blanks evened out."""
    try:
        a, b = json.loads(left), json.loads(right)
    except ValueError:
        return left.split() == right.split()
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def _prompts(data: Path, most: int) -> list[Sequence[Message]]:
    found: list[Sequence[Message]] = []
    for row in rows.read(data):
        found.append(row.prompt)
        if len(found) == most:
            break
    if not found:
        raise InvalidInput(f"data.fidelity_file: {data} holds no rows")
    return found


def _answered(name: str, held_out: list[Sequence[Message]], most: int) -> list[_Asked]:
    """The model's own answers to the rows and to CHAT.

    In batches where it computes in 32 bits: there an answer in a batch is the answer alone, in 16 bits it need not be.
    """
    import torch

    asked: list[_Asked] = []
    with contextlib.closing(HuggingFace(name)) as loaded:
        exact = loaded.model.dtype == torch.float32
        chat = [[Message(role="user", content=text)] for text in CHAT]
        for prompts, room in ((held_out, most), (chat, _CHAT_TOKENS)):
            encoded = [tokens.prompt_ids(loaded.tokenizer, prompt) for prompt in prompts]
            batch = loaded.at_once(max(map(len, encoded), default=0) + room) if exact else 1
            for start in range(0, len(prompts), batch):
                progress.emit("step", stage="fidelity", step=len(asked), steps=2 * (len(held_out) + len(chat)))
                some, ids = prompts[start : start + batch], encoded[start : start + batch]
                for prompt, given, answer in zip(some, ids, loaded.generate(ids, room), strict=True):
                    shown = rows.render(loaded.tokenizer, prompt)
                    likely = _likely(loaded.model, given, answer)
                    asked.append(_Asked(shown, given, room, answer, loaded.text(answer), likely))
    return asked


def _likely(model: Any, prompt: list[int], answer: list[int]) -> Any:
    import torch

    count = min(POSITIONS, len(answer))
    given = torch.tensor([prompt + answer[: count - 1]], device=model.device)
    with torch.inference_mode():
        logits = model(given, use_cache=False, logits_to_keep=count).logits[0]
    return torch.log_softmax(logits.float(), dim=-1).cpu()


def _distances(llama: Llama, one: _Asked) -> list[float]:
    """One divergence for each of the first tokens of the model's own answer."""
    found = []
    for place, likely in enumerate(one.likely):
        if top := llama.next_token(one.ids + one.answer[:place], TOP):
            found.append(divergence(likely.tolist(), top))
    return found


def divergence(model: Sequence[float], top: dict[int, float]) -> float:
    """Nats; `model`: log-probabilities of the whole vocabulary, `top`: those of the file's likeliest tokens."""
    total, p_rest, q_rest = 0.0, 1.0, 1.0
    for token, q_log in top.items():
        p = math.exp(model[token])
        total += p * (model[token] - q_log)
        p_rest -= p
        q_rest -= math.exp(q_log)
    p_rest, q_rest = max(p_rest, 0.0), max(q_rest, _SMALLEST)
    if p_rest > _SMALLEST:
        total += p_rest * math.log(p_rest / q_rest)
    return max(total, 0.0)


def _summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    equal = sum(one["equal"] for one in found)
    distances = [distance for one in found for distance in one["kl"]]
    return {
        "prompts": len(found),
        "equal": equal,
        "agreement": equal / len(found),
        "tokenized_alike": sum(one["tokenized_alike"] for one in found),
        "mean_kl": sum(distances) / max(1, len(distances)),
        "largest_kl": max(distances, default=0.0),
        "kl_tokens": len(distances),
    }


def _shown(found: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{name: one[name] for name in ("prompt", "model", "file")} for one in found]
