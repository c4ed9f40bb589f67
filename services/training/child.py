"""Runs a program so that nothing of it outlives the service: `python child.py MODULE ARGUMENT ...`.

It stands between the two. Its stdin comes from the service, and ends when that does, however it died: then the whole
process group is killed, what the program has started included. A service may promise to speak again and again
(services/training/beat.py); then its silence is its end too. Where this process itself is killed, Linux kills the
program. It ends as the program ends: with its status, or 128 plus the number of the signal that killed it.

Run as a file, on the standard library alone: nothing has to be importable yet.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
SILENCE = "CHILD_SILENCE"
"""The variable with the seconds of silence on stdin after which all is over; without it silence means nothing."""


def main() -> int:
    """Returns the exit status."""
    with contextlib.suppress(OSError):  # not Linux, or not allowed: a wish, no need
        # Where memory is short the kernel takes this, not the service.
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    # The group is asked to end; the program ends or not, and this process only waits for it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    silence = os.environ.pop(SILENCE, None)
    command = [sys.executable, "-P", "-m", *sys.argv[1:]]
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_dying_with_parent())  # noqa: PLW1509 - no threads yet
    threading.Thread(target=_die_with_the_service, args=(silence and float(silence),), daemon=True).start()
    status: int = program.wait()
    return status if status >= 0 else 128 - status


def _die_with_the_service(silence: float | None) -> None:
    while select.select([0], [], [], silence)[0] and os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGKILL)


def _dying_with_parent() -> Callable[[], object] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
