"""The blocks of the pages that train: minutes each, so they are run once, in order, by tests/e2e/test_pipeline.py."""

from __future__ import annotations

from typing import Final

from tests.docs.pages import blocks

TRAINING: Final = "training/data/"
BLOCKS: Final = [
    block
    for block in blocks("bash", "python")
    if "teachback pipeline run" in block.text or (TRAINING in block.text and "generate commands" not in block.text)
]
"""The first is the README's pipeline, whose files the others work on."""
