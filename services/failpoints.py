"""Named places where a test can make the process die, as a power cut would. None without TEACHBACK_FAILPOINT."""

from __future__ import annotations

import os
import signal

NAMES = (
    "before_commit",
    "after_commit",
    "before_call",
    "after_call",
    "example_done",
    "upload_row",
    "upload_ready",
    "job_created",
    "job_ended",
    "export_row",
)
"""Every failpoint; the crash tests walk this list."""

_WANTED, _, _COUNT = os.environ.get("TEACHBACK_FAILPOINT", "").partition(":")
_left = int(_COUNT or 1)


def hit(name: str) -> None:
    """Kills the process at the n-th passing where TEACHBACK_FAILPOINT=name:n says so."""
    global _left  # noqa: PLW0603 - a countdown that lives as long as the process
    if name != _WANTED:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
