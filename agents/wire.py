"""What goes to a model and what comes back, whoever carries it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `schema` is a JSON schema (named by its title) that the reply has to follow, None for free text."""

    model: str
    messages: list[Message]
    temperature: float
    max_tokens: int
    schema: dict[str, Any] | None = None
    extra: dict[str, Any] | None = None

    def fingerprint(self) -> str:
        """A hash over everything that can change the reply, 32 hex digits."""
        body = [self.model, self.messages, self.temperature, self.max_tokens, self.schema, self.extra]
        return hashlib.blake2b(orjson.dumps(body, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()

    def prompt_estimate(self) -> int:
        """Tokens in, from above: three bytes a token is less than any common tokenizer packs."""
        return sum(len(m["content"].encode()) for m in self.messages) // 3 + 8 * len(self.messages)

    def schema_format(self) -> dict[str, Any]:
        """The OpenAI `response_format` of `schema`."""
        assert self.schema is not None
        title = self.schema.get("title", "Reply")
        return {"type": "json_schema", "json_schema": {"name": title, "schema": self.schema, "strict": True}}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said. `cost` is in US dollars, None where the price is unknown; `reasoning` is hidden thinking."""

    text: str
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    reasoning: str = ""
