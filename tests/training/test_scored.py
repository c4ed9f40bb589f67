"""Positions that are not in the loss are not projected onto the vocabulary, and the loss is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM
from trl.kernels import chunked_logprob
from trl.trainer import utils

from training.scored import only_labels

pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_same_loss_of_the_labelled_positions_alone(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    utils.add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    ids = torch.arange(3, 43).reshape(2, 20)
    labels = ids.clone()
    labels[:, :15] = -100
    scored: list[int] = []
    tile = chunked_logprob._forward_tile

    def counted(logits: torch.Tensor, *rest: Any, **flags: Any) -> None:
        scored.append(len(logits))
        tile(logits, *rest, **flags)

    monkeypatch.setattr(chunked_logprob, "_forward_tile", counted)

    def step() -> tuple[float, torch.Tensor]:
        model.zero_grad()
        loss = -model(input_ids=ids, labels=labels, fused_lm_head=True).log_probs.sum()
        loss.backward()
        return float(loss), model.get_input_embeddings().weight.grad.clone()

    whole, gradient = step()
    assert set(scored) == {2 * 19}
    scored.clear()
    with only_labels():
        alone, same = step()
    assert set(scored) == {2 * 5}
    assert alone == pytest.approx(whole, rel=1e-6)
    torch.testing.assert_close(same, gradient)
    assert utils._use_triton(torch.device("cpu")) is False, "and it is as it was"
