"""The door of the REST face: no request gets past it that services/access/door.py does not let in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from services.access.caller import Call, Caller, begin
from services.access.door import PROJECT
from services.access.guards import OPEN_PATHS, ROUTES, Guard
from services.rest.problems import problem, told
from services.rpc.answers import explained
from services.service import Service

Next = Callable[[Request], Awaitable[Response]]


class _Wanted(NamedTuple):
    """What a request asks for, as the app would route it."""

    there: bool
    method: str
    """Method and route; the path itself where no route takes it."""
    guard: Guard | None


class Doorman:
    """Lets in who may, says who it is to what answers, and writes down what came of it."""

    def __init__(self, app: FastAPI, service: Service) -> None:
        self._app, self._service = app, service

    async def answer(self, request: Request, call_next: Next) -> Response:
        """What the caller gets: the route's answer, or a problem."""
        if request.url.path in OPEN_PATHS:
            return await self._answered(request, call_next)
        access, wanted, caller = self._service.access, self._wanted(request), None
        try:
            sent = request.headers
            caller = await access.door.enter(sent.get("authorization", ""), sent.get(PROJECT, ""))
            await access.door.count(caller)
            if wanted.there:  # of what is not there the app says 404, or 405, to whoever is known
                access.door.check(caller, wanted.guard, wanted.method)
        except Exception as error:  # noqa: BLE001 - whatever it is, the door stays shut and the caller hears a problem
            reason = explained(error)[0].reason
            await access.audit.refused(caller, wanted.method, _about(request), _address(request), reason)
            return told(error)
        return await self._let_in(request, call_next, caller, wanted)

    async def _let_in(self, request: Request, call_next: Next, caller: Caller, wanted: _Wanted) -> Response:
        call = Call(caller, object=_about(request))
        begin(call)
        response = await self._answered(request, call_next)
        if wanted.guard and wanted.guard.audited:
            address = _address(request)
            await self._service.access.audit.done(caller, wanted.method, call.object, address, call.outcome)
        return response

    async def _answered(self, request: Request, call_next: Next) -> Response:
        self._service.in_flight += 1
        self._service.calls += 1
        try:
            return await call_next(request)
        except ClientDisconnect:  # in the middle of its request: nobody hears this
            return problem(408, "REQUEST_TIMEOUT", "the connection was closed before the request was there")
        except Exception as error:  # noqa: BLE001 - errors of routes behind a middleware do not reach the handlers
            return told(error)
        finally:
            self._service.in_flight -= 1

    def _wanted(self, request: Request) -> _Wanted:
        for route in self._app.routes:
            if route.matches(request.scope)[0] is Match.FULL:
                path = str(getattr(route, "path", ""))
                return _Wanted(True, f"{request.method} {path}", ROUTES.get((request.method, path)))
        return _Wanted(False, f"{request.method} (no such path)", None)  # of which there is no end


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _about(request: Request) -> str:
    """The name in a path: "jobs/0f3c9a" of /v1/jobs/0f3c9a:pause."""
    return request.url.path.removeprefix("/v1/").rpartition(":")[0] or request.url.path.removeprefix("/v1/")
