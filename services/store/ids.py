"""Resource ids, page tokens and times."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from datetime import UTC, datetime

from services.errors import InvalidRequest

PAGE = 100
LARGEST_PAGE = 1000


def new_id() -> str:
    """Sixteen random hex digits: short enough to type, too many to collide or guess."""
    return secrets.token_hex(8)


def tail(name: str, collection: str) -> str:
    """The id in "collection/id". Raises InvalidRequest."""
    head, slash, rest = name.partition("/")
    if head != collection or not slash or not rest or len(rest) > 64 or not rest.replace("-", "").isalnum():
        raise InvalidRequest(f"{name!r} is no name of one of the {collection}; it looks like {collection}/0f3c9a12")
    return rest


def page_size(asked: int) -> int:
    """How many to return for what was asked. Raises InvalidRequest."""
    if asked < 0:
        raise InvalidRequest("page_size can't be negative")
    return min(asked or PAGE, LARGEST_PAGE)


def page_token(*position: float | int | str) -> str:
    """An opaque token for a position in a listing."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def read_token(token: str, *kinds: type) -> tuple[object, ...] | None:
    """The position in a token, None for an empty one. Raises InvalidRequest for one that was not made here."""
    if not token:
        return None
    try:
        position = json.loads(base64.urlsafe_b64decode(token.encode("ascii")))
    except (ValueError, binascii.Error, UnicodeError) as error:
        raise InvalidRequest("page_token was not made by this service") from error
    fits = isinstance(position, list) and len(position) == len(kinds)
    if not fits or not all(isinstance(p, k) and p == p for p, k in zip(position, kinds, strict=True)):  # noqa: PLR0124 - NaN
        raise InvalidRequest("page_token does not belong to this listing")
    if any(isinstance(p, int) and not -(2**62) < p < 2**62 for p in position):
        raise InvalidRequest("page_token does not belong to this listing")
    if any(isinstance(p, str) and not (p.isascii() and p.isprintable()) for p in position):
        raise InvalidRequest("page_token does not belong to this listing")
    return tuple(position)


def moment(seconds: float | None) -> datetime | None:
    """Seconds since 1970 as a time in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
