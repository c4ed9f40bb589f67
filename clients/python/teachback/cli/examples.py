"""`teachback examples` and `teachback export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from teachback.cli.jobs import Json, Name
from teachback.cli.where import Where, say

if TYPE_CHECKING:
    from teachback.v1 import example_pb2


def examples(
    ctx: typer.Context,
    job: Name,
    id: Annotated[str, typer.Option(help="One example, with its rounds side by side.")] = "",
    outcome: Annotated[str, typer.Option(help='Only those with this outcome, as "converged".')] = "",
    json: Json = False,
) -> None:
    """List what came out of a job, or show one example with its rounds."""
    from teachback.cli.show import put_json, put_rounds, put_table
    from teachback.plain import to_plain

    where: Where = ctx.obj
    with where.open() as session:
        handle = session.client.job(job)
        if id:
            example = handle.example(id)
            put_json(to_plain(example)) if json else put_rounds(example)
        elif json:
            for example in handle.examples(outcome, rounds=True):
                put_json(to_plain(example))
        else:
            heads = ("id", "from", "outcome", "kept round", "question")
            put_table(heads, map(_row, handle.examples(outcome)))


def _row(example: example_pb2.Example) -> tuple[object, ...]:
    from teachback.cli.show import question

    id = example.name.rsplit("/", 1)[-1]
    return id, f"{example.file}:{example.line}", example.outcome, example.best_round or "-", question(example)[:60]


def export(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB|FILE", help="A job, or a file of examples as review writes it.")],
    out: Annotated[
        str, typer.Argument(metavar="OUT", help='The file to write, "-" for stdout; a folder for training.')
    ],
    as_: Annotated[
        Literal["source", "messages", "alpaca", "chatml", "sharegpt", "trl", "openai", "training"],
        typer.Option(
            "--as",
            help="Rows as they came, messages with the thinking in the assistant turn, rows of a training format, or "
            "a folder with every format and the trainers' own files.",
        ),
    ] = "source",
    tag: Annotated[
        Literal["think", "thinking", "reasoning_content"],
        typer.Option(help="How the thinking stands in the assistant turn; reasoning_content with messages alone."),
    ] = "think",
    converged_only: Annotated[bool, typer.Option("--converged-only", help="Only rows that converged.")] = False,
    include_unfinished: Annotated[
        bool, typer.Option("--include-unfinished", help="Also rows without an outcome, as they came.")
    ] = False,
    validation_ratio: Annotated[
        float, typer.Option(min=0, max=0.9, help="With training: share held out, by source.")
    ] = 0.0,
    base_model: Annotated[str, typer.Option(help="With training: the model in the trainers' files.")] = "",
) -> None:
    """Write the rows of a job or of a file of examples, in their order."""
    if as_ not in ("source", "messages") or Path(job).is_file():
        from teachback.cli import exporting

        rows = {"converged_only": converged_only, "include_unfinished": include_unfinished}
        exporting.export(
            ctx.obj, job, out, as_, tag=tag, rows=rows, validation_ratio=validation_ratio, base_model=base_model
        )
        return
    from teachback.files import check_output

    if out != "-":
        check_output(Path(out), [])
    where: Where = ctx.obj
    with where.open() as session:
        size = session.client.job(job).export(
            sys.stdout.buffer if out == "-" else Path(out),
            format=as_,
            thinking_tag=tag,
            converged_only=converged_only,
            include_unfinished=include_unfinished,
        )
    sys.stdout.flush()
    if out != "-":
        say(f"{out}: {size} bytes")
