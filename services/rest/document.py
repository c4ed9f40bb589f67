"""The OpenAPI document, as true of errors as of answers: FastAPI's own tells of a 422 that nobody ever gets."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel, Field

from services.access.guards import OPEN_PATHS
from services.errors import TABLE

PROBLEM: Final = "application/problem+json"


class Problem(BaseModel):
    """What a caller is told of an error (RFC 9457)."""

    type: str = Field(
        description="stable and meant for programs: `urn:teachback:` and the reason in lower case with dashes",
        pattern="^urn:teachback:[a-z0-9-]+$",
        examples=["urn:teachback:not-found"],
    )
    title: str = Field(description="the reason in words")
    status: int = Field(description="the HTTP status again", ge=400, le=599)
    detail: str = Field(description="what is wrong here, for people; its words may change")


HEADERS: Final = {
    401: {"WWW-Authenticate": {"schema": {"const": "Bearer"}}},
    429: {
        "Retry-After": {
            "description": "of RATE_LIMITED: the seconds after which to ask again",
            "schema": {"type": "integer", "minimum": 0},
        }
    },
}


def _responses() -> dict[int | str, dict[str, Any]]:
    reasons: defaultdict[int | str, list[str]] = defaultdict(list)
    for _, row in TABLE:
        if row.http != 405:  # never of an operation that stands in the document
            reasons[row.http].append(row.reason)
    told: dict[int | str, str] = {status: ", ".join(named) for status, named in sorted(reasons.items(), key=str)}
    # Without a `default` FastAPI adds its 422.
    told["default"] = "Any other error, as INTERNAL (500), and what ends a connection"
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {
            "description": words,
            "content": content,
            **({"headers": HEADERS[status]} if isinstance(status, int) and status in HEADERS else {}),
        }
        for status, words in told.items()
    }


RESPONSES: Final = _responses()
"""What every route may answer beside its own: the table of errors, by status."""


class Documented(FastAPI):
    """FastAPI with the parts of the document that no route tells by itself."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            parts = document.setdefault("components", {})
            parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
            parts["securitySchemes"] = {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "the service's token, or one of a project; on loopback a service may want none",
                }
            }
            document["security"] = [{"token": []}]
            for path in OPEN_PATHS:
                for operation in document["paths"][path].values():
                    operation["security"] = []
                    operation["responses"] = {"200": operation["responses"]["200"]}
        assert self.openapi_schema is not None
        return self.openapi_schema
