"""Which databases the tests run on.

Those whose subject is what is stored run on each of `KINDS`, the others on the first one. `TEACHBACK_TEST_DATABASE`
names one for all of them: `sqlite` or `postgres`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest

from tests.support import postgres

Kind = Literal["sqlite", "postgres"]


def kinds() -> tuple[Kind, ...]:
    """What there is on this machine. Under CI a PostgreSQL that is missing is a failure, and not left out."""
    asked = os.environ.get("TEACHBACK_TEST_DATABASE", "")
    if asked not in ("", "sqlite", "postgres"):
        raise pytest.UsageError(f"TEACHBACK_TEST_DATABASE is {asked!r}; write sqlite or postgres")
    if asked:
        return ("sqlite",) if asked == "sqlite" else ("postgres",)
    return ("sqlite", "postgres") if postgres.programs() or os.environ.get("CI") else ("sqlite",)


KINDS = kinds()
on_each_database = pytest.mark.each_database
"""For tests whose subject is what is stored (tests/conftest.py)."""
HERE = "postgres" in KINDS
"""Whether there is a PostgreSQL."""


def url(kind: Kind, folder: Path) -> str:
    """A new database."""
    if kind == "sqlite":
        return f"sqlite:///{folder.absolute() / 'teachback.db'}"
    server = postgres.server()
    return server.url(server.database())
