"""The door of both faces: who is calling, whether they may, and not too often."""

from __future__ import annotations

import asyncio
import hmac
import re
from typing import Final

from services.access.caller import BOOTSTRAP, DEFAULT, TRUSTED, Caller, Scope
from services.access.guards import Guard
from services.access.projects import ProjectStore
from services.access.rates import Rates
from services.access.tokens import FORM, TokenStore, hashed
from services.access.views import PROJECT_ID
from services.errors import NotFound, PermissionDenied, Unauthenticated

PROJECT: Final = "teachback-project"
"""The header, and gRPC's metadata, by which an operator's token says in which project a call works."""
_ID: Final = re.compile(rf"(?:projects/)?({PROJECT_ID})")


class Door:
    """One a process. `bootstrap`: the token of the settings, an operator's; None on loopback where none is set."""

    def __init__(self, bootstrap: str | None, tokens: TokenStore, projects: ProjectStore, rates: Rates) -> None:
        self._bootstrap = hashed(bootstrap) if bootstrap else None
        self._tokens, self._projects, self._rates = tokens, projects, rates

    async def enter(self, authorization: str, wanted: str) -> Caller:
        """Who is calling. `authorization` and `wanted` (the project) are headers, empty where they were not sent.

        Raises Unauthenticated, NotFound for a project that the caller can't work in, whether it is there or not.
        """
        caller = await self._known(authorization)
        project = _ID.fullmatch(wanted)
        if wanted and project is None:
            raise NotFound(f"there is no project {wanted[:40]!r}")
        if project is None or project[1] == caller.project:
            return caller
        if not caller.operator:
            raise NotFound(f"there is no projects/{project[1]}")
        await self._projects.asked(project[1])
        return Caller(project[1], caller.scope, caller.token, operator=True)

    async def _known(self, authorization: str) -> Caller:
        scheme, _, secret = authorization.partition(" ")
        if scheme == "Bearer" and FORM.fullmatch(secret):
            if found := self._tokens.known(secret) or await asyncio.to_thread(self._tokens.verify, secret):
                return Caller(found.project or DEFAULT, found.scope, found.id, operator=found.project is None)
        elif self._bootstrap is None:  # loopback: what is no token of ours is not looked at
            return TRUSTED
        # Hashes of the same length are compared, so that the time tells nothing, not even the length.
        if self._bootstrap and scheme == "Bearer" and hmac.compare_digest(hashed(secret), self._bootstrap):
            return Caller(DEFAULT, Scope.ADMIN, BOOTSTRAP, operator=True)
        # Of a token nobody is told whether it was ever one: unknown, revoked and expired sound alike.
        bad = "the token is not valid: " if scheme == "Bearer" and secret else ""
        raise Unauthenticated(f"{bad}send the service's token, or one of a project, as `authorization: Bearer ...`")

    def check(self, caller: Caller, guard: Guard | None, what: str) -> None:
        """Whether a caller may do `what`. Raises PermissionDenied, for what nobody has listed too."""
        if guard is None:
            raise PermissionDenied(f"{what} is open to nobody: it is in no list of what may be called")
        if guard.operator and not caller.operator:
            raise PermissionDenied(f"{what} wants an operator's token, and this one is of projects/{caller.project}")
        if not caller.scope.allows(guard.scope):
            raise PermissionDenied(f"{what} wants a token of scope {guard.scope}, and this one's is {caller.scope}")

    async def count(self, caller: Caller) -> None:
        """Counts a call against its project's rate. Raises RateLimited."""
        await self._rates.take(caller.project, (await self._projects.asked(caller.project)).requests_per_second)
