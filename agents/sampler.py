"""A model that answers as itself: no prompt of ours, its own distribution, one draw after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agents.line import Line, Place
from agents.wire import Message, Reply, Request

UNALTERED: Final[dict[str, object]] = {
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "repeat_penalty": 1.0,
    "cache_prompt": False,
}
"""llama.cpp cuts the distribution's tail off by default. What is drawn on-policy has to be the policy's own;
and without what was kept of other prompts, whose rounding would show, a draw follows from prompt and seed alone."""


@dataclass(frozen=True, slots=True)
class Sampler:
    """A served model in the part of the student, and the temperature of its draws."""

    line: Line
    model: str
    temperature: float

    async def draw(self, messages: list[Message], number: int, *, seed: int, max_tokens: int) -> Reply:
        """Answer `number` (from 1) to a conversation; equal seeds, equal draws. Raises ModelError."""
        request = Request(self.model, messages, self.temperature, max_tokens, extra={**UNALTERED, "seed": seed})
        return await self.line.send(Place("student", "sample", number), request)
