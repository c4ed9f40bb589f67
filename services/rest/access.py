"""The routes of access."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path

from services.access.views import (
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
from services.rest.fields import Id, Short, Size
from services.rest.fields import Token as PageToken
from services.service import Service

ProjectId = Annotated[str, Path(pattern=f"^{PROJECT_ID}$")]


def add(app: FastAPI, service: Service) -> None:
    """Adds them to the app."""

    @app.post("/v1/projects", status_code=201, summary="Create a project")
    async def create_project(request: CreateProjectRequest) -> Project:
        return await service.desk.create_project(request)

    @app.get("/v1/projects", summary="Projects by id")
    async def list_projects(page_size: Size = 0, page_token: PageToken = "") -> ProjectPage:
        return await service.desk.list_projects(page_size, page_token)

    @app.get("/v1/projects/{project}", summary="One project, its limits and what it takes")
    async def get_project(project: ProjectId) -> Project:
        return await service.desk.get_project(f"projects/{project}")

    @app.patch("/v1/projects/{project}", summary="Change a project's display name or limits")
    async def update_project(project: ProjectId, request: UpdateProjectRequest) -> Project:
        return await service.desk.update_project(f"projects/{project}", request)

    @app.post("/v1/tokens", status_code=201, summary="Create a token; its secret is told this once")
    async def create_token(request: CreateTokenRequest) -> IssuedToken:
        return await service.desk.create_token(request)

    @app.get("/v1/tokens", summary="Tokens, newest first, without their secrets")
    async def list_tokens(project: Short = "", page_size: Size = 0, page_token: PageToken = "") -> TokenPage:
        return await service.desk.list_tokens(project, page_size, page_token)

    @app.post("/v1/tokens/{id}:rotate", summary="A new secret for a token; the old one is good for a while")
    async def rotate_token(id: Id, request: RotateTokenRequest | None = None) -> IssuedToken:
        return await service.desk.rotate_token(f"tokens/{id}", request or RotateTokenRequest())

    @app.post("/v1/tokens/{id}:revoke", summary="End a token")
    async def revoke_token(id: Id) -> Token:
        return await service.desk.revoke_token(f"tokens/{id}")

    @app.get("/v1/audit", summary="What was done and what was refused, newest first")
    async def list_audit(project: Short = "", page_size: Size = 0, page_token: PageToken = "") -> AuditPage:
        return await service.desk.list_audit(project, page_size, page_token)
