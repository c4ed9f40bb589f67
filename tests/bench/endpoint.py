"""A far model that answers after a fixed time: an OpenAI-shaped endpoint on loopback, as cheap as asyncio allows.

`python -m tests.bench.endpoint LATENCY` prints its port. Every reply follows from the request alone: the prompt's first
line tells the role, the row's tag the example and the rounds it takes.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import cast

import uvloop

from tests.bench import chats
from tests.bench.workload import reference

TAG = re.compile(rb"\[\[id=(\d+) need=(\d+)\]\]")
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
DRAFT = re.compile(rb"draft (\d+) of")
STEPS = (
    "The entry names a field and a gate. The repair is told in one line. The wood is named at its end. "
    "Before it stand the day and whoever asked. A sum follows, with the hours of the carpenter. Posts and hinges are "
    "listed apart from boards. Nothing was painted that season. The last word tells which tree was felled for it. "
)


def say(body: bytes) -> str:
    """What the model says to a request."""
    if chats.asks(body):
        return chats.say(body)
    tag = TAG.search(body)
    ident, rounds = (int(tag[1]), int(tag[2])) if tag else (0, 1)
    if b"You are the examiner" in body:
        draft = DRAFT.search(body)
        right = draft is not None and int(draft[1]) >= rounds
        return json.dumps(
            {
                "student": "a repair",
                "reference": "a repair",
                "right": right,
                "facts": 0.9,
                "steps": 0.9,
                "reaches": 0.9 if right else 0.2,
                "concise": 0.8,
                "critique": "The wood is missing." if not right else "Clear enough.",
            }
        )
    if b"You are the teacher" in body:
        return "Hint: Read the end of the line once more, where the material stands."
    if b"finishes a task from notes" in body:
        return f"The line ends with the wood.\nAnswer: {reference(ident)}"
    draft_number = body.count(b"<hint>") + 1
    return f"{STEPS}\nAnswer: draft {draft_number} of entry {ident}"


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests on it come one after the other."""

    def __init__(self, latency: float) -> None:
        self._latency, self._buffer = latency, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answers when the whole body is there."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        length = LENGTH.search(self._buffer[: end + 2]) if end >= 0 else None
        if length is None or len(self._buffer) < end + 4 + int(length[1]):
            return
        body, self._buffer = self._buffer[end + 4 : end + 4 + int(length[1])], self._buffer[end + 4 + int(length[1]) :]
        asyncio.get_running_loop().call_later(self._latency, self._answer, body)

    def _answer(self, body: bytes) -> None:
        text = say(body)
        tokens = {"prompt_tokens": len(body) // 4, "completion_tokens": len(text) // 4}
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        reply = json.dumps({"id": "1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": tokens})
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(reply.encode())}\r\n\r\n"
        if not self._transport.is_closing():
            self._transport.write((head + reply).encode())


async def serve(latency: float) -> None:
    """Serves until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(latency), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1])))
