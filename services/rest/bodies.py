"""Bodies that are read as a whole have a limit, the same as gRPC's messages; uploads are streams with their own.

FastAPI's `max_body_size` would answer in plain text, and before anybody has looked at the token.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST: Final = 4 << 20
"""Bytes."""


class BoundedBodies:
    """Refuses what is longer, once somebody reads it: who may not call at all hears of that first."""

    def __init__(self, app: ASGIApp, streams: Container[str]) -> None:
        """`streams`: the paths of uploads."""
        self._app, self._streams = app, streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._streams:
            await self._app(scope, receive, send)
            return
        length = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        came = 0

        async def bounded() -> Message:
            nonlocal came
            # httptools has made sure that the length is a number.
            if int(length) <= MOST:
                message = await receive()
                came += len(message.get("body", b""))
                if came <= MOST:
                    return message
            raise HTTPException(413, f"a request's body is {MOST} bytes long at most; uploads are streams of their own")

        await self._app(scope, bounded, send)
