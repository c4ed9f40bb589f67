"""The REST server: uvicorn, with limits on handshakes and on what connections may wait for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import structlog
import uvicorn

from services.rest.connections import BoundedProtocol

log = structlog.get_logger()

HANDSHAKE: Final = 10.0
"""Seconds within which a TLS handshake is over; asyncio's own limit is 60."""


class RestServer(uvicorn.Server):
    """Serves on sockets that are bound already."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process has its own signal handlers; uvicorn's would take them over."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens. uvicorn's own says nothing of how long a handshake may take."""
        config, loop = self.config, asyncio.get_running_loop()
        await self.lifespan.startup()
        times: dict[str, Any] = {}
        if config.ssl:
            times = {"ssl": config.ssl, "ssl_handshake_timeout": HANDSHAKE}

        def connect() -> asyncio.Protocol:
            protocol: Any = config.http_protocol_class
            made: asyncio.Protocol = protocol(
                config=config, server_state=self.server_state, app_state=self.lifespan.state, _loop=loop
            )
            return made

        self.servers: list[asyncio.base_events.Server] = [
            await loop.create_server(connect, sock=sock, backlog=config.backlog, **times) for sock in sockets or []
        ]
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; once a second it looks for connections that have had their time."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            bounded = [one for one in self.server_state.connections if isinstance(one, BoundedProtocol)]
            closed = Counter(why for one in bounded if (why := one.hurry(now)))
            for why, count in closed.items():
                log.info("closed slow connections", why=why, count=count)
        return await super().on_tick(counter)
