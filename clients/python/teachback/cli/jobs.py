"""`teachback watch` and `teachback jobs ...`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from teachback.cli.budget import NewMaxCost
from teachback.cli.where import Where, aside, left, say

if TYPE_CHECKING:
    from teachback.client import JobHandle
    from teachback.v1 import job_pb2

Name = Annotated[str, typer.Argument(metavar="JOB", help='The job, as "jobs/ID" or "ID".')]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def watch(
    ctx: typer.Context,
    job: Name,
    after_seq: Annotated[int, typer.Option(min=0, help="Only events after this one (with --json).")] = 0,
    json: Json = False,
) -> None:
    """Follow a job until it has ended or is paused; with --json its events, one a line."""
    from teachback import enhancing
    from teachback.cli.progress import Display

    where: Where = ctx.obj
    with where.open() as session:
        handle = session.client.job(job)
        try:
            if json:
                aside(partial(_put_events, handle, after_seq))
            else:
                with Display() as display:
                    handle = aside(partial(enhancing.follow, handle, display.show, session.reconnect))
        except KeyboardInterrupt:
            say(f"\nleft; {handle.name} goes on. Follow it: teachback watch {handle.name}")
            left()
        if not json:
            _put_numbers(handle.job)
        enhancing.check_done(handle.job)


def _put_events(job: JobHandle, after_seq: int) -> None:
    """The events as JSON lines. A pause ends them: nothing more comes before somebody resumes."""
    from teachback.cli.show import put_json
    from teachback.plain import to_plain
    from teachback.v1 import job_pb2

    for event in job.watch(after_seq):
        put_json(to_plain(event))
        if event.state == job_pb2.JOB_STATE_PAUSED and job.refresh().state == job_pb2.JOB_STATE_PAUSED:
            return
    job.refresh()


@app.command("list")
def list_jobs(
    ctx: typer.Context,
    state: Annotated[str, typer.Option(help='Only jobs in this state, as "running".')] = "",
    json: Json = False,
) -> None:
    """List jobs, newest first."""
    from teachback.cli.show import put_json, put_table
    from teachback.plain import to_plain

    where: Where = ctx.obj
    with where.open() as session:
        jobs = (handle.job for handle in session.client.jobs(state))
        if json:
            for job in jobs:
                put_json(to_plain(job))
        else:
            put_table(("job", "state", "done", "total", "converged", "cost", "created"), map(_row, jobs))


def _row(job: job_pb2.Job) -> tuple[object, ...]:
    from teachback.stats import state_of

    progress = job.progress
    converged = progress.outcomes.get("converged", 0) + progress.outcomes.get("converged_first_try", 0)
    cost = f"${progress.cost:.4f}" if progress.HasField("cost") else "unknown"
    created = job.create_time.ToDatetime().isoformat(timespec="seconds") + "Z"
    return job.name, state_of(job), progress.done_examples, progress.total_examples, converged, cost, created


@app.command()
def get(ctx: typer.Context, job: Name, json: Json = False) -> None:
    """Show how a job stands."""
    where: Where = ctx.obj
    with where.open() as session:
        _put(session.client.job(job).job, json)


@app.command()
def pause(ctx: typer.Context, job: Name, json: Json = False) -> None:
    """Stop handing out rows; those in flight are finished."""
    where: Where = ctx.obj
    with where.open() as session:
        _put(session.client.job(job).pause(), json)


@app.command()
def resume(
    ctx: typer.Context,
    job: Name,
    max_cost: NewMaxCost = None,
    json: Json = False,
) -> None:
    """Go on with a paused or failed job."""
    where: Where = ctx.obj
    with where.open() as session:
        _put(session.client.job(job).resume(max_cost), json)


@app.command()
def cancel(ctx: typer.Context, job: Name, json: Json = False) -> None:
    """End a job; what is finished is kept."""
    where: Where = ctx.obj
    with where.open() as session:
        _put(session.client.job(job).cancel(), json)


@app.command()
def retry(ctx: typer.Context, job: Name, json: Json = False) -> None:
    """Queue the rows of a job that failed again."""
    where: Where = ctx.obj
    with where.open() as session:
        _put(session.client.job(job).retry(), json)


def _put(job: job_pb2.Job, json: bool) -> None:
    from teachback.cli.show import put_json
    from teachback.plain import to_plain
    from teachback.stats import state_of

    if json:
        put_json(to_plain(job))
        return
    print(f"{job.name} is {state_of(job)}" + (f": {job.error.message}" if job.error.message else ""))
    _put_numbers(job)


def _put_numbers(job: job_pb2.Job) -> None:
    """What the job came to: of work on rows their outcomes, of the trainer's what it reports."""
    from json import loads

    from teachback.cli.attending import put_figures
    from teachback.cli.progress import TRAINER
    from teachback.cli.show import put_stats
    from teachback.stats import stats_of

    if job.spec.WhichOneof("kind") in TRAINER:
        put_figures(loads(job.report_json or "{}"))
    else:
        put_stats(stats_of(job))
