"""An OpenAI-compatible server on loopback whose models are slow, silent or cut off as they are told to be.

With `studio` it has LM Studio's API beside the protocol: models are loaded and unloaded, and one that isn't loaded is
refused.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from tests.support.onthread import WebOnThread

PAIRS = [
    {"user": "Who decides when to seal a tunnel?", "assistant": "I weigh the board, comrade, and we seal it together."},
    {"user": "Is courage worth more than supplies?", "assistant": "A pawn that holds its square has saved many kings."},
]
GOOD_REPLY = json.dumps(PAIRS)
Fault = Literal[
    "", "silent", "stall", "cut", "error", "whole", "old", "burst", "empty", "garbled", "endless", "load", "load hangs"
]


@dataclass(frozen=True)
class Model:
    """How a model behaves. Times in seconds; `says` goes to an evaluator's question, `reply` to the sample task."""

    reply: str = GOOD_REPLY
    first: float = 0.02
    gap: float = 0.002
    usage: int | None = 200
    thinking: str = ""
    finish: str = "stop"
    fault: Fault = ""
    says: str = ""
    status: int = 200


class Server(WebOnThread):
    """`with Server({"name": Model()}) as server:` serves at `server.root`. `log` holds what happened in order."""

    def __init__(
        self,
        models: Mapping[str, Model],
        *,
        embeddings: tuple[str, ...] = (),
        studio: Literal["", "rest", "old"] = "",
        loaded: tuple[str, ...] = (),
        key: str = "",
    ) -> None:
        super().__init__()
        self.models, self.embeddings, self.studio, self.loaded, self._key = models, embeddings, studio, set(loaded), key
        self.log: list[str] = []
        self.asked: list[dict[str, Any]] = []

    def app(self) -> web.Application:
        """The fronts that are to be there."""
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/v1/models", self._list)
        app.router.add_post("/v1/chat/completions", self._chat)
        if self.studio == "rest":
            app.router.add_get("/api/v1/models", self._own_list)
            app.router.add_post("/api/v1/models/load", self._load)
            app.router.add_post("/api/v1/models/unload", self._unload)
        if self.studio == "old":
            app.router.add_get("/api/v0/models", self._older_list)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self._key and request.headers.get("Authorization") != f"Bearer {self._key}":
            return web.json_response({"error": {"message": "no key"}}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    # ------------------------------------------------------------ lists
    async def _list(self, _request: web.Request) -> web.Response:
        # LM Studio lists what is on disk too.
        names = [*self.models, *self.embeddings]
        return web.json_response({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})

    async def _own_list(self, _request: web.Request) -> web.Response:
        def row(name: str, kind: str) -> dict[str, Any]:
            held = [{"id": name, "config": {}}] if name in self.loaded else []
            return {"key": name, "type": kind, "display_name": name, "loaded_instances": held}

        rows = [row(name, "llm") for name in self.models] + [row(name, "embedding") for name in self.embeddings]
        return web.json_response({"models": rows})

    async def _older_list(self, _request: web.Request) -> web.Response:
        def row(name: str, kind: str) -> dict[str, str]:
            return {"id": name, "type": kind, "state": "loaded" if name in self.loaded else "not-loaded"}

        rows = [row(name, "vlm") for name in self.models] + [row(name, "embeddings") for name in self.embeddings]
        return web.json_response({"object": "list", "data": rows})

    # ------------------------------------------------------------ memory
    async def _load(self, request: web.Request) -> web.Response:
        name = (await request.json())["model"]
        self.log.append(f"load {name}")
        fault = self.models[name].fault
        if fault == "load":
            return web.json_response({"error": {"type": "load", "message": "insufficient memory"}}, status=500)
        if fault == "load hangs":
            await asyncio.sleep(3600)
        self.loaded.add(name)
        return web.json_response({"type": "llm", "instance_id": f"{name}:1", "status": "loaded"})

    async def _unload(self, request: web.Request) -> web.Response:
        name = (await request.json())["instance_id"].removesuffix(":1")
        self.log.append(f"unload {name}")
        self.loaded.discard(name)
        return web.json_response({"instance_id": f"{name}:1"})

    # ------------------------------------------------------------ chat
    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        name = body["model"]
        model = self.models.get(name)
        if model is None or (self.studio == "rest" and name not in self.loaded):
            return web.json_response({"error": {"message": f"{name} is not loaded"}}, status=404)
        if model.status != 200:
            return web.json_response({"error": {"message": "not today"}}, status=model.status)
        if not body.get("stream"):
            rates = "examiner" in body["messages"][0]["content"]
            self.log.append(f"rate {name}" if rates else f"warm {name}")
            if rates:
                self.asked.append(body)
            if rates and model.fault == "silent":
                await asyncio.sleep(3600)
            return web.json_response(self._whole(model.says if rates else "Yes."))
        self.asked.append(body)
        if model.fault == "old" and "stream_options" in body:
            return web.json_response({"error": {"message": "unknown field stream_options"}}, status=400)
        self.log.append(f"measure {name}")
        if model.fault == "whole":
            return web.json_response(self._whole(model.reply))
        return await self._stream(request, model)

    @staticmethod
    def _whole(text: str) -> dict[str, Any]:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        return {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 9}}

    async def _stream(self, request: web.Request, model: Model) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)

        async def put(data: str) -> None:
            await answer.write(f"data: {data}\n\n".encode())

        async def delta(part: dict[str, str], finish: str | None = None) -> None:
            await put(json.dumps({"choices": [{"index": 0, "delta": part, "finish_reason": finish}]}))

        if model.fault == "silent":
            await asyncio.sleep(3600)
        await delta({"role": "assistant", "content": ""})
        await asyncio.sleep(model.first)
        if model.fault == "empty":
            await delta({}, "stop")
            await put("[DONE]")
            return answer
        for word in model.thinking.split(" ") if model.thinking else ():
            await delta({"reasoning_content": f"{word} "})
            await asyncio.sleep(model.gap)
        pieces = [model.reply[i : i + 8] for i in range(0, len(model.reply), 8)]
        for number, piece in enumerate(pieces):
            if number == 5 and model.fault == "stall":
                await asyncio.sleep(3600)
            if number == 5 and model.fault == "cut":
                assert request.transport is not None
                request.transport.close()
                return answer
            if number == 5 and model.fault == "error":
                await put(json.dumps({"error": {"message": "the slot was lost"}}))
                return answer
            if number == 5 and model.fault == "endless":
                await answer.write(b"data: " + b"x" * (2 << 20))
            if number == 5 and model.fault == "garbled":
                await put('{"choices": [')
            await delta({"content": piece})
            if model.fault != "burst":
                await asyncio.sleep(model.gap)
        await delta({}, model.finish)
        if model.usage is not None:
            await put(json.dumps({"choices": [], "usage": {"prompt_tokens": 900, "completion_tokens": model.usage}}))
        await put("[DONE]")
        return answer
