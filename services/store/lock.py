"""One service a data folder: with SQLite a second owner of the same jobs would do all work twice.

Services that share a PostgreSQL may share the folder too, where the files of trainings are: the database says whose a
job is.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from services.settings import Settings


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Holds the data folder, with PostgreSQL together with others that have it. The lock goes with the process, however
    that ends. Raises RuntimeError."""
    how = fcntl.LOCK_EX if settings.database.startswith("sqlite") else fcntl.LOCK_SH
    with open(settings.data_dir / "lock", "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(
                f"another service works in {settings.data_dir}; stop it, or give this one its own --data-dir"
            ) from None
        yield
