"""The offline models as a LiteLLM custom provider, for tools that speak LiteLLM. The gateway calls `speak` directly.

LiteLLM takes seconds to import, so nothing else imports this module.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import litellm
from litellm.types.utils import Choices, GenericStreamingChunk, Message, ModelResponse, Usage

from agents.offline.speak import reply

PREFIX = "offline"


class OfflineModels(litellm.CustomLLM):  # type: ignore[misc]
    """`litellm.completion(model="offline/student", ...)` and its async and streaming forms; no network, no cost."""

    def completion(self, *_: Any, **call: Any) -> ModelResponse:
        """The whole reply. Reads `model` and `messages` of the call; every sampling option is without effect."""
        text = reply(_full(call["model"]), call["messages"])
        choice = Choices(index=0, finish_reason="stop", message=Message(role="assistant", content=text))
        asked = sum(len(str(m.get("content") or "")) for m in call["messages"])
        # Nothing is tokenised here: four characters a token, as everywhere in the offline profile.
        usage = Usage(prompt_tokens=asked // 4, completion_tokens=len(text) // 4, total_tokens=(asked + len(text)) // 4)
        return ModelResponse(model=_full(call["model"]), choices=[choice], usage=usage)

    async def acompletion(self, *args: Any, **call: Any) -> ModelResponse:
        """As `completion`; there is nothing to wait for."""
        return self.completion(*args, **call)

    def streaming(self, *_: Any, **call: Any) -> Iterator[GenericStreamingChunk]:
        """The whole reply as one chunk, then the end."""
        yield _chunk(reply(_full(call["model"]), call["messages"]), "")
        yield _chunk("", "stop")

    async def astreaming(self, *args: Any, **call: Any) -> AsyncIterator[GenericStreamingChunk]:
        """As `streaming`."""
        for chunk in self.streaming(*args, **call):
            yield chunk


def register() -> None:
    """Makes `offline/*` known to LiteLLM in this process; calling it again changes nothing."""
    if not any(entry["provider"] == PREFIX for entry in litellm.custom_provider_map):
        litellm.custom_provider_map.append({"provider": PREFIX, "custom_handler": OfflineModels()})


def _full(model: str) -> str:
    return f"{PREFIX}/{model.rpartition('/')[2]}"


def _chunk(text: str, finish: str) -> GenericStreamingChunk:
    return GenericStreamingChunk(
        text=text, is_finished=bool(finish), finish_reason=finish, index=0, tool_use=None, usage=None
    )
