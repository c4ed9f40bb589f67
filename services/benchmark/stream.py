"""One streamed reply, timed: how long until the first token, how many tokens a second after it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import aiohttp
import orjson

from agents.wire import Message
from services.benchmark.errors import ModelFailed
from services.benchmark.plan import TEMPERATURE, Patience

_FEWEST_PIECES: Final = 3
_MOST_PIECES: Final = 2
"""Pieces for each token allowed: a token is a piece, or less than one where several come together."""
_LONGEST: Final = 1 << 20
"""Bytes of an event."""
_FASTEST: Final = 20_000.0
"""Tokens a second that no single stream reaches: more means that the reply was held back and came in one burst."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A reply and its times in seconds.

    `first` runs from the request to the first token of any kind, hidden thinking included; `speed` is tokens a second
    from there on, or over the whole time (`speed_over` "reply") where the reply came in one piece. `tokens` are the
    server's own count, or the pieces that came (`counted` "pieces") where it gives none.
    """

    reply: str
    thinking: str
    finish: str
    first: float
    total: float
    tokens: int
    counted: Literal["usage", "pieces"]
    speed: float
    speed_over: Literal["generation", "reply"]


@dataclass
class _Heard:
    """What has come so far."""

    reply: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    pieces: int = 0
    first: float = 0.0
    last: float = 0.0
    finish: str = ""
    done: bool = False
    usage: int | None = None

    def take(self, data: bytes, now: float) -> None:
        """One event's data, `now` seconds after the request. Raises ModelFailed for an error in it."""
        if data == b"[DONE]":
            self.done = True
            return
        try:
            event = orjson.loads(data)
            if event.get("error"):
                raise ModelFailed(f"the server gave up: {said(event)}")
            if usage := event.get("usage"):
                self.usage = int(usage.get("completion_tokens") or 0) or None
            for choice in event.get("choices") or ():
                delta = choice.get("delta") or {}
                thought = delta.get("reasoning_content") or delta.get("reasoning") or ""
                text = delta.get("content") or ""
                self.finish = choice.get("finish_reason") or self.finish
                if text or thought:
                    self.reply.append(text)
                    self.thinking.append(thought)
                    self.pieces += 1
                    self.first, self.last = self.first or now, now
        except (ValueError, TypeError, AttributeError) as error:
            raise ModelFailed(f"an event of the stream can't be read: {data[:120]!r}") from error


async def timed(
    session: aiohttp.ClientSession, base_url: str, model: str, messages: list[Message], max_tokens: int, wait: Patience
) -> Timed:
    """Sends the task and times the reply. Raises ModelFailed."""
    body: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "temperature": TEMPERATURE,
        "max_tokens": max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    url = f"{base_url}/chat/completions"
    heard = _Heard()
    try:
        async with asyncio.timeout(wait.reply):
            began = await _hear(session, url, body, heard, wait)
    except TimeoutError:
        raise ModelFailed(f"the reply was not finished after {wait.reply:g} s ({heard.pieces} pieces came)") from None
    except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError) as error:
        raise ModelFailed(_cut(heard)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise ModelFailed(f"the connection failed: {error}") from error
    if not (heard.done or heard.finish):
        raise ModelFailed(_cut(heard))
    if not heard.pieces:
        raise ModelFailed("it said nothing")
    return _sum_up(heard, time.perf_counter() - began)


async def _hear(session: aiohttp.ClientSession, url: str, body: dict[str, Any], heard: _Heard, wait: Patience) -> float:
    """Fills `heard`; returns when the request was sent. A server that refuses `stream_options` is asked without."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(wait.first) as silence, session.post(url, json=body) as response:
            if response.status == 400 and "stream_options" in body and b"stream_options" in await response.read():
                del body["stream_options"]
            else:
                await _check(response)
                async for data in _events(response):
                    heard.take(data, time.perf_counter() - began)
                    if heard.pieces > _MOST_PIECES * body["max_tokens"]:
                        raise ModelFailed(f"it goes on beyond the {body['max_tokens']} tokens that it was allowed")
                    if heard.done:
                        break
                    silence.reschedule(asyncio.get_running_loop().time() + (wait.stall if heard.pieces else wait.first))
                return began
    except TimeoutError:
        if heard.pieces:
            raise ModelFailed(f"nothing came for {wait.stall:g} s after {heard.pieces} pieces") from None
        raise ModelFailed(f"no token came in {wait.first:g} s") from None
    return await _hear(session, url, body, heard, wait)


async def _check(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        raise ModelFailed(f"the server answered {response.status}: {said(await response.read())}")
    if "event-stream" not in response.content_type:
        raise ModelFailed(f"the server does not stream: it answered with {response.content_type}")


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The data of each event as it comes."""
    rest = b""
    async for part in response.content.iter_any():
        *lines, rest = (rest + part).split(b"\n")
        if len(rest) > _LONGEST:
            raise ModelFailed("an event of the stream has no end")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
    if rest.startswith(b"data:"):
        yield rest[5:].strip()


def _sum_up(heard: _Heard, total: float) -> Timed:
    tokens = heard.usage or heard.pieces
    window = heard.last - heard.first
    streamed = heard.pieces >= _FEWEST_PIECES and window > tokens / _FASTEST
    return Timed(
        reply="".join(heard.reply),
        thinking="".join(heard.thinking),
        finish=heard.finish or "stop",
        first=heard.first,
        total=total,
        tokens=tokens,
        counted="usage" if heard.usage else "pieces",
        # The first token ends the waiting; what is timed after it are the others.
        speed=(tokens - 1) / window if streamed else tokens / total,
        speed_over="generation" if streamed else "reply",
    )


def _cut(heard: _Heard) -> str:
    return f"the reply was cut off after {heard.pieces} pieces"


def said(answer: object) -> str:
    """What a server's error says, in a line."""
    body = answer
    if isinstance(answer, bytes):
        try:
            body = orjson.loads(answer)
        except ValueError:
            return " ".join(answer[:200].decode(errors="replace").split()) or "nothing"
    error = body.get("error", body) if isinstance(body, dict) else body
    message = error.get("message", error) if isinstance(error, dict) else error
    return " ".join(str(message).split())[:300]
