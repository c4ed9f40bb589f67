"""Callers' certificates on the REST port: whoever verified callers wants (mTLS) has them on both ports.

The handshake asks for a certificate and refuses a bad one; one who shows none gets as far as the probe. uvicorn tells
an app nothing of the handshake, so the protocol leaves a word in the request's state.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from services.access.audit import Audit
from services.rest.connections import BoundedProtocol
from services.rest.problems import problem

_SHOWN: Final = "teachback.certificate"


class ToldProtocol(BoundedProtocol):
    """The same, and says whether the caller has shown a certificate."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """A handshake is over."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, _SHOWN: bool(transport.get_extra_info("peercert"))}


class CertificateAtTheDoor:
    """Refuses every request of a caller without a certificate, but for what is open to everybody."""

    def __init__(self, app: ASGIApp, open_paths: frozenset[str], audit: Audit) -> None:
        self._app, self._open, self._audit = app, open_paths, audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state: dict[str, Any] = scope.get("state", {})
        if scope["type"] == "http" and scope["path"] not in self._open and not state.get(_SHOWN):
            # No path: whoever has no certificate may make up as many as it likes.
            method, address = f"{scope['method']} (no certificate)", (scope.get("client") or ("",))[0]
            await self._audit.refused(None, method, "", address, "UNAUTHENTICATED")
            refusal = problem(401, "UNAUTHENTICATED", "show a client certificate", {"WWW-Authenticate": "Bearer"})
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)
