"""`teachback enhance-thinking` and `teachback submit`."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from teachback.cli.budget import MaxCost
from teachback.cli.where import Where, aside, left, say
from teachback.errors import BadInput, JobEnded, TeachbackError

if TYPE_CHECKING:
    from teachback.cli.accept import Check
    from teachback.client import JobHandle
    from teachback.enhancing import Run, Started
    from teachback.session import Session
    from teachback.stats import Stats
    from teachback.wire import EnhanceOptions

Student = Annotated[str, typer.Option(help="Model that attempts, as provider/model. Default: the service's own.")]
Teacher = Annotated[str, typer.Option(help="Model that hints. Default: the service's own.")]
Evaluator = Annotated[str, typer.Option(help="Model that judges. Default: the service's own, else the teacher.")]
Iterations = Annotated[int, typer.Option(min=1, max=20, help="Rounds at most.")]
Samples = Annotated[int | None, typer.Option(min=1, help="Only the first so many rows.")]
BatchSize = Annotated[int, typer.Option(min=1, max=1000, help="Rows in flight at once.")]
Style = Annotated[
    Literal["qa", "installer"] | None,
    typer.Option(help="The rules a thinking has to keep. Default: those of the row's shape."),
]
Format = Annotated[
    Literal["iterative", "consolidated"],
    typer.Option("--format", help='Turning points visible ("Aha! ..."), or one clean line of thought.'),
]
VerifySamples = Annotated[int, typer.Option(min=1, max=5, help="Fresh attempts without hints that must all succeed.")]
Threshold = Annotated[float | None, typer.Option(min=0, max=1, help="Mean score the judge must give. Default 0.6.")]
Lift = Annotated[bool, typer.Option("--lift", help="Measure how much the thinking raises the answer's probability.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse all rows where any row is bad.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def enhance_thinking(
    ctx: typer.Context,
    sources: Annotated[list[Path], typer.Argument(metavar="SRC", help="Source files, JSONL or a JSON array.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write, JSONL; - for stdout.")],
    student: Student = "",
    teacher: Teacher = "",
    evaluator: Evaluator = "",
    iterations: Iterations = 3,
    samples: Samples = None,
    batch_size: BatchSize = 10,
    style: Style = None,
    format: Format = "iterative",
    max_cost: MaxCost = None,
    verify_samples: VerifySamples = 1,
    threshold: Threshold = None,
    lift: Lift = False,
    resume: Annotated[
        bool,
        typer.Option(help="Go on where the same command was left, and pay nothing again that OUT holds already."),
    ] = True,
    strict: Strict = False,
    accept: Annotated[Literal["seed"] | None, typer.Option(help="Check the result as a list of conditions.")] = None,
    json: Json = False,
) -> None:
    """Enhance the thinking of every row of SRC and write the rows to OUT.

    The same command goes on where it was left; with one more SRC only the new rows are worked on.
    """
    from teachback.enhancing import Run

    wanted = options_of(
        student,
        teacher,
        evaluator,
        iterations,
        samples,
        batch_size,
        style,
        format,
        max_cost,
        verify_samples,
        threshold,
        lift,
    )
    piped = str(out) == "-"
    if piped and (json or accept):
        raise BadInput(f"{'--json' if json else '--accept'} wants the rows in a file, and they are to go to stdout")
    run = Run(sources, None if piped else out, wanted, resume, strict)
    where: Where = ctx.obj
    with where.open() as session:
        stats, job = attend(session, run)
    from teachback.cli.accept import checks
    from teachback.enhancing import check_done

    held = checks(stats, out, format == "iterative") if accept and stats["state"] == "succeeded" else []
    with redirect_stdout(sys.stderr) if piped else nullcontext():
        _report(stats, held, json)
    check_done(job.job)
    if not all(check["holds"] for check in held):
        raise JobEnded("not accepted")


def submit(
    ctx: typer.Context,
    sources: Annotated[list[Path], typer.Argument(metavar="SRC", help="Source files, JSONL or a JSON array.")],
    student: Student = "",
    teacher: Teacher = "",
    evaluator: Evaluator = "",
    iterations: Iterations = 3,
    samples: Samples = None,
    batch_size: BatchSize = 10,
    style: Style = None,
    format: Format = "iterative",
    max_cost: MaxCost = None,
    verify_samples: VerifySamples = 1,
    threshold: Threshold = None,
    lift: Lift = False,
    strict: Strict = False,
    json: Json = False,
) -> None:
    """Start the same work and print the job's name at once; `watch` follows it, `export` fetches its rows."""
    from teachback import enhancing
    from teachback.cli.show import put_json
    from teachback.plain import to_plain

    wanted = options_of(
        student,
        teacher,
        evaluator,
        iterations,
        samples,
        batch_size,
        style,
        format,
        max_cost,
        verify_samples,
        threshold,
        lift,
    )
    wanted["reuse"] = True
    where: Where = ctx.obj
    with where.open() as session:
        dataset = enhancing.upload(session.client, sources, strict)
        enhancing.tell_bad_rows(session.client, dataset, say)
        job = enhancing.create(session.client, dataset.name, wanted, enhancing.work_key(dataset, wanted))
    if json:
        put_json(to_plain(job.job))
    else:
        print(job.name)


