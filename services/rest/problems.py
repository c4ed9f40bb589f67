"""Errors as problem+json (RFC 9457), by the same table as gRPC's."""

from __future__ import annotations

import math

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from services.access import caller
from services.errors import RateLimited
from services.rpc.answers import explained
from services.telemetry import counts

TITLES = {
    "BAD_DATASET": "The rows can't be used",
    "INVALID_REQUEST": "The request can't be carried out as it stands",
    "NOT_FOUND": "There is no such thing",
    "UNKNOWN_MODEL": "No such model",
    "MISSING_KEY": "A provider's key is missing",
    "WRONG_STATE": "Not possible in this state",
}


def problem(status: int, reason: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """One problem. `type` is stable and meant for programs."""
    counts.error(reason)
    caller.failed(reason)
    body = {
        "type": f"urn:teachback:{reason.lower().replace('_', '-')}",
        "title": TITLES.get(reason, reason.replace("_", " ").capitalize()),
        "status": status,
        "detail": detail,
    }
    # What a caller sent may come back in `detail`; a lone surrogate in it could not be encoded.
    safe = {k: v.encode(errors="replace").decode() if isinstance(v, str) else v for k, v in body.items()}
    return JSONResponse(safe, status, headers, media_type="application/problem+json")


def told(error: Exception) -> JSONResponse:
    """An error as a problem."""
    row, message = explained(error)
    headers = {"WWW-Authenticate": "Bearer"} if row.http == 401 else None
    if isinstance(error, RateLimited):
        headers = {"Retry-After": str(math.ceil(error.wait))}
    return problem(row.http, row.reason, message, headers)


def install(app: FastAPI) -> None:
    """Every error of the app becomes a problem."""

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        return problem(400, "INVALID_REQUEST", f"{where or 'body'}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers) if error.headers else None
        reason = "TOO_LARGE" if error.status_code == 413 else f"HTTP_{error.status_code}"
        return problem(error.status_code, reason, str(error.detail), headers)

    @app.exception_handler(Exception)
    async def other(_request: Request, error: Exception) -> JSONResponse:
        return told(error)
