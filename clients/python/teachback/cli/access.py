"""`teachback access ...`: projects, their tokens and limits, and the log of who did what."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from teachback.cli.jobs import Json
from teachback.cli.where import Where, say

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from teachback.v1 import access_pb2

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

DAY = 86400
Project = Annotated[str, typer.Argument(metavar="PROJECT", help='The project, as "ID" or "projects/ID".')]
Token = Annotated[str, typer.Argument(metavar="TOKEN", help='The token, as "tokens/ID" or "ID".')]
OfProject = Annotated[str, typer.Option(help="Whose. Default: all that may be seen.")]
DisplayName = Annotated[str, typer.Option(help="What to call it.")]
Rate = Annotated[float | None, typer.Option(min=0.001, help="Requests a second over all of its tokens.")]
Jobs = Annotated[int | None, typer.Option(min=0, help="Jobs queued or running at once.")]
Bytes = Annotated[int | None, typer.Option(min=0, help="Bytes stored.")]
Spend = Annotated[float | None, typer.Option(min=0, help="US dollars for models.")]
Period = Annotated[Literal["month", "total"] | None, typer.Option(help="What --max-spend is for.")]


@app.command("create-project")
def create_project(
    ctx: typer.Context,
    project: Annotated[str, typer.Argument(metavar="ID", help="A letter, then lower-case letters, digits, hyphens.")],
    display_name: DisplayName = "",
    requests_per_second: Rate = None,
    max_jobs: Jobs = None,
    max_stored_bytes: Bytes = None,
    max_spend: Spend = None,
    spend_period: Period = None,
    json: Json = False,
) -> None:
    """Create a project; what it stores, no other one sees."""
    where: Where = ctx.obj
    with where.open() as session:
        made = session.client.access.create_project(
            project,
            display_name=display_name,
            requests_per_second=requests_per_second,
            max_jobs=max_jobs,
            max_stored_bytes=max_stored_bytes,
            max_spend=max_spend,
            spend_period=spend_period,
        )
    _put_project(made, json)


@app.command("projects")
def projects(ctx: typer.Context, json: Json = False) -> None:
    """List projects."""
    from teachback.cli.show import put_json, put_table
    from teachback.plain import to_plain

    where: Where = ctx.obj
    with where.open() as session:
        found = session.client.access.projects()
        if json:
            for project in found:
                put_json(to_plain(project))
        else:
            put_table(("project", "name", "created"), ((p.name, p.display_name, _at(p.create_time)) for p in found))


@app.command("show")
def show(ctx: typer.Context, project: Project, json: Json = False) -> None:
    """Show a project's limits beside what it takes now."""
    where: Where = ctx.obj
    with where.open() as session:
        _put_project(session.client.access.project(project), json)


@app.command("set-limits")
def set_limits(
    ctx: typer.Context,
    project: Project,
    requests_per_second: Rate = None,
    max_jobs: Jobs = None,
    max_stored_bytes: Bytes = None,
    max_spend: Spend = None,
    spend_period: Period = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Back to the service's settings, but for what is given.")
    ] = False,
    json: Json = False,
) -> None:
    """Change what a project may take; the limits that are not given stay."""
    from teachback.access import limits

    given = limits(
        {
            "requests_per_second": requests_per_second,
            "max_jobs": max_jobs,
            "max_stored_bytes": max_stored_bytes,
            "max_spend": max_spend,
            "spend_period": spend_period,
        }
    )
    where: Where = ctx.obj
    with where.open() as session:
        access = session.client.access
        wanted = type(given)()
        if not reset:
            wanted.CopyFrom(access.project(project).limits)
        wanted.MergeFrom(given)
        _put_project(access.update_project(project, limits=wanted), json)


@app.command("create-token")
def create_token(
    ctx: typer.Context,
    scope: Annotated[Literal["read", "write", "admin"], typer.Option(help="What it allows; each more than the last.")],
    project: Annotated[str, typer.Option(help="Whose. Default: the project that this command works in.")] = "",
    display_name: DisplayName = "",
    days: Annotated[int, typer.Option(min=0, max=3650, help="Days until it ends; 0: when it is revoked.")] = 0,
    operator: Annotated[
        bool, typer.Option("--operator", help="An operator's, of no project: it has them all.")
    ] = False,
    json: Json = False,
) -> None:
    """Create a token and print its secret, which is told this once."""
    where: Where = ctx.obj
    with where.open() as session:
        issued = session.client.access.create_token(
            scope, project=project, display_name=display_name, operator=operator, lifetime_seconds=days * DAY
        )
    _put_issued(issued, json)


