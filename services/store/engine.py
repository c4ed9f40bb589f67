"""Opens the database, tells it to be careful, and brings its tables up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from services.errors import StorageFull

MIGRATIONS = Path(__file__).parent / "migrations"


def open_engine(url: str) -> Engine:
    """An engine whose commits survive a crash of the machine: WAL and synchronous FULL on SQLite."""
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _careful)
    return engine


def _careful(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def migrate(engine: Engine) -> None:
    """Runs the migrations that are still to be run."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection, _no_cascades(connection), connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _no_cascades(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by copying it and dropping the old one, with which all that refers to it would go."""
    if connection.dialect.name != "sqlite":
        yield
        return
    # Within a transaction the pragma does nothing, and SQLAlchemy begins one with the first statement.
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    connection.rollback()
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.rollback()


def translated(error: DBAPIError) -> Exception:
    """A full disk as what it is; every other database error as it came."""
    said = str(error.orig).lower()
    if "disk is full" in said or "no space left" in said or "disk i/o error" in said or "disk full" in said:
        return StorageFull(
            f"the database can't grow: {error.orig}. Free some disk space; nothing that was stored is lost"
        )
    return error
