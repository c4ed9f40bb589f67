"""What the command line needs of passages beside jobs: the packaged templates, and whether quotes are true."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import agents
from graphs.recipes.passages.blocks import Fault, not_in, read

_TEMPLATES: Final = Path(agents.__file__).parent / "templates" / "elicitation_templates.md"


def templates() -> str:
    """The packaged templates file, for its user to edit."""
    return _TEMPLATES.read_text(encoding="utf-8")


def check(markdown: str, source: str) -> tuple[int, list[Fault]]:
    """How many blocks of a passages file can be used, and every fault with its line, quotes not in `source` included.

    No source: the quotes are taken as they are.
    """
    blocks, faults = read(markdown)
    wrong = not_in(blocks, source) if source else []
    return len(blocks) - len(wrong), sorted([*faults, *wrong])
