"""The gRPC server: services, health, reflection, and the door before them."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services import openfiles
from services.rpc.door import AtTheDoor
from services.rpc.servicers import add_all
from services.rpc.tracing import Traced
from services.service import Service
from services.tls import Identity

LIMITS: Final = (
    # TLS, the preface and the first settings are there within this.
    ("grpc.server_handshake_timeout_ms", 10_000),
    # A caller that says nothing is asked whether it is still there, with a call under way or without one.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Clients connect again by themselves at their next call.
    ("grpc.max_connection_idle_ms", 300_000),
)
"""What a connection may wait for, as services/rest/connections.py has it for REST."""


class Readable(grpc.aio.ServerInterceptor):
    """Lets bytes that are no message through as the error they are: gRPC itself would answer UNKNOWN."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        """Changes how the requests of our own services are read."""
        handler = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith("/teachback."):
            return handler

        def read(raw: bytes) -> Any:
            try:
                return handler.request_deserializer(raw)
            except DecodeError as error:
                return error

        return handler._replace(request_deserializer=read)


async def start(
    service: Service, host: str, port: int, identity: Identity | None = None
) -> tuple[grpc.aio.Server, int]:
    """A serving server and its port, with TLS where it has an identity. Raises RuntimeError where the port is taken."""
    at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    _check_free(host, port, at)
    most = ("grpc.max_allowed_incoming_connections", openfiles.most_grpc())
    server = grpc.aio.server(
        interceptors=[Traced(), AtTheDoor(service.access), Readable()],
        options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 4 << 20), *LIMITS, most],
    )
    names = add_all(server, service)
    status = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    try:
        bound = server.add_secure_port(at, identity.grpc_credentials()) if identity else server.add_insecure_port(at)
    except RuntimeError as error:  # somebody was quicker; what gRPC says of it is of its own variables
        raise RuntimeError(_taken(at, "it can't be bound")) from error
    await server.start()
    for name in ("", *names):
        await status.set(name, health_pb2.HealthCheckResponse.SERVING)
    return server, bound


def _check_free(host: str, port: int, at: str) -> None:
    """Raises RuntimeError where nobody can listen there, saying why: gRPC does not, and writes a raw line to stderr."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise RuntimeError(_taken(at, str(error.strerror).partition(" (while ")[0])) from error


def _taken(at: str, why: str) -> str:
    return f"gRPC can't listen on {at}: {why}; --grpc-port names another port (0: any free one)"
