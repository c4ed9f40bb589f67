"""Thinking in an assistant's turn: `<think>`, the thinking, `</think>`, an empty line, the answer."""

from __future__ import annotations

import re
from typing import Final

_TAGGED: Final = re.compile(r"\s*<(think|thinking)>(.*?)</\1>\s*", re.DOTALL)


def split(content: str) -> tuple[str, str]:
    """Thinking and answer of what an assistant says; the thinking is empty where there are no tags in front."""
    found = _TAGGED.match(content)
    return (found[2].strip(), content[found.end() :]) if found else ("", content)


def join(thinking: str, answer: str) -> str:
    """Both as one text; without thinking, the answer alone."""
    return f"<think>\n{thinking.strip()}\n</think>\n\n{answer}" if thinking.strip() else answer
