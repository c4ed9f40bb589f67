"""What PostgreSQL needs beside SQLite: patience with a network, a look at the encoding, errors in plain words."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

PATIENCE: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "tcp_user_timeout": 30_000,  # milliseconds: a server that is gone without a word is noticed within half a minute
}
"""Settings of libpq, where the URL has none of its own."""
FROZEN: Final = 5000
"""Milliseconds after which the server ends a session that stands still in a transaction; less than a lease."""
AT_ONCE: Final = 40
"""Connections of one process at most: a thread of the event loop's pool each (32), the writer, the leases."""


def arguments(url: URL) -> dict[str, Any]:
    """What the driver is told beside the URL. Text travels as UTF-8, whatever PGCLIENTENCODING says."""
    patience = {name: value for name, value in PATIENCE.items() if name not in url.query}
    return {**patience, "client_encoding": "utf8"}


def careful(connection: Any, _record: object) -> None:
    """Looks at a new connection: a commit must be on disk when it returns, and text must stay text.

    Raises RuntimeError for a database that is not encoded in UTF-8.
    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        name = connection.info.dbname
        connection.close()
        raise RuntimeError(
            f"the database {name} is encoded in {encoding}, which can't hold every text; make another one and name it "
            f"in database_url: CREATE DATABASE {name}_utf8 ENCODING 'UTF8' TEMPLATE template0"
        )
    with connection.cursor() as cursor:
        asked = cursor.execute("SHOW synchronous_commit").fetchone()
        if asked == ("off",):  # whatever the server's or the user's default is: a paid call is kept
            cursor.execute("SET synchronous_commit TO on")
        # A process that freezes in the middle of a write has the lease's row locked: nobody could take its job over.
        # What this does not see, the other replicas do (services/store/frozen.py).
        cursor.execute(f"SET idle_in_transaction_session_timeout TO {FROZEN}")
    connection.commit()


def unreachable(url: URL, error: DBAPIError) -> RuntimeError:
    """Why there is no connection and what to do, without the password."""
    why = " ".join(str(error.orig).split())
    where = f"the database {url.database or '(none named)'} at {host(url)}"
    if "does not exist" in why and "database" in why:
        advice = f"make it: CREATE DATABASE {url.database} ENCODING 'UTF8' TEMPLATE template0"
    elif "authentication" in why or "password" in why or "role" in why or "pg_hba.conf" in why:
        advice = "the server answers and refuses the user: look at user and password in database_url"
    else:
        advice = "start the server, or correct host and port in database_url"
    return RuntimeError(f"{where} can't be used: {why}; {advice}")


def host(url: URL) -> str:
    """Where the server is, as a reader knows it."""
    told = url.host or url.query.get("host") or "the default socket"
    return f"{told}:{url.port}" if url.port else str(told)
