"""Projects, tokens and the audit log, for both clients: `client.access`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Literal, TypedDict, Unpack

from teachback.errors import BadInput
from teachback.plain import number
from teachback.v1 import access_pb2

Scope = Literal["read", "write", "admin"]
Period = Literal["month", "total"]


class LimitOptions(TypedDict, total=False):
    """What a project may take; what is left out is the service's own setting. `max_spend`: US dollars."""

    requests_per_second: float | None
    max_jobs: int | None
    max_stored_bytes: int | None
    max_spend: float | None
    spend_period: Period | None


def project_name(name: str) -> str:
    """ "projects/ID" for "ID" and for "projects/ID"; empty stays empty."""
    return name if not name or name.startswith("projects/") else f"projects/{name}"


def token_name(name: str) -> str:
    """ "tokens/ID" for "ID" and for "tokens/ID"."""
    return name if name.startswith("tokens/") else f"tokens/{name}"


def limits(given: LimitOptions) -> access_pb2.Limits:
    """Limits as a message. Raises BadInput for a period that does not exist, or a value that does not fit."""
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if "spend_period" in fields:
        enum = access_pb2.DESCRIPTOR.enum_types_by_name["SpendPeriod"]
        fields["spend_period"] = number(enum, fields["spend_period"])
    try:
        return access_pb2.Limits(**fields)
    except (TypeError, ValueError) as error:
        raise BadInput(f"limits: {error}") from error


def token_request(
    scope: Scope, project: str, display_name: str, operator: bool, lifetime_seconds: int
) -> access_pb2.CreateTokenRequest:
    """The request for a new token. Raises BadInput for a scope that does not exist."""
    return access_pb2.CreateTokenRequest(
        project=project_name(project),
        scope=number(access_pb2.DESCRIPTOR.enum_types_by_name["Scope"], scope),  # type: ignore[arg-type]
        display_name=display_name,
        operator=operator,
        lifetime_seconds=lifetime_seconds,
    )


class Access:
    """What an admin does with tokens and the audit log, and an operator with projects. All raise Refused where the
    token is not enough, NotFound for what is another project's."""

    def __init__(self, stub: Any, call: Callable[..., Any], pages: Callable[..., Iterator[Any]]) -> None:
        self._stub, self._call, self._pages = stub, call, pages

    def create_project(
        self, project_id: str, *, display_name: str = "", **given: Unpack[LimitOptions]
    ) -> access_pb2.Project:
        """A new project. Raises Conflict where the id is taken."""
        request = access_pb2.CreateProjectRequest(
            project_id=project_id, display_name=display_name, limits=limits(given)
        )
        made: access_pb2.Project = self._call(self._stub.CreateProject, request)
        return made

    def project(self, name: str) -> access_pb2.Project:
        """One project, its limits and what it takes now."""
        request = access_pb2.GetProjectRequest(name=project_name(name))
        found: access_pb2.Project = self._call(self._stub.GetProject, request)
        return found

    def projects(self) -> Iterator[access_pb2.Project]:
        """All projects by id."""
        return self._pages(self._stub.ListProjects, access_pb2.ListProjectsRequest(), "projects")

    def update_project(
        self, name: str, *, display_name: str = "", limits: access_pb2.Limits | None = None
    ) -> access_pb2.Project:
        """Changes what is given. `limits` replaces all of them: see `teachback.access.limits`."""
        request = access_pb2.UpdateProjectRequest(name=project_name(name), display_name=display_name, limits=limits)
        changed: access_pb2.Project = self._call(self._stub.UpdateProject, request)
        return changed

    def create_token(
        self,
        scope: Scope,
        *,
        project: str = "",
        display_name: str = "",
        operator: bool = False,
        lifetime_seconds: int = 0,
    ) -> access_pb2.IssuedToken:
        """A new token; its `secret` is told this once. Without a project: of the one that this client works in."""
        request = token_request(scope, project, display_name, operator, lifetime_seconds)
        issued: access_pb2.IssuedToken = self._call(self._stub.CreateToken, request)
        return issued

    def tokens(self, project: str = "") -> Iterator[access_pb2.Token]:
        """A project's tokens, or all that the caller may see, newest first."""
        request = access_pb2.ListTokensRequest(project=project_name(project))
        return self._pages(self._stub.ListTokens, request, "tokens")

    def rotate_token(self, name: str, *, grace_seconds: int | None = None) -> access_pb2.IssuedToken:
        """A new secret; the old one is good for `grace_seconds` more, by default an hour."""
        request = access_pb2.RotateTokenRequest(name=token_name(name), grace_seconds=grace_seconds)
        issued: access_pb2.IssuedToken = self._call(self._stub.RotateToken, request)
        return issued

    def revoke_token(self, name: str) -> access_pb2.Token:
        """Ends a token."""
        request = access_pb2.RevokeTokenRequest(name=token_name(name))
        ended: access_pb2.Token = self._call(self._stub.RevokeToken, request)
        return ended

    def audit(self, project: str = "") -> Iterator[access_pb2.AuditEntry]:
        """What was done and what was refused, newest first."""
        request = access_pb2.ListAuditEntriesRequest(project=project_name(project))
        return self._pages(self._stub.ListAuditEntries, request, "entries")


