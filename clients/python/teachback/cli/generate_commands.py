"""`teachback generate commands`: from a command line's schema to training rows, split, figures and coverage."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from teachback.cli.budget import MaxCost
from teachback.cli.generate import Attempts, BatchSize, Enhance, Evaluator, Seed, Student, Teacher, attend, think
from teachback.cli.jobs import Json
from teachback.cli.schema import read_text, service_module
from teachback.cli.where import Where, say
from teachback.errors import BadInput

if TYPE_CHECKING:
    from teachback.client import JobHandle
    from teachback.training_data import TrainingData
    from teachback.v1 import job_pb2
    from teachback.wire import GenerateOptions

PROGRESS_SECONDS = 3.0


def generate_commands(
    ctx: typer.Context,
    schema: Annotated[Path | None, typer.Option(help="The schema. Default: schemas/NAME.yaml.")] = None,
    name: Annotated[str, typer.Option(help="The training's name. Default: the schema's file name.")] = "",
    num: Annotated[int, typer.Option(min=1, max=1_000_000, help="Examples to make.")] = 3000,
    validation_ratio: Annotated[float, typer.Option(min=0, max=0.9, help="Share held out for validation.")] = 0.1,
    workspace: Annotated[Path, typer.Option(help="The folder that holds schemas/ and training/.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Start anew and write over what is there.")] = False,
    print_prompts: Annotated[
        bool, typer.Option("--print-prompts", help="Print the prompts for a chat window, and make nothing.")
    ] = False,
    import_replies: Annotated[
        Path | None, typer.Option(help="Take the requests from a chat window's replies to those prompts.")
    ] = None,
    teacher: Teacher = "",
    evaluator: Evaluator = "",
    batch_size: BatchSize = 50,
    max_cost: MaxCost = None,
    max_attempts: Attempts = 3,
    seed: Seed = 0,
    enhance: Enhance = False,
    student: Student = "",
    json: Json = False,
) -> None:
    """Make requests and the calls that they mean: training/data/NAME/train.jsonl, train_val.jsonl and figures."""
    from teachback.training_data import TrainingData, validation

    if schema is None and not name:
        raise BadInput("say which: --schema FILE, --name NAME, or both")
    data = TrainingData(workspace, name or (schema.stem if schema else ""))
    source = schema or data.schema
    text = read_text(source)
    if print_prompts:
        for number, prompt in enumerate(service_module("services.schemas").prompts(text, num, seed)):
            print(f"{'=' * 72}\n" * (number > 0) + prompt)
        return
    if data.train.exists() and not force:
        say(f"{data.train} is there already; --force makes it anew")
        return
    if import_replies:
        if enhance:
            raise BadInput("--enhance works on a job's examples: replies that are imported are none")
        lines, report = _imported(text, source, num, seed, import_replies)
        job = ""
    else:
        options: GenerateOptions = {
            "commands": {"num": num},
            "teacher": teacher,
            "evaluator": evaluator,
            "batch_size": batch_size,
            "max_attempts": max_attempts,
            "seed": seed,
        }
        if max_cost is not None:
            options["max_cost"] = max_cost
        lines, report, job = _made(ctx.obj, source, data, options, resume=not force)
    train, held_out = data.write(lines, report, validation_ratio)
    say(f"{data.train}: {train} rows; {data.validation.name}: {held_out}")
    _tell(report)
    if enhance:
        apart = validation(len(lines), report.get("together", []), validation_ratio)
        where: Where = ctx.obj
        with where.open() as session:
            models = {"student": student, "teacher": teacher, "evaluator": evaluator}
            think(session, session.client.job(job), data.train, models, without=apart)
    if json:
        from teachback.cli.show import put_json

        put_json({k: v for k, v in report.items() if k not in ("together", "coverage")})


def _made(
    where: Where, source: Path, data: TrainingData, options: GenerateOptions, *, resume: bool
) -> tuple[list[bytes], dict[str, Any], str]:
    """The rows of a job, which is found again where it was left, its report and its name."""
    data.folder.mkdir(parents=True, exist_ok=True)
    with where.open() as session:
        job = attend(session, [source], options, resume=resume, also=_saving(data))
        rows = io.BytesIO()
        job.export(rows)
        return rows.getvalue().splitlines(), job.report, job.name


def _saving(data: TrainingData) -> Callable[[JobHandle, job_pb2.Job], None]:
    """Keeps what is finished in the progress file, every few seconds anew."""
    written = time.monotonic()
    done = 0

    def save(job: JobHandle, state: job_pb2.Job) -> None:
        nonlocal written, done
        if time.monotonic() - written >= PROGRESS_SECONDS and state.progress.done_examples > done:
            job.export(data.progress)
            written, done = time.monotonic(), state.progress.done_examples

    return save


def _imported(text: str, source: Path, num: int, seed: int, replies: Path) -> tuple[list[bytes], dict[str, Any]]:
    """The rows of a chat window's replies that hold, and the report; every refusal is told."""
    from json import dumps

    schemas = service_module("services.schemas")
    said, unreadable = schemas.replies(read_text(replies))
    for why in unreadable:
        say(f"{replies}, {why}")
    judged = schemas.judge(text, num, seed, said)
    for number, why in sorted(judged["refused"].items()):
        say(f"{replies}: task {number} is refused: {why}")
    if not judged["rows"]:
        raise BadInput(
            f"no reply in {replies} holds; were the prompts printed for {source} with --num {num} --seed {seed}?"
        )
    return [dumps(row, ensure_ascii=False).encode() for row in judged["rows"]], judged["report"]


def _tell(report: dict[str, Any]) -> None:
    """What a person has to know of the output: what is missing first."""
    missing = report.get("missing", {})
    if missing:
        kinds = ", ".join(f"{count} {kind}" for kind, count in missing.items())
        say(f"SHORT: {report['examples']} of {report['requested']} examples; missing are {kinds}")
        for outcome, reasons in report.get("lost", {}).items():
            for why, count in sorted(reasons.items(), key=lambda r: -r[1])[:5]:
                say(f"  {outcome}: {count} x {why}")
    if report.get("impossible"):
        say(f"the schema has nothing for the cases {', '.join(report['impossible'])}; the others stand in")
    if unused := report.get("unused", []):
        say(f"not used: {len(unused)} of the schema's arguments, members and flags, such as {unused[0]}")
    varied = report.get("diversity", {})
    say(
        f"{varied.get('distinct_instructions')} distinct requests, {varied.get('distinct_masked')} without values, "
        f"{varied.get('near_duplicates')} near duplicates"
    )
