"""A proxy on loopback that cuts connections after a random number of bytes, whichever way they went."""

from __future__ import annotations

import asyncio
import random
import socket
import struct

from tests.support.onthread import OnThread

RESET = struct.pack("ii", 1, 0)


class CuttingProxy(OnThread):
    """`with CuttingProxy(port, cuts=20, seed=1) as proxy:` listens on `proxy.port` and hands on to `port`.

    Every connection is cut until `cuts` of them have been; later ones are left alone. Half of the cuts are an end of
    the stream as from a host that closes, half a reset as from a balancer that forgets.
    """

    def __init__(self, port: int, *, cuts: int, seed: int, most: int = 2500) -> None:
        """`most`: bytes after which a connection is cut at the latest, both directions together."""
        super().__init__()
        self.made = 0
        """Cuts so far."""
        self._to, self._cuts, self._most, self._draw = port, cuts, most, random.Random(seed)

    async def serve(self, door: socket.socket) -> None:
        handling: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._hand_on(reader, writer))
            handling.add(task)
            task.add_done_callback(handling.discard)

        server = await asyncio.start_server(connected, sock=door)
        await self.over(door)
        server.close()
        for task in handling:
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection("127.0.0.1", self._to)
        left = self._draw.randint(1, self._most) if self.made < self._cuts else None

        async def pump(read_from: asyncio.StreamReader, write_to: asyncio.StreamWriter) -> None:
            """Hands on one direction until either has used up what is left."""
            nonlocal left
            while piece := await read_from.read(65536):
                if left is not None:
                    piece, left = piece[:left], left - len(piece)
                write_to.write(piece)
                await write_to.drain()
                if left is not None and left <= 0:
                    self.made += 1
                    return

        pumps = [asyncio.create_task(pump(reader, there)), asyncio.create_task(pump(there_reader, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in pumps:
                one.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            reset = left is not None and left <= 0 and self._draw.random() < 0.5
            for end in (writer, there):
                if reset:
                    end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    end.transport.abort()
                else:
                    end.close()
