"""A far model on loopback: OpenAI-, Anthropic- and Gemini-shaped, slow, failing and lying as it is told to.

It runs on a thread of its own, counts what it was asked and paid for, and decides on each fault from the seed, the
request and how often that very request came, so that runs repeat.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from aiohttp import web

from agents.wire import Request
from tests.support import brain
from tests.support.onthread import WebOnThread

Fault = Literal["", "limited", "broken", "cut", "nonsense", "hang"]
NONSENSE = "Blue ladders hum. {{{"
HANG = 3600.0
Plan = Callable[[str, int], Fault]
"""What goes wrong with a request, known by its key, when it comes for the n-th time (from 1)."""


def first(*faults: Fault) -> Plan:
    """These faults, one a sending of each request; then none."""
    return lambda _key, attempt: faults[attempt - 1] if attempt <= len(faults) else ""


@dataclass(frozen=True)
class Faults:
    """The share of requests that fail in each way."""

    seed: int = 0
    limited: float = 0.0
    broken: float = 0.0
    cut: float = 0.0
    nonsense: float = 0.0
    hang: float = 0.0

    def __call__(self, key: str, attempt: int) -> Fault:
        """What goes wrong with the `attempt`-th sending (from 1) of a request."""
        left = random.Random(f"{self.seed}:{key}:{attempt}").random()
        kinds: tuple[Fault, ...] = ("limited", "broken", "cut", "nonsense", "hang")
        for kind in kinds:
            if (left := left - getattr(self, kind)) < 0:
                return kind
        return ""


@dataclass
class Asked:
    """One request as it came. `key` is the fingerprint that the service's ledger knows it by (model names differ)."""

    key: str
    model: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float = field(default_factory=time.monotonic)
    fault: Fault = ""


