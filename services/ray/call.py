"""What every task of ours on Ray is: a function by its name, and a text for it.

Nothing but text goes to a worker and comes back, so that nothing is unpickled but Ray's own envelope; and the process
that talks to Ray need not import what its workers do.
"""

from __future__ import annotations

from importlib import import_module


def call(function: str, argument: str) -> str:
    """Runs `package.module:function` on the argument, in a worker."""
    module, _, name = function.partition(":")
    answer: str = getattr(import_module(module), name)(argument)
    return answer
