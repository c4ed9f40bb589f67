"""What every RPC has in common: errors become statuses by the one table, and a private service knows it is in use."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar

import grpc
import structlog
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from sqlalchemy.exc import DBAPIError

from services.access import caller
from services.errors import InvalidRequest, Mapped, RateLimited, mapped
from services.store.engine import translated
from services.telemetry import counts

log = structlog.get_logger()
Servicer = TypeVar("Servicer")
Reply = TypeVar("Reply")
INTERNAL = Mapped(grpc.StatusCode.INTERNAL, 500, "INTERNAL")


def explained(error: Exception) -> tuple[Mapped, str]:
    """How a caller hears of an error. Of one that nobody foresaw it hears only that; the log holds the rest."""
    if isinstance(error, DBAPIError):
        error = translated(error)
    if row := mapped(error):
        return row, str(error)
    log.exception("a call failed in a way nobody foresaw", error=type(error).__name__)
    return INTERNAL, "internal error; the service's log says more"


async def abort(context: Any, error: Exception) -> None:
    """Ends a call with an error."""
    row, message = explained(error)
    said: list[Any] = [error_details_pb2.ErrorInfo(reason=row.reason, domain="teachback")]
    if isinstance(error, RateLimited):
        said.append(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=math.ceil(error.wait))))
    counts.error(row.reason)
    caller.failed(row.reason)
    details = [any_pb2.Any() for _ in said]
    for detail, one in zip(details, said, strict=True):
        detail.Pack(one)
    status = rpc_status.to_status(status_pb2.Status(code=row.grpc.value[0], message=message, details=details))
    # Beside what stands there already (services/rpc/tracing.py), which a status of its own would replace.
    trailing = (*(context.trailing_metadata() or ()), *status.trailing_metadata)
    await context.abort(status.code, status.details, trailing)


def readable(request: Any) -> Any:
    """The message, where there is one. Raises InvalidRequest for bytes that are none (services/rpc/server.py)."""
    if isinstance(request, DecodeError):
        raise InvalidRequest("the bytes sent are no message of the kind that this call takes")
    return request


def unary(
    method: Callable[[Servicer, Any, Any], Awaitable[Reply]],
) -> Callable[[Servicer, Any, Any], Awaitable[Reply]]:
    """For an RPC that answers once."""

    @wraps(method)
    async def answer(self: Any, request: Any, context: Any) -> Any:
        self.service.in_flight += 1
        self.service.calls += 1
        try:
            return await method(self, readable(request), context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - every error becomes a status here
            return await abort(context, error)
        finally:
            self.service.in_flight -= 1

    return answer


def stream(
    method: Callable[[Servicer, Any, Any], AsyncIterator[Reply]],
) -> Callable[[Servicer, Any, Any], AsyncIterator[Reply]]:
    """For an RPC that answers with a stream."""

    @wraps(method)
    async def answer(self: Any, request: Any, context: Any) -> AsyncIterator[Any]:
        self.service.in_flight += 1
        self.service.calls += 1
        try:
            async for reply in method(self, readable(request), context):
                yield reply
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - every error becomes a status here
            await abort(context, error)
        finally:
            self.service.in_flight -= 1

    return answer
