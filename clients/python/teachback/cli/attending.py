"""What every command of the trainer does once its work is described: estimate, start, show, fetch, tell."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from teachback.cli.where import aside, left, say
from teachback.errors import TeachbackError

if TYPE_CHECKING:
    from teachback.client import Client, JobHandle
    from teachback.session import Session
    from teachback.v1 import job_pb2


def attend(
    session: Session,
    kind: str,
    fields: dict[str, Any],
    *,
    resume: bool = True,
    again: bool = False,
    also: Callable[[Client, job_pb2.Job], None] | None = None,
) -> JobHandle:
    """Starts or finds the job and shows it until nothing more happens to it.

    `also` is called with every state that is shown. Ctrl-C leaves it (exit code 130): the job goes on, and the same
    command takes it up again.
    """
    from teachback import training_run

    def start() -> JobHandle:
        return training_run.start(session.client, kind, fields, say, resume=resume, again=again)

    return shown(session, start, kind, (lambda _, state: also(session.client, state)) if also else None)


def shown(
    session: Session,
    start: Callable[[], JobHandle],
    told: str,
    also: Callable[[JobHandle, job_pb2.Job], None] | None = None,
) -> JobHandle:
    """Starts or finds a job, says what it is of (`told`), and shows it as `attend` does."""
    from teachback import enhancing
    from teachback.cli.progress import Display

    job = None
    try:
        job = begun = aside(start)
        say(f"{job.name}: {told}")
        with Display() as display:

            def show(state: job_pb2.Job) -> None:
                display.show(state)
                if also:
                    also(begun, state)

            job = aside(partial(enhancing.follow, job, show, session.reconnect))
    except KeyboardInterrupt:
        say(f"\nleft; {job.name} goes on, and the same command takes it up again" if job else "\nstopped")
        left()
    return job


def tell_estimate(client: Client, kind: str, fields: dict[str, Any]) -> None:
    """Says what it will take. An estimate that can't be had keeps nobody from starting: the start says why."""
    from teachback.training_run import estimated

    try:
        say(estimated(client, kind, fields))
    except TeachbackError as error:
        say(f"no estimate: {error}")


def finish(session: Session, job: JobHandle, output: Path, json: bool) -> None:
    """Fetches the files of a job that is done and prints its figures. Raises JobEnded where it is not done."""
    from teachback import enhancing, training_run
    from teachback.cli.show import put_json

    enhancing.check_done(job.job)
    training_run.fetch(session.client, job.name, output, say)
    if json:
        put_json({"job": job.name, "output": str(output), **job.report})
    else:
        print(f"output  {output}")
        put_figures(job.report)


def put_figures(report: dict[str, Any], indent: str = "") -> None:
    """A report's numbers and words, one a line; what it holds of lists stays in its file."""
    width = max((len(name) for name in report), default=0)
    for name, value in report.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            put_figures(value, indent + "  ")
        elif not isinstance(value, list):
            print(f"{indent}{name:<{width}}  {number(value)}")


def number(value: object) -> str:
    """A figure for people: four digits that count."""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return f"{value:.4g}"