class FarModel(WebOnThread):
    """`with FarModel(...) as far:` serves at `far.base` (OpenAI-shaped) and `far.root` (the other two)."""

    def __init__(
        self,
        *,
        delay: float = 0.0,
        faults: Plan = Faults(),
        retry_after: str | Callable[[], str] | None = "1",
        say: Callable[[list[dict[str, str]]], str] = brain.reply,
        price: tuple[float, float] = (0.0, 0.0),
        refuse: Callable[[dict[str, Any]], tuple[int, str] | None] | None = None,
        raw: bytes | None = None,
        thinks: int = 0,
    ) -> None:
        """`delay`: seconds a reply takes. `retry_after`: the header that goes with a 429, None for none. `price`: US
        dollars a million tokens, in and out. `refuse`: a status and message for a body, or None. `raw`: a body to
        answer with instead. `thinks`: hidden tokens that an OpenAI-shaped reply takes before its first.
        """
        super().__init__()
        self.delay, self.faults, self._say, self._refuse = delay, faults, say, refuse
        self._retry_after, self._price, self._raw, self._thinks = retry_after, price, raw, thinks
        self.asked: list[Asked] = []
        self.times: Counter[str] = Counter()
        """How often each request came."""
        self.answered: Counter[str] = Counter()
        """How often each request was worked on: a provider would send a bill."""
        self.spent = 0.0
        """US dollars that the answers so far cost."""
        self.in_flight: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()
        """The most requests at once, by model."""
        self.on_request: Callable[[int], None] | None = None
        """Called with the number of requests so far, on the server's thread."""

    @property
    def base(self) -> str:
        """The `api_base` of an OpenAI-shaped provider."""
        return f"{self.root}/v1"

    @property
    def at_work(self) -> int:
        """Requests being worked on right now."""
        return sum(self.in_flight.values())

    @property
    def repeats(self) -> int:
        """Answers given to requests that had been answered before."""
        return sum(self.answered.values()) - len(self.answered)

    def parts(self) -> Counter[str]:
        """How often each part was asked to speak, repeats included (OpenAI-shaped requests only)."""
        return Counter(brain.part_of(one.body["messages"][0]["content"]) for one in self.asked)

    def app(self) -> web.Application:
        """The three fronts."""
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", self._openai)
        app.router.add_post("/v1/messages", self._anthropic)
        app.router.add_post("/{rest:.*:generateContent}", self._gemini)
        return app

    # ------------------------------------------------------------ the three fronts
    async def _openai(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        model, messages = body["model"], body["messages"]
        format_ = body.get("response_format", {}).get("json_schema", {}).get("schema")
        most = body.get("max_tokens") or body.get("max_completion_tokens")
        asked = Request(f"openai/{model}", messages, body.get("temperature", 1.0), most, format_)

        def shaped(text: str, tokens: tuple[int, int]) -> dict[str, Any]:
            tokens = tokens[0], tokens[1] + self._thinks
            if starved := self._thinks > 0 and tokens[1] > (most or 0):
                text, tokens = "", (tokens[0], most or 0)
            return {
                "id": "c1",
                "object": "chat.completion",
                "created": 0,
                "model": model,
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "length" if starved else "stop",
                        "message": {"role": "assistant", "content": text},
                    }
                ],
                "usage": {
                    "prompt_tokens": tokens[0],
                    "completion_tokens": tokens[1],
                    "total_tokens": tokens[0] + tokens[1],
                },
            }  # fmt: skip

        return await self._answer(request, asked.fingerprint(), model, body, messages, shaped)

    async def _anthropic(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        messages = [{"role": m["role"], "content": _joined(m["content"])} for m in body["messages"]]
        if system := body.get("system"):
            messages.insert(0, {"role": "system", "content": _joined(system)})

        def shaped(text: str, tokens: tuple[int, int]) -> dict[str, Any]:
            content: dict[str, Any] = {"type": "text", "text": text}
            if (tools := body.get("tools")) and text.startswith("{"):  # how older models are asked for a schema
                content = {"type": "tool_use", "id": "t1", "name": tools[0]["name"], "input": orjson.loads(text)}
            return {
                "id": "m1",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": [content],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": tokens[0], "output_tokens": tokens[1]},
            }

        return await self._answer(request, orjson.dumps(messages).decode(), body["model"], body, messages, shaped)

    async def _gemini(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        roles = {"model": "assistant", "user": "user"}
        messages = [{"role": roles[c["role"]], "content": _joined(c["parts"])} for c in body["contents"]]
        if system := body.get("system_instruction") or body.get("systemInstruction"):
            messages.insert(0, {"role": "system", "content": _joined(system["parts"])})

        def shaped(text: str, tokens: tuple[int, int]) -> dict[str, Any]:
            content = {"role": "model", "parts": [{"text": text}]}
            return {
                "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
                "usageMetadata": {
                    "promptTokenCount": tokens[0],
                    "candidatesTokenCount": tokens[1],
                    "totalTokenCount": tokens[0] + tokens[1],
                },
                "modelVersion": "gemini",
            }

        return await self._answer(request, orjson.dumps(messages).decode(), "gemini", body, messages, shaped)

    # ------------------------------------------------------------ what they share
    async def _answer(
        self,
        request: web.Request,
        key: str,
        model: str,
        body: dict[str, Any],
        messages: list[dict[str, str]],
        shaped: Callable[[str, tuple[int, int]], dict[str, Any]],
    ) -> web.StreamResponse:
        asked = Asked(key, model, request.path, {k.lower(): v for k, v in request.headers.items()}, body)
        self.asked.append(asked)
        self.times[key] += 1
        self.in_flight[model] += 1
        self.peak[model] = max(self.peak[model], self.in_flight[model])
        if self.on_request:
            self.on_request(len(self.asked))
        try:
            if self._refuse and (refusal := self._refuse(body)):
                return web.json_response(
                    {"error": {"message": refusal[1], "type": "invalid_request"}}, status=refusal[0]
                )
            asked.fault = self.faults(key, self.times[key])
            if asked.fault == "limited":
                after = self._retry_after() if callable(self._retry_after) else self._retry_after
                headers = {} if after is None else {"Retry-After": after}
                return web.json_response({"error": {"message": "slow down"}}, status=429, headers=headers)
            if asked.fault == "broken":
                return web.json_response({"error": {"message": "out of order"}}, status=500)
            await asyncio.sleep(HANG if asked.fault == "hang" else self.delay)
            text = NONSENSE if asked.fault == "nonsense" else self._say(messages)
            tokens = sum(len(m["content"]) for m in messages) // 4, len(text) // 4
            self.answered[key] += 1
            self.spent += (tokens[0] * self._price[0] + tokens[1] * self._price[1]) / 1e6
            reply = orjson.dumps(shaped(text, tokens)) if self._raw is None else self._raw
            if asked.fault == "cut":
                return await _cut_off(request, reply)
            return web.Response(body=reply, content_type="application/json")
        finally:
            self.in_flight[model] -= 1


async def _cut_off(request: web.Request, reply: bytes) -> web.StreamResponse:
    """Promises the whole body, sends half of it and hangs up."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(reply))})
    await response.prepare(request)
    await response.write(reply[: len(reply) // 2])
    assert request.transport is not None
    request.transport.close()
    return response


def _joined(content: Any) -> str:
    """The text of a message, whichever way it is written."""
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)
