"""The database: reachable, at which migration, writable. Nothing in it is changed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from services.doctor.findings import Finding, ok, problem, size, warning
from services.doctor.machine import existing, refusal, room
from services.doctor.tenants import tenants
from services.settings import Settings
from services.store.engine import MIGRATIONS

_PATIENCE: Final = 3
"""Seconds for a connection, and for somebody else's write."""
_ENCODED: Final = "make one in UTF-8: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0"
_APART: Final = 2.0
"""Seconds that the database's clock may be apart: leases go by it."""


def database(settings: Settings) -> Iterator[Finding]:
    """How the database stands, and how its clock does."""
    try:
        url = make_url(settings.database)
    except ArgumentError:
        yield problem(
            "database", "database_url is no SQLAlchemy URL", "write sqlite:////path or postgresql://user@host/name"
        )
        return
    name = url.render_as_string(hide_password=True)
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite and settings.database_url and url.database:
        yield room("disk of the database", Path(url.database).absolute().parent)
    if sqlite and url.database and not Path(url.database).exists():
        yield _not_there(Path(url.database))
        return
    try:
        engine = create_engine(url, poolclass=NullPool, connect_args=_patient(url))
    except NoSuchModuleError:
        yield problem("database", f"{name}: SQLAlchemy knows no {url.drivername}", "write sqlite or postgresql")
        return
    except ModuleNotFoundError as error:
        advice = f"install it in the service's environment: pip install {error.name}"
        yield problem("database", f"{name}: the driver {error.name} is not installed", advice)
        return
    try:
        with engine.connect() as connection:
            yield from _looked_at(connection, name, settings, sqlite=sqlite)
    except TypeError as error:  # what psycopg gives back of a database in SQL_ASCII is bytes, and SQLAlchemy stumbles
        if "bytes-like" not in str(error):
            raise
        yield problem("database", f"{name} is encoded in SQL_ASCII, which keeps no text apart from bytes", _ENCODED)
    except DBAPIError as error:
        why = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
        yield problem("database", f"{name}: {why}", _advice(why, sqlite=sqlite))


def _patient(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"timeout": _PATIENCE}
    return {"connect_timeout": _PATIENCE} if url.get_driver_name() in ("psycopg", "psycopg2") else {}


def _not_there(file: Path) -> Finding:
    folder = existing(file.parent)
    if not folder.is_dir():
        return problem("database", f"{file} can't be made: {folder} is no folder", "set TEACHBACK_DATA_DIR to another")
    if why := refusal(file.parent):
        advice = "set TEACHBACK_DATA_DIR or database_url to where the service's user may write"
        return problem("database", f"{file} can't be made: its folder can't be {why}", advice)
    return ok("database", f"SQLite; {file} is made at the first start")


def _looked_at(connection: Connection, name: str, settings: Settings, *, sqlite: bool) -> Iterator[Finding]:
    refusal = _sqlite_refuses(connection) if sqlite else _server_refuses(connection)
    at = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory(str(MIGRATIONS))
    head, known = scripts.get_current_head(), {script.revision for script in scripts.walk_revisions()}
    if refusal:
        yield problem("database", f"{name} can't be written: {refusal}", "give the service's user the right to write")
    elif at is None:
        tables = inspect(connection).get_table_names()
        if tables:
            found = f"{name} holds tables that are not ours ({', '.join(sorted(tables)[:3])}, ...)"
            yield warning("database", found, "give the service a database of its own")
        else:
            yield ok("database", f"{name} is empty; the first start makes the tables")
    elif at not in known:
        found = f"{name} is at migration {at}, which this version does not know: a newer one has worked with it"
        yield problem("database", found, "install that version again")
    elif at != head:
        yield ok("database", f"{name} is at migration {at}; the next start brings it to {head}")
    else:
        yield ok(
            "database", f"{name} is at migration {at}, the newest, and can be written{_weight(connection, sqlite)}"
        )
        yield from tenants(connection, settings)
    if not sqlite and connection.dialect.name == "postgresql":
        yield _server(connection)
        yield _clock(connection)


def _sqlite_refuses(connection: Connection) -> str:
    """Why nothing can be written; empty where it can."""
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql("ROLLBACK")
    except DBAPIError as error:
        why = str(error.orig)
        if "locked" in why:  # a service is writing, so it can be written
            return ""
        if "readonly" in why:
            return why
        raise
    return ""


def _server_refuses(connection: Connection) -> str:
    if connection.dialect.name != "postgresql":
        return ""
    if str(connection.execute(text("SHOW transaction_read_only")).scalar()) == "on":
        return "the server takes no writes (a standby, or default_transaction_read_only)"
    allowed = connection.execute(
        text(
            "SELECT has_table_privilege(oid, 'INSERT') FROM pg_class "
            "WHERE relname = 'jobs' AND pg_table_is_visible(oid)"
        )
    ).scalar()
    return "its user may not insert" if allowed is False else ""


def _weight(connection: Connection, sqlite: bool) -> str:
    if sqlite:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return f" ({size(pages * connection.exec_driver_sql('PRAGMA page_size').scalar_one())})"
    if connection.dialect.name == "postgresql":
        return f" ({size(connection.execute(text('SELECT pg_database_size(current_database())')).scalar_one())})"
    return ""


def _server(connection: Connection) -> Finding:
    told = "SELECT current_setting('server_version'), current_setting('server_encoding')"
    version, encoding = connection.execute(text(told)).one()
    found = f"PostgreSQL {version.partition(' ')[0]}, encoded in {encoding}"
    if encoding != "UTF8":
        return problem("database server", found, f"{_ENCODED}: other encodings can't hold every text")
    return ok("database server", found)


def _clock(connection: Connection) -> Finding:
    before = time.time()
    theirs = float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    apart = theirs - (before + time.time()) / 2
    if abs(apart) > _APART:
        advice = "let both machines ask the same NTP server: who owns a job goes by the clock"
        return warning("clock of the database", f"{apart:+.1f} s apart from this machine", advice)
    return ok("clock of the database", f"{abs(apart):.2f} s apart from this machine")


def _advice(why: str, *, sqlite: bool) -> str:
    if sqlite:
        if "not a database" in why or "malformed" in why:
            return "this is no SQLite file, or a damaged one: put a copy of it back, or name another database_url"
        return "look at the file's owner and rights, or name another database_url"
    if "permission denied" in why:
        return "give the service's user the right to read and write, best as the database's owner"
    if "authentication" in why or "password" in why:
        return "the server answers and refuses the user: look at user and password in database_url"
    return "start the server, or correct database_url"
