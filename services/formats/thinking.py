"""Rows of the loop as who trains reads them: the thinking in the assistant's turn, an installer row's command as it."""

from __future__ import annotations

import json
from typing import Any, Final

from graphs.records import Outcome, Result
from services.datasets.errors import DatasetError
from services.datasets.shapes import parse
from services.datasets.write import to_messages
from services.formats.conversation import BadExample
from services.views import ThinkingTag

_FIELDS: Final = ("thinking", "reasoning_content")


def spoken(example: dict[str, Any], tag: ThinkingTag = "think") -> dict[str, Any]:
    """The example with all that its assistant has to say in its last turn; any other example as it is.

    Raises BadExample for a row of the loop that can't be read.
    """
    if "expected_response" not in example and not _apart(example):
        return example
    raw = json.dumps(example, ensure_ascii=False)
    try:
        item = parse(raw)
    except DatasetError as error:
        raise BadExample(str(error)) from None
    own = Result(outcome=Outcome.FAILED, thinking=item.task.thinking)
    told: dict[str, Any] = json.loads(to_messages(raw, item.shape, own, item.place, tag, ""))
    return told


def _apart(example: dict[str, Any]) -> bool:
    """Whether there is thinking that does not stand in what is said."""
    messages, metadata = example.get("messages"), example.get("metadata")
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
        return False
    places = [example.get("thinking"), metadata.get("thinking") if isinstance(metadata, dict) else None]
    places += [messages[-1].get(field) for field in _FIELDS]
    return any(isinstance(place, str) and place.strip() for place in places)
