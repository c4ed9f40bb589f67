"""`teachback passages ...`: from a PDF to text, from text to passages, and whether an edited file still holds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from teachback.cli.budget import MaxCost
from teachback.cli.generate import Attempts, BatchSize, Evaluator, Teacher, attend
from teachback.cli.schema import read_text, service_module
from teachback.cli.where import LINE_SECONDS, Where, say
from teachback.errors import BadInput, TeachbackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from teachback.wire import GenerateOptions

app = typer.Typer(no_args_is_help=True)

Out = Annotated[Path, typer.Option("-o", "--output", help="The file to write.")]


@app.command()
def extract(
    book: Annotated[Path, typer.Argument(metavar="BOOK.pdf", help="The PDF.")],
    output: Out,
    password: Annotated[str, typer.Option(envvar="TEACHBACK_PDF_PASSWORD", help="Of an encrypted PDF.")] = "",
) -> None:
    """Take a book's text out of a PDF: paragraphs, without page numbers, running heads and hyphens at line ends."""
    from teachback.files import check_output, replacing

    check_output(output, [book])
    pdf = service_module("services.pdf")
    try:
        with _pages(book) as page_read:
            found = pdf.extract(book, password, page_read)
    except pdf.PdfError as error:
        raise BadInput(str(error)) from None
    with replacing(output) as file:
        file.write(found.text.encode("utf-8", "replace"))
    for note in found.notes:
        say(f"{book}: {note}")
    say(f"{output}: {len(found.text.split())} words from {found.pages} page{'s'[: found.pages != 1]}")


@app.command()
def propose(
    ctx: typer.Context,
    book: Annotated[Path, typer.Argument(metavar="BOOK.txt", help="The text, as `extract` writes it.")],
    output: Out = Path("passages.md"),
    count: Annotated[int, typer.Option(min=1, max=1000, help="Passages to propose.")] = 20,
    teacher: Teacher = "",
    evaluator: Evaluator = "",
    batch_size: BatchSize = 10,
    max_cost: MaxCost = None,
    max_attempts: Attempts = 3,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that stands there.")] = False,
) -> None:
    """Propose passages of inner experience, spread over a book, in a file for you to edit."""
    from teachback.files import check_output, replacing

    check_output(output, [book])
    if output.exists() and not force:
        raise BadInput(f"{output} is there already, perhaps edited; --force writes over it")
    with book.open("rb") as start:
        if start.read(5) == b"%PDF-":
            raise BadInput(f"{book} is a PDF; first: teachback passages extract {book} -o {book.with_suffix('.txt')}")
    where: Where = ctx.obj
    options: GenerateOptions = {
        "candidates": {"count": count},
        "teacher": teacher,
        "evaluator": evaluator,
        "batch_size": batch_size,
        "max_attempts": max_attempts,
    }
    if max_cost is not None:
        options["max_cost"] = max_cost
    with where.open() as session:
        report = attend(session, [book], options).report
    if not report["passages"]:
        raise TeachbackError(f"{book}: {report['short']}")
    with replacing(output) as file:
        file.write(report["markdown"].encode())
    if short := report.get("short"):
        say(f"{book}: {short}")
    say(f"{output}: {report['passages']} passages; edit it, then: teachback passages check {output} --source {book}")


@app.command()
def templates() -> None:
    """Print the packaged templates, for editing: teachback passages templates > elicitation_templates.md."""
    sys.stdout.write(service_module("services.passages").templates())


@app.command()
def check(
    passages: Annotated[Path, typer.Argument(metavar="PASSAGES.md", help="The file, as edited.")],
    source: Annotated[Path | None, typer.Option(help="The text it quotes: every quote is looked up there.")] = None,
    templates_file: Annotated[
        Path | None, typer.Option(help="Templates of your own, whose numbers the blocks name. Default: the packaged.")
    ] = None,
) -> None:
    """Say which blocks of a passages file cannot be used, with their lines."""
    texts = [read_text(file) if file else "" for file in (passages, source, templates_file)]
    try:
        told, faults = service_module("services.passages").check(*texts)
    except ValueError as error:
        raise BadInput(f"{templates_file}: {error}") from None
    for fault in faults:
        say(f"{passages}:{fault.line}: {fault.reason}")
    say(f"{passages}: {told} passage{'s'[: told != 1]} can be used")
    if faults:
        raise typer.Exit(2)


@contextmanager
def _pages(book: Path) -> Iterator[Callable[[int, int], None]]:
    """Shows the pages read: a bar on a terminal, a line every ten seconds anywhere else."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = TextColumn("pages"), BarColumn(bar_width=24), MofNCompleteColumn()
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda page, pages: bar.update(task, completed=page, total=pages)
        return
    said = time.monotonic()

    def line(page: int, pages: int) -> None:
        nonlocal said
        if page == pages or time.monotonic() - said >= LINE_SECONDS:
            say(f"{book}: page {page} of {pages}")
            said = time.monotonic()

    yield line
