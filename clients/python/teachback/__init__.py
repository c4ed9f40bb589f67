"""Client and command line of Teachback.

The names below are loaded when they are first used: the command line shows its help without gRPC.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from teachback.aio import AsyncClient, AsyncJobHandle
    from teachback.client import Client, JobHandle
    from teachback.compat import StudentTeacherConfig, ThinkingEnhancer
    from teachback.errors import TeachbackError
    from teachback.tls import Tls

__all__ = [
    "AsyncClient",
    "AsyncJobHandle",
    "Client",
    "JobHandle",
    "StudentTeacherConfig",
    "TeachbackError",
    "ThinkingEnhancer",
    "Tls",
]

_HOMES = {
    "AsyncClient": "aio",
    "AsyncJobHandle": "aio",
    "Client": "client",
    "JobHandle": "client",
    "StudentTeacherConfig": "compat",
    "TeachbackError": "errors",
    "ThinkingEnhancer": "compat",
    "Tls": "tls",
}


def __getattr__(name: str) -> Any:
    """Loads one of the names above (PEP 562). Raises AttributeError for any other."""
    if name not in _HOMES:
        raise AttributeError(f"module 'teachback' has no attribute {name!r}")
    return getattr(import_module(f"teachback.{_HOMES[name]}"), name)
