"""Projects, tokens and the audit log as callers see them; field names are those of proto/teachback/v1/access.proto."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from services.access.caller import Scope
from services.view import Text, Told, View

PROJECT_ID: Final = "[a-z][a-z0-9-]{0,31}"
"""As a regular expression."""
ProjectId = Annotated[str, Field(pattern=f"^{PROJECT_ID}$", examples=["team-red"])]
_PROJECT = Told("write the whole name of a project, as projects/team-red")
ProjectName = Annotated[str, Field(pattern=f"^projects/{PROJECT_ID}$", examples=["projects/team-red"]), _PROJECT]
ProjectNameOrNone = Annotated[
    str, Field(pattern=f"^(projects/{PROJECT_ID})?$", examples=["projects/team-red"]), _PROJECT
]
TokenName = Annotated[str, Field(pattern=r"^tokens/[0-9a-z]{1,32}$", examples=["tokens/0f3c9a"])]

LONGEST_LIFE = 10 * 366 * 86400
"""Seconds; longer than anybody means."""
GRACE = 3600
"""Seconds for which the secret before a rotation is good where the caller says nothing."""
LONGEST_GRACE = 30 * 86400


class Limits(View):
    """What a project may take. Unset: what the service's settings say, which may be no limit."""

    requests_per_second: float | None = Field(None, ge=0.001, le=1e6, allow_inf_nan=False)
    max_jobs: int | None = Field(None, ge=0, le=2**31 - 1, description="queued and running at once")
    max_stored_bytes: int | None = Field(None, ge=0, le=2**62)
    max_spend: float | None = Field(None, ge=0, le=1e9, allow_inf_nan=False, description="US dollars")
    spend_period: Literal["", "month", "total"] = Field("", description="what max_spend is for; empty: the service's")


class Usage(View):
    """What a project takes now. `spend`: US dollars booked in the limit's period, as far as prices are known; what jobs
    at work hold in reserve stands in `spend_held`."""

    jobs: int = 0
    stored_bytes: int = 0
    spend: float = 0.0
    spend_held: float = 0.0


class Project(View):
    """A tenant: what it stores, nobody else sees. `limits` are its own, `effective_limits` what holds."""

    name: ProjectName
    display_name: str = ""
    create_time: datetime | None = None
    limits: Limits = Limits()
    effective_limits: Limits = Limits()
    usage: Usage | None = None


class ProjectPage(View):
    """Projects by id."""

    projects: list[Project] = []
    next_page_token: str = ""


class CreateProjectRequest(View):
    """A new project."""

    project_id: ProjectId
    display_name: Text = ""
    limits: Limits = Limits()


class UpdateProjectRequest(View):
    """What to change: a display name unless empty, and the limits, all at once, where they are given."""

    display_name: Text = ""
    limits: Limits | None = None


class Token(View):
    """A token, but for its secret. No project: an operator's."""

    name: TokenName
    project: str = ""
    scope: Scope
    display_name: str = ""
    prefix: str = ""
    create_time: datetime | None = None
    expire_time: datetime | None = None
    last_used_time: datetime | None = None
    revoke_time: datetime | None = None
    old_secret_expire_time: datetime | None = None


class TokenPage(View):
    """Tokens, newest first."""

    tokens: list[Token] = []
    next_page_token: str = ""


class IssuedToken(View):
    """A token with its secret, which is told this once."""

    token: Token
    secret: str


class CreateTokenRequest(View):
    """A new token. No project: the one that the call works in."""

    project: ProjectNameOrNone = ""
    scope: Scope
    display_name: Text = ""
    operator: bool = False
    lifetime_seconds: int = Field(0, ge=0, le=LONGEST_LIFE, description="0: until it is revoked")


class RotateTokenRequest(View):
    """How long the secret of before is good for."""

    grace_seconds: int | None = Field(None, ge=0, le=LONGEST_GRACE, description="unset: an hour")


class AuditEntry(View):
    """Something that was done, or refused."""

    time: datetime
    project: str = ""
    token: str = ""
    method: str = ""
    object: str = ""
    address: str = ""
    outcome: str = ""
    times: int = 1


class AuditPage(View):
    """Entries, newest first."""

    entries: list[AuditEntry] = []
    next_page_token: str = ""
