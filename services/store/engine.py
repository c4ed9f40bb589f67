"""Opens the database, tells it to be careful, and brings its tables up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError

from services.errors import DatabaseGone, InvalidRequest, StorageFull
from services.store import postgres

MIGRATIONS = Path(__file__).parent / "migrations"
_IN_EACH_OTHERS_WAY = frozenset(["40P01", "40001"])
"""PostgreSQL's deadlock and failure to serialize: the server is there, and what was to be done can be tried again."""
_MIGRATING = 0x7EAC4BAC
"""The advisory lock of PostgreSQL under which one replica at a time brings the tables up to date."""


def open_engine(url: str) -> Engine:
    """An engine whose commits survive a crash of the machine: WAL and synchronous FULL on SQLite, synchronous_commit
    on PostgreSQL.

    Raises ValueError for a URL of anything else, and, at the first connection, RuntimeError for a database of
    PostgreSQL that is not encoded in UTF-8.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError(
            "database_url is no address of a database: write postgresql://user:password@host:5432/name, "
            "or sqlite:////path/to/file"
        ) from None
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        engine = create_engine(parsed, hide_parameters=True)  # or an error would put rows into the log
        event.listen(engine, "connect", _careful)
        return engine
    if kind != "postgresql" or parsed.get_driver_name() != "psycopg":
        raise ValueError(f"database_url begins with {parsed.drivername}://: write postgresql:// or sqlite:///")
    if parsed.host and "@" in parsed.host:
        raise ValueError("database_url: the password holds an @; write it as %40")
    engine = create_engine(
        parsed,
        hide_parameters=True,
        pool_pre_ping=True,
        max_overflow=postgres.AT_ONCE - 5,
        connect_args=postgres.arguments(parsed),
    )
    # First of all: SQLAlchemy's own first look stumbles over a database in SQL_ASCII.
    event.listen(engine, "connect", postgres.careful, insert=True)
    return engine


def shared(engine: Engine) -> bool:
    """Whether several services may work on this database at once."""
    return engine.dialect.name == "postgresql"


def _careful(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def migrate(engine: Engine) -> None:
    """Runs the migrations that are still to be run.

    Raises RuntimeError where PostgreSQL can't be reached, and says why.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    if shared(engine):
        try:
            engine.connect().close()
        except DBAPIError as error:
            raise postgres.unreachable(engine.url, error) from None
    with engine.connect() as connection, _no_cascades(connection), connection.begin():
        if shared(engine):
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})
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
    """A full disk, a server that is gone, or text that can't be stored, as what it is; every other error as it came."""
    said = str(error.orig).lower()
    if "disk is full" in said or "no space left" in said or "disk i/o error" in said or "disk full" in said:
        return StorageFull(
            f"the database can't grow: {error.orig}. Free some disk space; nothing that was stored is lost"
        )
    if getattr(error.orig, "sqlstate", None) in _IN_EACH_OTHERS_WAY:
        return error
    if isinstance(error, OperationalError | InterfaceError) and type(error.orig).__module__.startswith("psycopg"):
        return DatabaseGone("the database does not answer, or refuses for a while; what was stored is safe: try again")
    if isinstance(error, DataError) and "nul" in said:
        return InvalidRequest("a text holds the character NUL (U+0000), which the database can't store")
    return error


def gone(error: BaseException) -> bool:
    """Whether the database's server went away, or refuses for a while: no fault of what was to be done."""
    return isinstance(translated(error) if isinstance(error, DBAPIError) else error, DatabaseGone)
