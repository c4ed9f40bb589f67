"""`teachback generate passages`: examples of inner life from passages and templates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from teachback.cli.budget import MaxCost
from teachback.cli.generate import Attempts, BatchSize, Enhance, Evaluator, Seed, Student, Teacher, attend, think
from teachback.cli.jobs import Json
from teachback.cli.schema import read_text
from teachback.cli.where import Where, say
from teachback.errors import BadInput

if TYPE_CHECKING:
    from teachback.wire import GenerateOptions


def generate_passages(
    ctx: typer.Context,
    passages: Annotated[Path, typer.Option(help="The passages, as passages.md has them.")] = Path("passages.md"),
    output: Annotated[Path, typer.Option("-o", "--output", help="The examples, JSONL.")] = Path("raw.jsonl"),
    source: Annotated[
        Path | None, typer.Option(help="The .txt that they quote: a block whose quote is not there is left out.")
    ] = None,
    templates: Annotated[
        str, typer.Option(help="Templates to ask of every passage, as 1,2,4. Default: those each passage names.")
    ] = "",
    templates_file: Annotated[
        Path | None, typer.Option(help="Templates of your own. Default: the packaged ones.")
    ] = None,
    state: Annotated[
        bool, typer.Option("--state", help="Ask for emotional state and certainty, and check them.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make them anew, even if this was done before.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse the file where any block is bad.")] = False,
    teacher: Teacher = "",
    evaluator: Evaluator = "",
    batch_size: BatchSize = 10,
    max_cost: MaxCost = None,
    max_attempts: Attempts = 3,
    seed: Seed = 0,
    enhance: Enhance = False,
    student: Student = "",
    json: Json = False,
) -> None:
    """Ask the templates of every passage: one example for each pair, checked against its template's own rules."""
    from teachback.files import check_output

    if source and source.suffix.lower() != ".txt":
        raise BadInput(f"{source}: the text that passages quote is a .txt file; see teachback passages extract")
    files = [source, passages] if source else [passages]  # the text first: the blocks are held to what came before
    check_output(output, files)
    options = options_of(templates, templates_file, state, teacher, evaluator, batch_size, max_cost, max_attempts, seed)
    where: Where = ctx.obj
    with where.open() as session:
        job = attend(session, files, options, resume=not fresh, strict=strict)
        size = job.export(output)
        if enhance:
            think(session, job, output, {"student": student, "teacher": teacher, "evaluator": evaluator})
    report = job.report
    tell(report)
    say(f"{output}: {report.get('examples', 0)} examples, {size} bytes")
    say(f"next: teachback review {output} -o curated.jsonl")
    if json:
        from teachback.cli.show import put_json

        put_json(report)


def options_of(
    templates: str,
    templates_file: Path | None,
    state: bool,
    teacher: str,
    evaluator: str,
    batch_size: int,
    max_cost: float | None,
    max_attempts: int,
    seed: int,
) -> GenerateOptions:
    """The options as the service names them. Raises BadInput."""
    numbers = [number.strip() for number in templates.split(",") if number.strip()]
    if templates and not numbers:
        raise BadInput(f"--templates takes numbers, as 1,2,4, and not {templates!r}")
    markdown = read_text(templates_file) if templates_file else ""
    options: GenerateOptions = {
        "passages": {"templates": numbers, "templates_markdown": markdown, "state": state},
        "teacher": teacher,
        "evaluator": evaluator,
        "batch_size": batch_size,
        "max_attempts": max_attempts,
        "seed": seed,
    }
    if max_cost is not None:
        options["max_cost"] = max_cost
    return options


def tell(report: dict[str, Any]) -> None:
    """Each passage's share of the output, and what was lost and why."""
    shares = report.get("passages", {})
    missing = report.get("planned", 0) - report.get("examples", 0)
    if missing:
        say(f"SHORT: {report['examples']} of {report['planned']} examples")
        for outcome, reasons in report.get("lost", {}).items():
            for why, count in sorted(reasons.items(), key=lambda r: -r[1])[:5]:
                say(f"  {outcome}: {count} x {why}")
    for name, share in shares.items():
        say(f"  {share['examples']:>3} of {share['planned']:<3} {share['share']:>6.1%}  {name}")
