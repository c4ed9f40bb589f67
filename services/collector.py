"""Python's garbage collector, tuned to a process that runs loops by the hundred."""

from __future__ import annotations

import gc


def settle() -> None:
    """Called once everything is imported, before the work begins.

    What is loaded by now stays, so the collector need not walk it again and again (a tenth of the CPU a call). A loop
    also makes many short-lived objects that are in no cycle; by default every 700 of them set off a search for
    cycles, which finds few (another tenth).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
