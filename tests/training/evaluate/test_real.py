"""The measuring of a real model: SmolLM2-135M as a folder, and the same weights as a GGUF file in llama.cpp."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from agents.embedded import weights
from training import base, rows
from training.evaluation.ggufs import Template
from training.generation import Answer, Loss, subject
from training.rows import Message, Row

SENTENCE = "The sun rises in the east and sets in the west, and the days grow longer in the summer."
CONVERSATIONS = [
    [("user", "What is the capital of France?")],
    [("system", "You answer in one word."), ("user", "What colour is the sky on a clear day?")],
    [("user", "Count from one to five."), ("assistant", "One, two, three, four, five."), ("user", "And backwards?")],
]
PROMPTS = [tuple(Message(role=role, content=said) for role, said in one) for one in CONVERSATIONS]


def asked() -> list[Row]:
    """A sentence, its words in disorder, and one with characters that the model spells in bytes."""
    words = SENTENCE.split()
    random.Random(0).shuffle(words)
    texts = [SENTENCE, " ".join(words), "The sun rises: 日が昇る."]
    return [Row(prompt=(Message(role="user", content="Say something true."),), completion=t, source={}) for t in texts]


def measured(name: str) -> tuple[list[Answer], list[Loss]]:
    with subject(name, room=600) as model:
        answers = dict(model.answer(PROMPTS, 24, timed=1))
        losses = dict(model.losses(asked()))
    found = [loss for i in range(3) if (loss := losses[i]) is not None]
    assert len(found) == 3
    return [answers[i] for i in range(3)], found


@pytest.mark.timeout(600)
def test_the_folder_and_the_gguf_file_say_and_cost_the_same(smollm: Path) -> None:
    file = weights.ready()
    folder_answers, folder_losses = measured(str(smollm))
    gguf_answers, gguf_losses = measured(str(file))

    def perplexity(loss: Loss) -> float:
        return math.exp(loss.nats / loss.tokens)

    sensible, shuffled, _ = folder_losses
    assert perplexity(sensible) < 30
    assert perplexity(shuffled) > 10 * perplexity(sensible)
    for mine, its in zip(folder_losses, gguf_losses, strict=True):
        assert its.tokens == mine.tokens
        assert its.nats / its.tokens == pytest.approx(mine.nats / mine.tokens, abs=0.03)

    assert "Paris" in folder_answers[0].text
    for mine_, its_ in zip(folder_answers, gguf_answers, strict=True):
        assert its_._replace(seconds=None) == mine_._replace(seconds=None)
    assert all(answer.seconds and answer.seconds > 0 for answer in gguf_answers)


def test_a_gguf_file_gets_the_prompts_that_its_folder_gets(smollm: Path) -> None:
    tokenizer, template = base.tokenizer(smollm), Template(weights.ready())
    for prompt in PROMPTS:
        assert rows.render(template, prompt) == rows.render(tokenizer, prompt)
