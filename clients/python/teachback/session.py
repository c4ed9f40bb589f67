"""A way to a service, private or named, that finds the private one again when it died."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from teachback.client import Client
from teachback.errors import Unreachable
from teachback.service import ensure
from teachback.tls import Tls

PRIVATE_PATIENCE = 3.0
"""Seconds: nobody else restarts a private service, so waiting for it is of little use."""


class Session:
    """Holds the client. With no server named a private service is started, and started again where it died."""

    def __init__(
        self,
        server: str = "",
        token: str | None = None,
        *,
        tls: Tls | None = None,
        insecure: bool = False,
        project: str = "",
    ) -> None:
        """All as for `Client`. Raises what that and `teachback.service.ensure` raise."""
        self._server, self._token, self._tls = server, token, tls
        self._insecure, self._project = insecure, project
        self._past: list[Client] = []
        self.client = self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def reconnect(self) -> Callable[[], Client] | None:
        """How to get a working client again; None for a named service, which is its operator's to restart."""
        return None if self._server else self._again

    def close(self) -> None:
        """Closes every connection; calls that are under way end with an error."""
        for client in (*self._past, self.client):
            client.close()

    def _again(self) -> Client:
        self._past.append(self.client)
        self.client = self._connect()
        return self.client

    def _connect(self) -> Client:
        if self._server:
            if ":" not in self._server:
                raise Unreachable(f"{self._server!r} names no port; write host:port, as 127.0.0.1:50051")
            return Client(self._server, self._token, tls=self._tls, insecure=self._insecure, project=self._project)
        endpoint = ensure()
        return Client(endpoint.grpc, endpoint.token, patience=PRIVATE_PATIENCE, project=self._project)
