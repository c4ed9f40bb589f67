"""Servers on loopback that run on a thread of the test's own process."""

from __future__ import annotations

import asyncio
import socket
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from aiohttp import web


class OnThread(ABC):
    """`with Server(...) as server:` listens on `server.port` until the block's end."""

    def __init__(self) -> None:
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        self._up, self._down = threading.Event(), asyncio.Event()

    @abstractmethod
    async def serve(self, door: socket.socket) -> None:
        """Lets callers in at `door`, waits for `over`, and closes what is left."""

    async def over(self, door: socket.socket) -> None:
        """Waits for the block's end. After it nobody comes in any more."""
        self._up.set()
        await self._down.wait()
        self._loop.remove_reader(door)  # a connection that meets the server's end is never closed: let nobody in,
        await asyncio.sleep(0.01)  # and those in who are at the door

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(10), "the server did not start"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._live())
        self._loop.close()

    async def _live(self) -> None:
        door = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = door.getsockname()[1]
        await self.serve(door)
        await asyncio.sleep(0)  # the loop closes what was hung up in its next turn, and ends after it


class WebOnThread(OnThread):
    """Serves what `app` makes at `server.root`."""

    @abstractmethod
    def app(self) -> web.Application:
        """What answers; made on the server's thread."""

    @property
    def root(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, door: socket.socket) -> None:
        runner = web.AppRunner(self.app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, door, backlog=1024).start()
        await self.over(door)
        assert runner.server is not None
        left = [handler.transport for handler in runner.server.connections]
        await runner.cleanup()
        for transport in left:  # who is stopped or killed reads no more, and what waits to be sent keeps it open
            if transport is not None:
                transport.abort()
