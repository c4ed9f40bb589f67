"""Who is calling: a project, a scope, a token. The door finds it out, and it goes with the call from there."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DEFAULT: Final = "default"
"""The project of whoever names none: of loopback without tokens, and of the operator."""
BOOTSTRAP: Final = "bootstrap"
"""The id by which the log names the token of the settings, which stands in no table."""
NOBODY: Final = ""
"""The same for a caller without a token."""


class Scope(StrEnum):
    """What a token allows. Each allows what the ones before it do."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def allows(self, wanted: Scope) -> bool:
        """Whether this is enough where `wanted` is needed."""
        order = list(Scope)
        return order.index(self) >= order.index(wanted)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever a call comes from. Its calls see `project` and nothing else.

    An operator's token is of no project: it chooses one for each call, and alone may make projects.
    """

    project: str
    scope: Scope
    token: str = NOBODY
    """Its id."""
    operator: bool = False


@dataclass(slots=True)
class Call:
    """A call under way."""

    caller: Caller
    object: str = ""
    """What it is about, for the audit log; of a create what was made."""
    outcome: str = "OK"
    """What came of it: the reason of the error where there was one."""


_CALL: ContextVar[Call] = ContextVar("call")


def begin(call: Call) -> None:
    """Sets the call that this task answers."""
    _CALL.set(call)


def current() -> Caller:
    """Who is calling. Raises LookupError outside of a call: nothing is done for nobody."""
    return _CALL.get().caller


def about(name: str) -> None:
    """Notes what the call has made."""
    if call := _CALL.get(None):
        call.object = name


def failed(reason: str) -> None:
    """Notes that the call came to nothing, and why."""
    if call := _CALL.get(None):
        call.outcome = reason


TRUSTED: Final = Caller(DEFAULT, Scope.ADMIN, operator=True)
"""Whoever calls on loopback where no token is set: nobody else can."""
