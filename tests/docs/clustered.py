"""The blocks of the pages that need a container engine or a cluster; tests/deploy/test_page.py takes them apart."""

from __future__ import annotations

from typing import Final

from tests.docs.pages import blocks

PROGRAMS: Final = ("docker ", "helm ", "kind ", "kubectl ")
BLOCKS: Final = [
    block for block in blocks("bash") if all(line.startswith(PROGRAMS) for line in block.text.splitlines())
]
