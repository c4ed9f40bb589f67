"""Hidden thinking: what a reasoning model writes for itself before its reply, and the tokens that takes.

A limit of tokens covers both. One that is ample for the reply is spent on thoughts alone, and the reply is empty.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from agents.wire import Reply, Request

ROOM: Final = (4096, 16384)
"""Tokens for thoughts beside those of the reply: what a reasoning model gets, and what where that was too few."""
WHEN_ASKED: Final = re.compile(r"claude|-lite", re.I)
"""Models that can think and, unless they are asked to, do not."""
_CLOSED: Final = re.compile(r"(?:<think>)?((?:(?!<think(?:ing)?>).)*)</think>\s*", re.I | re.S)
_OPEN: Final = re.compile(r"<think>(.*)", re.I | re.S)


def apart(reply: Reply) -> Reply:
    """The reply with the thoughts before it where they belong.

    Servers that do not take them apart send them inside `<think>`, some without its opening tag, for that stands in the
    prompt. `<thinking>` is what a model was asked to write, and stays. Thoughts that were not ended stay too where the
    model ended by itself: they are all that it said.
    """
    if "think>" not in reply.text.lower():
        return reply
    text, thoughts = reply.text.lstrip(), []
    while found := _CLOSED.match(text) or (_OPEN.match(text) if reply.finish_reason == "length" else None):
        thoughts.append(found[1].strip())
        text = text[found.end() :]
    if not thoughts:
        return reply
    return replace(reply, text=text, reasoning=reply.reasoning or "\n".join(thoughts))


def starved(reply: Reply) -> bool:
    """Whether the limit of tokens ended the reply because thoughts took them."""
    return reply.finish_reason == "length" and bool(reply.reasoning or not reply.text)


def roomier(room: int) -> int:
    """The next larger room, 0 where there is none."""
    return next((more for more in ROOM if more > room), 0)


def with_room(request: Request, room: int) -> Request:
    """The request as it is sent to a model that thinks first."""
    return replace(request, max_tokens=request.max_tokens + room) if room else request


def together(first: Reply, last: Reply) -> Reply:
    """The last reply with the tokens and the cost of both."""
    return replace(
        last,
        prompt_tokens=first.prompt_tokens + last.prompt_tokens,
        completion_tokens=first.completion_tokens + last.completion_tokens,
        cost=None if first.cost is None or last.cost is None else first.cost + last.cost,
    )
