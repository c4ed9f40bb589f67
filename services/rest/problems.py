"""Errors as problem+json (RFC 9457), by the same table as gRPC's."""

from __future__ import annotations

import math
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from services.access import caller
from services.complaints import complaint
from services.errors import InvalidRequest, MethodNotAllowed, NotFound, RateLimited, TooLarge
from services.rest.document import PROBLEM, Problem
from services.rpc.answers import explained
from services.telemetry import counts

TITLES = {
    "BAD_DATASET": "The rows can't be used",
    "INVALID_REQUEST": "The request can't be carried out as it stands",
    "NOT_FOUND": "There is no such thing",
    "METHOD_NOT_ALLOWED": "The route does not take this method",
    "UNKNOWN_MODEL": "No such model",
    "MISSING_KEY": "A provider's key is missing",
    "WRONG_STATE": "Not possible in this state",
}


def problem(status: int, reason: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """One problem. `type` is stable and meant for programs."""
    counts.error(reason)
    caller.failed(reason)
    body = Problem(
        type=f"urn:teachback:{reason.lower().replace('_', '-')}",
        title=TITLES.get(reason, reason.replace("_", " ").capitalize()),
        status=status,
        # What a caller sent may come back in it; a lone surrogate could not be encoded.
        detail=detail.encode(errors="replace").decode(),
    )
    return JSONResponse(body.model_dump(), status, headers, media_type=PROBLEM)


def told(error: Exception, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error as a problem."""
    row, message = explained(error)
    if row.http == 401:
        headers = {"WWW-Authenticate": "Bearer"}
    if isinstance(error, RateLimited):
        headers = {"Retry-After": str(math.ceil(error.wait))}
    return problem(row.http, row.reason, message, headers)


def install(app: FastAPI) -> None:
    """Every error of the app becomes a problem."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = error.errors()
        # A field that is misspelt is why another one is missing.
        first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
        about_body = tuple(first["loc"]) == ("body",)
        if first["type"] == "json_invalid":
            return told(InvalidRequest(_no_json(str(error.body), first)))
        if about_body and isinstance(first["input"], bytes):  # which FastAPI reads as JSON only where it is called so
            sent = request.headers.get("content-type", "no content type")
            return told(
                InvalidRequest(f"the body came as {sent[:80]}: send JSON with `Content-Type: application/json`")
            )
        if about_body and first["type"] == "missing":
            return told(InvalidRequest("the body is missing: send JSON with `Content-Type: application/json`"))
        body = request.scope["route"].body_field
        what = complaint(first, body.field_info.annotation if body else None, outer=("body",))
        return told(InvalidRequest(f"body: {what}" if about_body else what))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        match error.status_code:
            case 404 | 405:
                return _not_there(request)
            case 413:
                return told(TooLarge(str(error.detail)))
            case 400:  # FastAPI's only one
                return told(InvalidRequest("the body can't be read as JSON: it is not UTF-8, or nested too deep"))
        return told(error)

    @app.exception_handler(Exception)
    async def other(_request: Request, error: Exception) -> JSONResponse:
        return told(error)


def _no_json(body: str, error: dict[str, Any]) -> str:
    """Where a body stops being JSON, counted from 1 as editors do."""
    before = body[: error["loc"][1]]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return f"the body is not JSON: {error['ctx']['error']} at line {line}, column {column}"


def _not_there(request: Request) -> JSONResponse:
    """404 for a path of no route, 405 for one whose routes take other methods."""
    path = request.url.path
    here = [r for r in request.app.routes if isinstance(r, Route) and r.matches(request.scope)[0] is not Match.NONE]
    # To the router jobs/0f3c9a:frob is a job of that id; of the verbs it is none.
    takes = ", ".join(sorted({m for r in here if _verb(r.path_format) == _verb(path) for m in r.methods or ()}))
    if not takes:
        return told(NotFound(f"there is no route {request.method} {path[:200]}"))
    return told(MethodNotAllowed(f"{path[:200]} takes {takes}, and not {request.method}"), {"Allow": takes})


def _verb(path: str) -> str:
    return path.rpartition("/")[2].partition(":")[2]
