"""The gRPC face of access."""

from __future__ import annotations

from typing import Any

from teachback.v1 import access_pb2, access_pb2_grpc

from services.access import views
from services.rpc.answers import unary
from services.rpc.convert import from_proto, to_proto
from services.service import Service


class AccessServicer(access_pb2_grpc.AccessServiceServicer):
    """teachback.v1.AccessService."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @unary
    async def CreateProject(self, request: Any, context: Any) -> Any:
        """Creates a project."""
        made = await self.service.desk.create_project(from_proto(request, views.CreateProjectRequest))
        return to_proto(made, access_pb2.Project())

    @unary
    async def GetProject(self, request: Any, context: Any) -> Any:
        """One project."""
        return to_proto(await self.service.desk.get_project(request.name), access_pb2.Project())

    @unary
    async def ListProjects(self, request: Any, context: Any) -> Any:
        """A page of projects."""
        page = await self.service.desk.list_projects(request.page_size, request.page_token)
        return to_proto(page, access_pb2.ListProjectsResponse())

    @unary
    async def UpdateProject(self, request: Any, context: Any) -> Any:
        """Changes a project."""
        name = request.name
        request.ClearField("name")  # of the path, not of what is changed
        changed = await self.service.desk.update_project(name, from_proto(request, views.UpdateProjectRequest))
        return to_proto(changed, access_pb2.Project())

    @unary
    async def CreateToken(self, request: Any, context: Any) -> Any:
        """Creates a token."""
        issued = await self.service.desk.create_token(from_proto(request, views.CreateTokenRequest))
        return to_proto(issued, access_pb2.IssuedToken())

    @unary
    async def ListTokens(self, request: Any, context: Any) -> Any:
        """A page of tokens."""
        page = await self.service.desk.list_tokens(request.project, request.page_size, request.page_token)
        return to_proto(page, access_pb2.ListTokensResponse())

    @unary
    async def RotateToken(self, request: Any, context: Any) -> Any:
        """Gives a token a new secret."""
        name = request.name
        request.ClearField("name")
        issued = await self.service.desk.rotate_token(name, from_proto(request, views.RotateTokenRequest))
        return to_proto(issued, access_pb2.IssuedToken())

    @unary
    async def RevokeToken(self, request: Any, context: Any) -> Any:
        """Ends a token."""
        return to_proto(await self.service.desk.revoke_token(request.name), access_pb2.Token())

    @unary
    async def ListAuditEntries(self, request: Any, context: Any) -> Any:
        """A page of the audit log."""
        page = await self.service.desk.list_audit(request.project, request.page_size, request.page_token)
        return to_proto(page, access_pb2.ListAuditEntriesResponse())