def options_of(
    student: str,
    teacher: str,
    evaluator: str,
    iterations: int,
    samples: int | None,
    batch_size: int,
    style: Literal["qa", "installer"] | None,
    format: Literal["iterative", "consolidated"],
    max_cost: float | None,
    verify_samples: int,
    threshold: float | None,
    lift: bool,
) -> EnhanceOptions:
    """The options as the service names them; those not given are left to it."""
    options: EnhanceOptions = {
        "max_iterations": iterations,
        "batch_size": batch_size,
        "thinking_format": format,
        "verify_samples": verify_samples,
        "measure_lift": lift,
    }
    if style:
        options["style"] = style
    if student:
        options["student"] = student
    if teacher:
        options["teacher"] = teacher
    if evaluator:
        options["evaluator"] = evaluator
    if samples is not None:
        options["max_samples"] = samples
    if max_cost is not None:
        options["max_cost"] = max_cost
    if threshold is not None:
        options["score_threshold"] = threshold
    return options


def attend(session: Session, run: Run) -> tuple[Stats, JobHandle]:
    """Starts a run, shows it until nothing more happens to it, writes its output. Ctrl-C leaves it (exit code 130)."""
    from teachback import enhancing
    from teachback.cli.progress import Display

    started = None
    try:
        started = aside(lambda: enhancing.start(session.client, run, say))
        say(f"{started.job.name}: {', '.join(str(path) for path in run.sources)} -> {run.out or 'stdout'}")
        with Display() as display:
            show = enhancing.checkpointing(started, display.show)
            job = aside(partial(enhancing.follow, started.job, show, session.reconnect))
    except KeyboardInterrupt:
        if started:
            _leave(session, started)
        else:
            say("\nstopped before the job began")
        left()
    return enhancing.finish(started, job), job


def _leave(session: Session, started: Started) -> None:
    """Says that the job goes on, and keeps what there is of it."""
    from teachback import enhancing

    name, out = started.job.name, started.run.out
    say(f"\nleft; {name} goes on. Follow it: teachback watch {name}")
    if started.run.resume:
        say(f"The same command takes it up again and writes {out or 'the rows'}.")
    else:
        say(f"Fetch its rows: teachback export {name} {out or '-'}")
    try:
        job = session.client.job(name)
        enhancing.finish(started, job)
    except TeachbackError as error:  # leaving must not fail: the job keeps its rows anyway
        say(f"what is finished could not be fetched now: {error}")


def _report(stats: Stats, held: list[Check], json: bool) -> None:
    from teachback.cli.show import put_json, put_stats

    if json:
        put_json({**stats, "accept": held} if held else stats)
        return
    put_stats(stats)
    for check in held:
        print(f"{'pass' if check['holds'] else 'FAIL'}  {check['name']}: {check['seen']}")