@app.command("tokens")
def tokens(ctx: typer.Context, project: OfProject = "", json: Json = False) -> None:
    """List tokens, newest first, without their secrets."""
    from teachback.cli.show import put_json, put_table
    from teachback.plain import to_plain

    where: Where = ctx.obj
    with where.open() as session:
        found = session.client.access.tokens(project)
        if json:
            for token in found:
                put_json(to_plain(token))
        else:
            heads = ("token", "project", "scope", "secret", "name", "created", "last used", "ends")
            put_table(heads, map(_token_row, found))


@app.command("rotate-token")
def rotate_token(
    ctx: typer.Context,
    token: Token,
    grace: Annotated[int, typer.Option(min=0, max=30 * DAY, help="Seconds for which the old secret is good.")] = 3600,
    json: Json = False,
) -> None:
    """Give a token a new secret and print it; the old one is good for a while."""
    where: Where = ctx.obj
    with where.open() as session:
        _put_issued(session.client.access.rotate_token(token, grace_seconds=grace), json)


@app.command("revoke-token")
def revoke_token(ctx: typer.Context, token: Token) -> None:
    """End a token."""
    where: Where = ctx.obj
    with where.open() as session:
        print(f"{session.client.access.revoke_token(token).name} is revoked")


@app.command("audit")
def audit(
    ctx: typer.Context,
    project: OfProject = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many entries.")] = 100,
    json: Json = False,
) -> None:
    """List what was done and what was refused, newest first."""
    from teachback.cli.show import put_json, put_table
    from teachback.plain import to_plain

    where: Where = ctx.obj
    with where.open() as session:
        found = islice(session.client.access.audit(project), limit)
        if json:
            for entry in found:
                put_json(to_plain(entry))
        else:
            heads = ("time", "project", "token", "method", "object", "address", "outcome", "times")
            put_table(heads, ((_at(e.time), *(getattr(e, name) for name in heads[1:])) for e in found))


def _put_project(project: access_pb2.Project, json: bool) -> None:
    from teachback.cli.show import put_json
    from teachback.plain import to_plain

    told: dict[str, Any] = to_plain(project)
    if json:
        put_json(told)
        return
    holds, takes = project.effective_limits, project.usage
    period = {1: "this month", 2: "in all"}.get(holds.spend_period, "")
    print(f"{project.name} ({project.display_name})")
    print(f"requests a second  {_of(holds, 'requests_per_second')}")
    print(f"jobs               {takes.jobs} of {_of(holds, 'max_jobs')}")
    print(f"stored bytes       {takes.stored_bytes} of {_of(holds, 'max_stored_bytes')}")
    print(f"spend in dollars   {takes.spend:.4f} of {_of(holds, 'max_spend')} {period}".rstrip(), flush=True)


def _of(
    limits: access_pb2.Limits, field: Literal["requests_per_second", "max_jobs", "max_stored_bytes", "max_spend"]
) -> str:
    return f"{getattr(limits, field):.15g}" if limits.HasField(field) else "unlimited"


def _put_issued(issued: access_pb2.IssuedToken, json: bool) -> None:
    from teachback.cli.show import put_json
    from teachback.plain import to_plain

    if json:
        put_json(to_plain(issued))
        return
    say(f"{issued.token.name}, whose secret is told this once:")
    print(issued.secret, flush=True)


def _token_row(token: access_pb2.Token) -> tuple[object, ...]:
    from teachback.plain import to_plain

    ends = (
        "revoked" if token.HasField("revoke_time") else _at(token.expire_time) if token.HasField("expire_time") else "-"
    )
    used = _at(token.last_used_time) if token.HasField("last_used_time") else "never"
    project = token.project or "(operator)"
    scope = to_plain(token)["scope"]
    return token.name, project, scope, f"{token.prefix}...", token.display_name, _at(token.create_time), used, ends


def _at(when: Timestamp) -> str:
    return when.ToDatetime().isoformat(timespec="seconds") + "Z"
