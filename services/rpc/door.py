"""The door of the gRPC face: no call gets past it that services/access/door.py does not let in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import grpc

from services.access.access import Access
from services.access.caller import Call, Caller, begin
from services.access.door import PROJECT
from services.access.guards import OPEN_RPCS, RPCS, Guard
from services.rpc.answers import abort, explained


class AtTheDoor(grpc.aio.ServerInterceptor):
    """Lets in who may, says who it is to what answers, and writes down what came of it."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        """Wraps what answers a call, or puts a refusal in its place."""
        method = str(handler_call_details.method)
        if method.startswith(OPEN_RPCS):
            return await continuation(handler_call_details)
        sent = dict(handler_call_details.invocation_metadata or ())
        caller: Caller | None = None
        handler: Any = None
        door = self._access.door
        try:
            caller = await door.enter(_text(sent.get("authorization", "")), _text(sent.get(PROJECT, "")))
            await door.count(caller)
            handler = await continuation(handler_call_details)
            if handler is None:  # nothing there: gRPC says UNIMPLEMENTED
                return None
            guard = RPCS.get(method)
            door.check(caller, guard, method.rpartition("/")[2])
        except Exception as error:  # noqa: BLE001 - whatever it is, the door stays shut and the caller hears a status
            return self._refusal(method, caller, handler, error)
        assert guard is not None  # `check` has seen to it
        return self._answering(handler, _Entry(self._access, method, caller, guard))

    def _refusal(self, method: str, caller: Caller | None, handler: Any, error: Exception) -> Any:
        async def refuse(request: Any, context: Any) -> None:
            reason = explained(error)[0].reason
            known = method if method in RPCS else "(no such method)"
            await self._access.audit.refused(caller, known, _about(request), _address(context), reason)
            await abort(context, error)

        read = handler.request_deserializer if handler and not handler.request_streaming else None
        return grpc.unary_unary_rpc_method_handler(refuse, request_deserializer=read)

    def _answering(self, handler: Any, entry: _Entry) -> Any:
        for kind in ("unary_unary", "stream_unary"):
            if inner := getattr(handler, kind):
                return handler._replace(**{kind: _once(inner, entry)})
        for kind in ("unary_stream", "stream_stream"):
            if inner := getattr(handler, kind):
                return handler._replace(**{kind: _streamed(inner, entry)})
        raise AssertionError("a handler is of one of four kinds")


class _Entry:
    """One call on its way to the log."""

    def __init__(self, access: Access, method: str, caller: Caller, guard: Guard) -> None:
        self._access, self._method, self._guard = access, method, guard
        self.call = Call(caller)

    async def write(self, context: Any, outcome: str) -> None:
        """Writes it down where it has to be."""
        if self._guard.audited:
            call = self.call
            await self._access.audit.done(call.caller, self._method, call.object, _address(context), outcome)


def _once(inner: Callable[[Any, Any], Awaitable[Any]], entry: _Entry) -> Any:
    async def answer(request: Any, context: Any) -> Any:
        entry.call.object = _about(request)
        begin(entry.call)
        try:
            reply = await inner(request, context)
        except BaseException as error:  # cancelled, too: whatever came of it is written down, and raised
            await entry.write(context, _came_of(entry.call, error))
            raise
        await entry.write(context, "OK")
        return reply

    return answer


def _streamed(inner: Callable[[Any, Any], AsyncIterator[Any]], entry: _Entry) -> Any:
    async def answer(request: Any, context: Any) -> AsyncIterator[Any]:
        entry.call.object = _about(request)
        begin(entry.call)
        try:
            async for reply in inner(request, context):
                yield reply
        except BaseException as error:  # cancelled, too: whatever came of it is written down, and raised
            await entry.write(context, _came_of(entry.call, error))
            raise
        await entry.write(context, "OK")

    return answer


def _came_of(call: Call, error: BaseException) -> str:
    return "CANCELLED" if isinstance(error, asyncio.CancelledError | GeneratorExit) else call.outcome


def _about(request: Any) -> str:
    """The name in a request that has one."""
    for field in ("name", "parent"):
        if isinstance(found := getattr(request, field, None), str):
            return found
    return ""


def _address(context: Any) -> str:
    """The host of a peer, of which gRPC says "ipv4:127.0.0.1:50002" or "ipv6:%5B::1%5D:50002"."""
    return unquote(context.peer()).partition(":")[2].rpartition(":")[0].strip("[]")


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")
