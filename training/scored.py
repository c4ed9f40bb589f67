"""Only what counts in the loss is projected onto the vocabulary, on every device.

TRL's trainers do so where they have Triton. Elsewhere they project each position, the prompt's and the padding's too,
and leave them out of the sum afterwards: the same loss for twice the work or more, which on a processor was a fifth of
a step of SmolLM2-135M (TRL 1.16, `add_fused_lm_head`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def only_labels() -> Iterator[None]:
    """Inside, TRL's language model heads score the labelled positions alone."""
    from trl.trainer import utils

    heads: Any = utils
    asked = heads._use_triton  # there is no public name for it; tests/training/test_scored.py sees that it is the one
    heads._use_triton = lambda _device: True
    try:
        yield
    finally:
        heads._use_triton = asked
