"""Answers and losses of models on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from training import tokens
from training.errors import InvalidInput, Missing
from training.generation import LEAST_ALONE, Answer, HuggingFace, Prompt, spread, subject
from training.rows import Message, Row

pytestmark = pytest.mark.usefixtures("one_thread")

TEXT = "the kettle hums while somebody pours mint tea into three small cups and waits for the rain to stop"
WORDS = TEXT.split()


def prompt(length: int) -> tuple[Message, ...]:
    return (Message(role="user", content=" ".join((WORDS * 10)[:length])),)


PROMPTS = [prompt(n) for n in (1, 40, 3, 120, 7, 19, 2, 64, 5, 11)]


def answers(model: HuggingFace, prompts: Sequence[Prompt], timed: int) -> list[str]:
    told = dict(model.answer(prompts, 24, timed=timed))
    return [told[i].text for i in range(len(prompts))]


def test_an_answer_in_a_batch_is_the_answer_alone(tiny: Path) -> None:
    with subject(str(tiny), batch_size=1) as one, subject(str(tiny), batch_size=8) as eight:
        assert isinstance(one, HuggingFace)
        assert isinstance(eight, HuggingFace)
        alone = answers(one, PROMPTS, timed=10)
        assert alone == answers(eight, PROMPTS, timed=0)
        assert len(set(alone)) > 5, "the model has to say different things for the test to mean anything"


def test_what_is_drawn_is_drawn_again_with_the_same_seed(tiny: Path) -> None:
    with subject(str(tiny), batch_size=4) as model:

        def drawn(seed: int) -> dict[int, Answer]:
            return dict(model.answer(PROMPTS, 24, timed=0, temperature=0.8, seed=seed))

        assert drawn(1) == drawn(1)
        assert drawn(1) != drawn(2)
        assert drawn(1) != dict(model.answer(PROMPTS, 24, timed=0))


def test_a_loss_in_a_batch_is_the_loss_alone_and_what_the_model_itself_computes(tiny: Path) -> None:
    import torch

    rows = [Row(prompt=p, completion=" ".join(WORDS[: 3 + i]), source={}) for i, p in enumerate(PROMPTS)]
    with subject(str(tiny), batch_size=8) as model:
        assert isinstance(model, HuggingFace)
        together = dict(model.losses(rows))
        for index, row in enumerate(rows):
            asked = tokens.prompt_ids(model.tokenizer, row.prompt)
            said = tokens.completion_ids(model.tokenizer, row.completion, model.tokenizer.eos_token_id)
            ids = torch.tensor([asked + said])
            labels = torch.tensor([[-100] * len(asked) + said])
            with torch.no_grad():
                mean = float(model.model(input_ids=ids, labels=labels).loss)
            loss = together[index]
            assert loss is not None
            assert loss.tokens == len(said)
            assert loss.nats / loss.tokens == pytest.approx(mean, rel=1e-4)


def test_on_a_slow_machine_few_are_asked_alone(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.generation.ALONE_SECONDS", 0.0)
    with subject(str(tiny), batch_size=8) as model:
        told = dict(model.answer(PROMPTS, 8))
    alone = [index for index, answer in told.items() if answer.seconds is not None]
    assert len(alone) == LEAST_ALONE
    assert sorted(told) == list(range(len(PROMPTS)))
    assert max(alone) - min(alone) > len(PROMPTS) // 2, "spread over the rows"


def test_it_stops_at_the_end_and_says_why_it_stopped(tiny: Path) -> None:
    with subject(str(tiny)) as model:
        assert isinstance(model, HuggingFace)
        (_, cut), *_ = model.answer([prompt(5)], 8)
        assert (cut.finish_reason, cut.tokens) == ("length", 8)
        assert cut.seconds is not None
        # The third token it says becomes the one that ends it.
        said = model.generate([tokens.prompt_ids(model.tokenizer, prompt(5))], 8)[0]
        model._ends = [said[2]]
        model.model.generation_config.eos_token_id = [said[2]]
        (_, ended), *_ = model.answer([prompt(5)], 8)
        first = said.index(said[2])
        assert (ended.finish_reason, ended.tokens) == ("stop", first + 1)
        assert ended.text == model.tokenizer.decode(said[:first], skip_special_tokens=True)


def test_settings_that_came_with_a_model_do_not_count(tiny: Path) -> None:
    """The folder says repetition_penalty 5; greedy means the likeliest token, whatever was said before."""
    import torch

    with subject(str(tiny)) as model:
        assert isinstance(model, HuggingFace)
        ids = tokens.prompt_ids(model.tokenizer, prompt(6))
        said = model.generate([ids], 12)[0]
        for token in said:
            with torch.no_grad():
                assert int(model.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()) == token
            ids = [*ids, token]


def test_a_prompt_that_leaves_no_room_is_refused(tiny: Path) -> None:
    with subject(str(tiny)) as model, pytest.raises(InvalidInput, match=r"prompt 2 has .* more than the model's 512"):
        list(model.answer([prompt(2), prompt(100)], 450))
    long = Row(prompt=prompt(2), completion=" ".join(WORDS * 40), source={})
    with subject(str(tiny)) as model:
        losses = dict(model.losses([long, long.model_copy(update={"completion": "short"})]))
    assert losses[0] is None
    assert losses[1] is not None


def test_models_that_are_not_there(tmp_path: Path) -> None:
    for name in (str(tmp_path / "none"), str(tmp_path / "none.gguf")):
        with pytest.raises(Missing, match="no such"), subject(name):
            pass


def test_what_is_timed_is_spread_over_all() -> None:
    assert spread(100, 4) == [0, 25, 50, 75]
    assert spread(3, 20) == [0, 1, 2]
    assert spread(7, 0) == []