class AsyncAccess:
    """The same for asyncio."""

    def __init__(
        self, stub: Any, call: Callable[..., Awaitable[Any]], pages: Callable[..., AsyncIterator[Any]]
    ) -> None:
        self._stub, self._call, self._pages = stub, call, pages

    async def create_project(
        self, project_id: str, *, display_name: str = "", **given: Unpack[LimitOptions]
    ) -> access_pb2.Project:
        """As `Access.create_project`."""
        request = access_pb2.CreateProjectRequest(
            project_id=project_id, display_name=display_name, limits=limits(given)
        )
        made: access_pb2.Project = await self._call(self._stub.CreateProject, request)
        return made

    async def project(self, name: str) -> access_pb2.Project:
        """As `Access.project`."""
        request = access_pb2.GetProjectRequest(name=project_name(name))
        found: access_pb2.Project = await self._call(self._stub.GetProject, request)
        return found

    def projects(self) -> AsyncIterator[access_pb2.Project]:
        """As `Access.projects`."""
        return self._pages(self._stub.ListProjects, access_pb2.ListProjectsRequest(), "projects")

    async def update_project(
        self, name: str, *, display_name: str = "", limits: access_pb2.Limits | None = None
    ) -> access_pb2.Project:
        """As `Access.update_project`."""
        request = access_pb2.UpdateProjectRequest(name=project_name(name), display_name=display_name, limits=limits)
        changed: access_pb2.Project = await self._call(self._stub.UpdateProject, request)
        return changed

    async def create_token(
        self,
        scope: Scope,
        *,
        project: str = "",
        display_name: str = "",
        operator: bool = False,
        lifetime_seconds: int = 0,
    ) -> access_pb2.IssuedToken:
        """As `Access.create_token`."""
        request = token_request(scope, project, display_name, operator, lifetime_seconds)
        issued: access_pb2.IssuedToken = await self._call(self._stub.CreateToken, request)
        return issued

    def tokens(self, project: str = "") -> AsyncIterator[access_pb2.Token]:
        """As `Access.tokens`."""
        request = access_pb2.ListTokensRequest(project=project_name(project))
        return self._pages(self._stub.ListTokens, request, "tokens")

    async def rotate_token(self, name: str, *, grace_seconds: int | None = None) -> access_pb2.IssuedToken:
        """As `Access.rotate_token`."""
        request = access_pb2.RotateTokenRequest(name=token_name(name), grace_seconds=grace_seconds)
        issued: access_pb2.IssuedToken = await self._call(self._stub.RotateToken, request)
        return issued

    async def revoke_token(self, name: str) -> access_pb2.Token:
        """As `Access.revoke_token`."""
        request = access_pb2.RevokeTokenRequest(name=token_name(name))
        ended: access_pb2.Token = await self._call(self._stub.RevokeToken, request)
        return ended

    def audit(self, project: str = "") -> AsyncIterator[access_pb2.AuditEntry]:
        """As `Access.audit`."""
        request = access_pb2.ListAuditEntriesRequest(project=project_name(project))
        return self._pages(self._stub.ListAuditEntries, request, "entries")
