"""Tells a child, again and again, that the job it works for is still ours.

Where several services share the jobs, one that is frozen or cut off from the database loses its own. Its child, which
is neither, must not go on writing files beside the next owner's: it hears nothing any more and ends (child.py).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from services.store import fence
from services.store.fence import LeaseLost
from services.training.child import SILENCE

EVERY: Final = 0.5
"""Seconds between two beats."""
PATIENCE: Final = 2.0
"""Seconds of silence after which a child ends itself. They end before the lease does."""


def environment() -> dict[str, str]:
    """What the child is told, so that it listens; nothing where jobs have no leases."""
    return {SILENCE: str(PATIENCE)} if fence.carried() else {}


@contextmanager
def beating(pipe: int) -> Iterator[None]:
    """Beats into a pipe as long as the lease that the caller carries is good.

    Raises LeaseLost for any error inside where the child was left without a beat: its end is no failure of its own.
    """
    held = fence.carried()
    if held is None:
        yield
        return
    done, silent = threading.Event(), threading.Event()

    def beat() -> None:
        while not done.is_set():
            if held.surely() < PATIENCE:
                silent.set()
                return
            try:
                os.write(pipe, b".")
            except OSError:  # the child has ended
                return
            done.wait(EVERY)

    # A thread, and not a task: a busy event loop is no reason to end a training.
    thread = threading.Thread(target=beat, name="beat", daemon=True)
    thread.start()
    try:
        yield
    except Exception as error:
        if silent.is_set():
            gone = f"jobs/{held.job_id}: its lease could not be renewed in time, so its program was ended"
            raise LeaseLost(gone) from error
        raise
    finally:
        done.set()
        thread.join()
