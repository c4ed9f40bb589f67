"""Connections that get nowhere: each says what it says, then waits, or goes on byte by byte, or reads nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass

import psutil

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes.fromhex("000000" + "04" + "00" + "00000000")
# HEADERS of stream 1, neither END_STREAM nor all of its nine bytes.
HALF_HEADERS = bytes.fromhex("000009" + "01" + "04" + "00000001" + "8386")
# The same, whole: POST over http of /teachback.v1.DatasetService/CreateDataset, and no message after it.
PATH = b"/teachback.v1.DatasetService/CreateDataset"
BLOCK = (
    bytes([0x83, 0x86, 0x01, 1])
    + b"x"
    + bytes([0x04, len(PATH)])
    + PATH
    + bytes([0x0F, 0x10, 16])
    + b"application/grpc"
    + b"\x40\x02te\x08trailers"
)
HEADERS = len(BLOCK).to_bytes(3, "big") + bytes.fromhex("01" + "04" + "00000001") + BLOCK


@dataclass(frozen=True)
class Manner:
    """How a slow caller behaves. `drip`: what it goes on with, a byte a second. `reads`: whether it takes answers."""

    name: str
    says: bytes = b""
    drip: bytes = b""
    reads: bool = True
    handshake: bool = True
    """Over TLS: whether it completes the handshake."""


def rest(big: str) -> list[Manner]:
    """What is slow over HTTP. `big`: the path of an answer that no socket's buffers hold."""
    post = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
    upload = b"POST /v1/datasets HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n"
    get = f"GET {big} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    return [
        Manner("nothing"),
        Manner("half a head", b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\nX-Half"),
        Manner("a head byte by byte", b"GET /v1/jobs HTTP/1.1\r\nX-Long: ", b"a" * 100),
        Manner("half a body", post + b'{"spec": '),
        Manner("a body byte by byte", post, b" " * 100),
        Manner("an upload byte by byte", upload, b"{" * 4 + b"\r\n4\r\n" * 100),
        Manner("reads nothing", get, reads=False),
        Manner("asks, reads nothing, asks again", get * 20, reads=False),
        Manner("asks and stays", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
    ]


def grpc() -> list[Manner]:
    """What is slow over HTTP/2. None of them answers a ping."""
    return [
        Manner("nothing"),
        Manner("half a preface", PREFACE[:10]),
        Manner("a preface byte by byte", b"", PREFACE),
        Manner("no settings", PREFACE),
        Manner("no call", PREFACE + SETTINGS),
        Manner("half a call", PREFACE + SETTINGS + HALF_HEADERS),
        Manner("a call without a message", PREFACE + SETTINGS + HEADERS),
        Manner("reads nothing", PREFACE + SETTINGS + HEADERS, reads=False),
    ]


async def connect(port: int, manner: Manner, context: ssl.SSLContext | None = None) -> None:
    """Goes on until the other side hangs up; what is not read, until it is cancelled."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    if not manner.reads:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await loop.sock_connect(sock, ("127.0.0.1", port))
    secure = context if manner.handshake else None
    reader, writer = await asyncio.open_connection(
        sock=sock, ssl=secure, server_hostname="localhost" if secure else None, limit=4096
    )
    try:
        writer.write(manner.says)
        if not manner.reads:
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.Event().wait()
        dripping = asyncio.create_task(_drip(writer, manner.drip))
        with contextlib.suppress(OSError):
            while await reader.read(65536):
                pass
        dripping.cancel()
    finally:
        writer.transport.abort()


async def _drip(writer: asyncio.StreamWriter, drip: bytes) -> None:
    for byte in drip:
        await asyncio.sleep(1)
        writer.write(bytes([byte]))


def open_to(process: int, ports: set[int]) -> int:
    """Connections that a process has open on these ports of its own."""
    connections = psutil.Process(process).net_connections("tcp")
    return sum(c.laddr.port in ports and c.status != psutil.CONN_LISTEN for c in connections)
