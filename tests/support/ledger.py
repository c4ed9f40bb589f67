"""What a service has written down as paid, read from its database while it is dead."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg


class Call(NamedTuple):
    """The place of a recorded call, and when it was recorded (seconds since 1970)."""

    job_id: str
    item_id: str
    step: str
    round: int
    attempt: int
    fingerprint: str
    created: float


def query(database: Path | str, sql: str) -> list[Any]:
    """Rows of a query; of the SQLite file, or of PostgreSQL by its address."""
    if isinstance(database, str):
        with psycopg.connect(database) as connected:
            return connected.execute(sql.encode()).fetchall()
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        return connection.execute(sql).fetchall()


def calls(database: Path | str) -> list[Call]:
    """Every recorded call."""
    return [Call(*row) for row in query(database, f"SELECT {', '.join(Call._fields)} FROM calls")]  # noqa: S608
