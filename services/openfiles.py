"""How many files the process may open, which is also how many connections it can have."""

from __future__ import annotations

import resource
from typing import Final

WANTED: Final = 65536


def raise_limit() -> int:
    """Lets the process open as many files as it may, WANTED at most; returns how many those are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except (ValueError, OSError):
            return soft  # some systems have a lower limit that they do not tell
        return most
    return soft


def most_rest() -> int:
    """Connections that REST takes: half of the files."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2


def most_grpc() -> int:
    """Connections that gRPC takes: a quarter. The last quarter is for database, artifacts and child processes."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4
