"""The database of the service, as a worker of Ray opens it: its address comes from the node's own environment."""

from __future__ import annotations

from sqlalchemy import Engine

from services.errors import InvalidRequest
from services.settings import Settings
from services.store.engine import open_engine


def opened(settings: Settings) -> Engine:
    """Raises InvalidRequest where the node was told of none."""
    if settings.database.startswith("sqlite"):
        raise InvalidRequest(
            "a worker of Ray has no database: set TEACHBACK_DATABASE_URL on Ray's nodes to the service's PostgreSQL"
        )
    return open_engine(settings.database)
