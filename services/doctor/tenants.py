"""Projects and tokens: how many are good, which end soon, and whether they keep anybody out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, func, select

from services.access.projects import defaults
from services.access.views import Limits
from services.doctor.findings import Finding, ok, size, warning
from services.settings import LOOPBACK, Settings
from services.store.tables import projects, tokens

_SOON: Final = 7 * 86400.0
"""Seconds before the end of a token from which on that is worth a warning."""

_NAMED: Final = 3


def tenants(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """What the database and the settings say of access. Nothing in either is changed."""
    now, c = time.time(), tokens.c
    good = c.revoked.is_(None) & (c.expires.is_(None) | (c.expires > now))
    there = int(connection.execute(select(func.count()).select_from(projects)).scalar_one())
    count = select(func.count()).select_from(tokens)
    alive = int(connection.execute(count.where(good)).scalar_one())
    operators = int(connection.execute(count.where(good, c.project.is_(None))).scalar_one())
    told = f"{_many(there, 'project')}, {_many(alive, 'token')} that are good, {operators} of them operators'"
    if alive and settings.host in LOOPBACK and not (settings.token or settings.token_file):
        yield warning(
            "access",
            f"{told}; and who sends none is an operator: without TEACHBACK_TOKEN everybody on this machine may do all",
            "set TEACHBACK_TOKEN or TEACHBACK_TOKEN_FILE, if people on this machine are to be kept apart",
        )
    elif ending := _ending(connection, now):
        named = ", ".join(f"tokens/{id_}" for id_ in ending[:_NAMED]) + (", ..." if len(ending) > _NAMED else "")
        yield warning("access", f"{told}; {len(ending)} end within a week: {named}", "create others in their place")
    else:
        yield ok("access", told)
    yield ok("limits", f"a project without its own: {_limits(defaults(settings))}")


def _ending(connection: Connection, now: float) -> list[str]:
    c = tokens.c
    soon = c.revoked.is_(None) & (c.expires > now) & (c.expires < now + _SOON)
    return list(connection.execute(select(c.id).where(soon).order_by(c.expires)).scalars())


def _limits(limits: Limits) -> str:
    told = [
        f"{limits.requests_per_second:g} requests a second" if limits.requests_per_second else "",
        f"{limits.max_jobs} jobs" if limits.max_jobs is not None else "",
        f"{size(limits.max_stored_bytes)} stored" if limits.max_stored_bytes is not None else "",
        f"${limits.max_spend:g} {'in all' if limits.spend_period == 'total' else 'a month'}"
        if limits.max_spend is not None
        else "",
    ]
    return ", ".join(one for one in told if one) or "none"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
