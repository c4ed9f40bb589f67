"""Reads the request out of a reply: plain, quoted, fenced, labelled or as JSON."""

from __future__ import annotations

import re
from typing import Final

from agents.replies import read_json
from graphs.recipes.base import Unreadable

_FENCE: Final = re.compile(r"```\w*\n?(.*?)```", re.DOTALL)
_LABEL: Final = re.compile(r"^(?:\*\*)?(?:request|instruction|input|user)(?:\*\*)?\s*:\s*(?:\*\*)?", re.IGNORECASE)
_KEYS: Final = ("instruction", "request", "input")
_LONGEST: Final = 1000


def request(text: str) -> str:
    """The request in a reply. Raises Unreadable where there is none or more than one line."""
    inner = _FENCE.search(text)
    bare = (inner[1] if inner else text).strip()
    if bare.startswith("{"):
        try:
            found = read_json(bare)
        except ValueError:
            found = None
        said = next((found[k] for k in _KEYS if k in found), None) if isinstance(found, dict) else None
        bare = said.strip() if isinstance(said, str) else bare
    lines = [line.strip() for line in bare.splitlines() if line.strip()]
    if len(lines) != 1:
        raise Unreadable(
            "Reply with the request alone, on one line." if lines else "The reply is empty; write the request."
        )
    line = _LABEL.sub("", lines[0]).strip()
    for left, right in (('"', '"'), ("“", "”"), ("'", "'"), ("`", "`")):
        if line.startswith(left) and line.endswith(right) and len(line) > 2 and left not in line[1:-1]:
            line = line[1:-1].strip()
    if not line or len(line) > _LONGEST:
        raise Unreadable(
            "Reply with the request alone, on one line." if line else "The reply is empty; write the request."
        )
    return " ".join(line.replace("“", '"').replace("”", '"').split())
