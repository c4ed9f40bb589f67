"""One service a data folder: with SQLite a second owner of the same jobs would do all work twice."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from services.settings import Settings


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Holds the data folder. The lock goes with the process, however that ends. Raises RuntimeError."""
    with open(settings.data_dir / "lock", "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(
                f"another service works in {settings.data_dir}; stop it, or give this one its own --data-dir"
            ) from None
        yield
