"""What is done with projects, tokens and the audit log, once; gRPC and REST both call these.

An operator (a token of no project) has them all; an admin of a project its own alone, and finds no other.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

from services.access.audit import Audit
from services.access.caller import Caller, about
from services.access.projects import ProjectStore
from services.access.tokens import TokenStore
from services.access.views import (
    GRACE,
    PROJECT_ID,
    AuditPage,
    CreateProjectRequest,
    CreateTokenRequest,
    IssuedToken,
    Project,
    ProjectPage,
    RotateTokenRequest,
    Token,
    TokenPage,
    UpdateProjectRequest,
)
from services.errors import InvalidRequest, NotFound, PermissionDenied

_NAME: Final = re.compile(rf"projects/({PROJECT_ID})")


class Desk:
    """For one caller. All raise what services/errors.py maps."""

    def __init__(self, caller: Caller, projects: ProjectStore, tokens: TokenStore, audit: Audit) -> None:
        self._caller, self._projects, self._tokens, self._audit = caller, projects, tokens, audit

    async def create_project(self, request: CreateProjectRequest) -> Project:
        """A new project."""
        made = await asyncio.to_thread(self._projects.create, request)
        about(made.name)
        return made

    async def get_project(self, name: str) -> Project:
        """One project with what it takes."""
        return await asyncio.to_thread(self._projects.get, self._id(name))

    async def list_projects(self, size: int, token: str) -> ProjectPage:
        """A page of projects."""
        return await asyncio.to_thread(self._projects.page, size, token)

    async def update_project(self, name: str, request: UpdateProjectRequest) -> Project:
        """Changes a project's display name or limits."""
        return await asyncio.to_thread(self._projects.update, self._id(name), request)

    async def create_token(self, request: CreateTokenRequest) -> IssuedToken:
        """A new token with its secret, told this once."""
        if request.operator and not self._caller.operator:
            raise PermissionDenied("only an operator's token makes another operator's")
        if request.operator and request.project:
            raise InvalidRequest("an operator's token is of no project: name a project, or set operator")
        id_ = self._id(request.project or f"projects/{self._caller.project}")
        await asyncio.to_thread(self._projects.limits, id_)  # there is such a project
        issued = await asyncio.to_thread(
            self._tokens.create,
            None if request.operator else id_,
            request.scope,
            request.display_name,
            request.lifetime_seconds,
        )
        about(issued.token.name)
        return issued

    async def list_tokens(self, project: str, size: int, token: str) -> TokenPage:
        """A page of tokens: a project's, or all that the caller may see."""
        return await asyncio.to_thread(self._tokens.page, self._whose(project), size, token)

    async def rotate_token(self, name: str, request: RotateTokenRequest) -> IssuedToken:
        """A new secret for a token."""
        grace = GRACE if request.grace_seconds is None else request.grace_seconds
        return await asyncio.to_thread(self._tokens.rotate, name, self._whose(""), grace)

    async def revoke_token(self, name: str) -> Token:
        """Ends a token."""
        return await asyncio.to_thread(self._tokens.revoke, name, self._whose(""))

    async def list_audit(self, project: str, size: int, token: str) -> AuditPage:
        """A page of the audit log: a project's, or all that the caller may see."""
        return await asyncio.to_thread(self._audit.page, self._whose(project), size, token)

    def _whose(self, project: str) -> str | None:
        """The project that is meant; None for an operator who named none."""
        if project:
            return self._id(project)
        return None if self._caller.operator else self._caller.project

    def _id(self, name: str) -> str:
        """The id of a project that the caller may look at. Raises InvalidRequest, NotFound."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise InvalidRequest(f"{name[:60]!r} is no name of a project; it looks like projects/team-red")
        if not self._caller.operator and found[1] != self._caller.project:
            raise NotFound(f"there is no {name}")
        return found[1]
