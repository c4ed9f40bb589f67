"""Connections to the REST port: none is kept that gets nowhere.

uvicorn closes a connection only between two requests: one whose request never comes, comes byte by byte, or whose
answer is not read would stay for ever, and a head may be of any length. Whoever waits for us (a long answer, a stream
of events) is never hurried. Times are in seconds, and are looked at once a second (services/rest/server.py).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Literal

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from services import openfiles
from services.rest.problems import problem

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

SILENT: Final = 10.0
"""A new connection says something within this."""
KEPT: Final = 15.0
"""One that has been answered may wait this long for its next request."""
HEAD: Final = 10.0
"""A request's head is there this long after its first byte."""
BODY: Final = 10.0
"""The stretch in which enough of a body must come,"""
BODY_BYTES: Final = 10 << 10
"""and how much is enough: 1 KiB a second."""
UNREAD: Final = 15.0
"""The stretch in which enough of a waiting answer must be read,"""
UNREAD_BYTES: Final = 4 << 10
"""and how much is enough."""
FAREWELL: Final = 3.0
"""A closed TLS connection waits so long for the caller's farewell."""
HEAD_BYTES: Final = 64 << 10
"""A request line with its headers is no longer, nor are the lines between the pieces of a body."""

Phase = Literal["silent", "kept", "head", "body", "answer"]
LIMITS: Final[dict[Phase, float]] = {"silent": SILENT, "kept": KEPT, "head": HEAD, "body": BODY}


class _HeadTooLarge(Exception):
    """Stops the parser, which knows no limit."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's own, with an end to waiting."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """A connection is there and, with TLS, its handshake over."""
        super().connection_made(transport)
        self._begin("silent")
        self._unsent, self._read, self._reading_since = 0, 0, self._since
        self._closing: float | None = None
        self._lines = 0
        """Bytes since the last end of a request or piece of a body."""
        self._too_large = False
        self._answering: RequestResponseCycle | None = None
        """What is worked on; `cycle` may be one that comes after it."""
        if len(self.connections) > openfiles.most_rest():
            self._refuse(503, "TOO_MANY_CONNECTIONS", "the service has as many connections as it can: try again later")

    def _begin(self, phase: Phase) -> None:
        self._phase: Phase = phase
        self._since, self._came = self.loop.time(), 0

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._disconnect()
        super().connection_lost(exc)

    # ------------------------------------------------------------ what comes
    def data_received(self, data: bytes) -> None:
        """A piece of a request."""
        self._came += len(data)
        self._lines += len(data)
        super().data_received(data)
        if self._lines > HEAD_BYTES and not self.transport.is_closing():
            self._refuse_head()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._begin("head")

    def on_headers_complete(self) -> None:
        """The head is there."""
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_BYTES:
            self._too_large = True
            raise _HeadTooLarge
        self._lines = 0
        self._begin("body")
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._lines = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole request is there."""
        self._lines = 0
        self._begin("kept" if self.cycle.response_complete else "answer")
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Instead of uvicorn's plain text."""
        if self._too_large:
            self._refuse_head()
        else:
            self._refuse(400, "INVALID_REQUEST", msg)

    # ------------------------------------------------------------ what goes
    def on_response_complete(self) -> None:
        """An answer has been written."""
        # Else the rest of its body is still on the way, or a request that came behind it waits for its turn.
        if self._phase == "answer" and not self.pipeline:
            self._begin("kept")
        super().on_response_complete()

    def resume_writing(self) -> None:
        """The caller has read nearly all that waited."""
        self._read += UNREAD_BYTES
        super().resume_writing()

    def _is_read(self, now: float) -> bool:
        """Whether what waits to be sent, if anything does, gets on."""
        unsent = self.transport.get_write_buffer_size()
        self._read += max(0, self._unsent - unsent)
        self._unsent = unsent
        if not unsent or (self._read >= UNREAD_BYTES and now - self._reading_since >= UNREAD):
            self._read, self._reading_since = 0, now
        return now - self._reading_since < UNREAD

    # ------------------------------------------------------------ the end of patience
    def hurry(self, now: float) -> str:
        """Closes the connection where it has had its time; returns why, or nothing."""
        if not self._is_read(now):
            self._drop()
            return "the answer was not read"
        if self.transport.is_closing():
            self._closing = self._closing or now
            if not self._unsent and now - self._closing > FAREWELL:
                self._drop()
            return ""
        limit = LIMITS.get(self._phase)
        if limit is None or now - self._since < limit:
            return ""
        waits_for_us = self.flow.read_paused or (self._phase == "body" and self.cycle.waiting_for_100_continue)
        if waits_for_us or (self._phase == "body" and self._came >= BODY_BYTES):
            self._since, self._came = now, 0
            return ""
        match self._phase:
            case "head":
                self._refuse(408, "REQUEST_TIMEOUT", f"the request's head did not come within {HEAD:g} s")
            case "body":
                self._refuse(408, "REQUEST_TIMEOUT", f"less than {BODY_BYTES} bytes of the body came in {BODY:g} s")
            case "silent":
                self.transport.close()
            case _:
                self.transport.close()
                return ""  # as every client expects
        return "nothing came" if self._phase == "silent" else f"the {self._phase} of its request was too slow"

    def _refuse_head(self) -> None:
        self._refuse(431, "HEAD_TOO_LARGE", f"a request's line and headers are {HEAD_BYTES} bytes long at most")

    def _refuse(self, status: int, reason: str, why: str) -> None:
        if (at_work := self._answering) and at_work.response_started and not at_work.response_complete:
            self._drop()  # an answer is half written
            return
        answer = problem(status, reason, why)
        fields = b"".join(b"%b: %b\r\n" % field for field in [*answer.raw_headers, (b"connection", b"close")])
        self._disconnect()
        self.transport.write(STATUS_LINE[status] + fields + b"\r\n" + bytes(answer.body))
        self.transport.close()

    def _drop(self) -> None:
        self._disconnect()
        self.transport.abort()

    def _disconnect(self) -> None:
        """Whoever still works on a request reads its end, and writes nothing any more."""
        self.pipeline.clear()
        for cycle in (self._answering, self.cycle):
            if cycle and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
