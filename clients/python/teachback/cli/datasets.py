"""`teachback datasets ...`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from teachback.cli.jobs import Json
from teachback.cli.where import Where, say

if TYPE_CHECKING:
    from teachback.v1 import dataset_pb2

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command()
def upload(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files; rows keep their order.")],
    name: Annotated[str, typer.Option(help="What to call it. Default: the first file's name.")] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Refuse all rows where any row is bad.")] = False,
    kind: Annotated[
        Literal["rows", "schema", "passages", "text", "chunks"],
        typer.Option(help="What they hold: rows to enhance, or a source to make examples from."),
    ] = "rows",
    json: Json = False,
) -> None:
    """Upload files as one dataset and print its name."""
    from teachback.cli.show import put_json
    from teachback.enhancing import tell_bad_rows
    from teachback.plain import to_plain

    where: Where = ctx.obj
    with where.open() as session:
        dataset = session.client.upload(files, display_name=name, strict=strict, kind=kind)
        tell_bad_rows(session.client, dataset, say)
    if json:
        put_json(to_plain(dataset))
    else:
        print(dataset.name)


@app.command("list")
def list_datasets(ctx: typer.Context, json: Json = False) -> None:
    """List datasets, newest first."""
    from teachback.cli.show import put_json, put_table
    from teachback.plain import to_plain

    where: Where = ctx.obj
    with where.open() as session:
        found = session.client.datasets()
        if json:
            for dataset in found:
                put_json(to_plain(dataset))
        else:
            put_table(("dataset", "name", "rows", "bad rows", "created"), map(_row, found))


@app.command("bad-rows")
def bad_rows(
    ctx: typer.Context,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help='The dataset, as "datasets/ID".')],
    json: Json = False,
) -> None:
    """List the rows that a dataset refused, with file, line and reason."""
    from teachback.cli.show import put_json, put_table
    from teachback.plain import to_plain

    where: Where = ctx.obj
    with where.open() as session:
        found = session.client.bad_rows(dataset if dataset.startswith("datasets/") else f"datasets/{dataset}")
        if json:
            for row in found:
                put_json(to_plain(row))
        else:
            put_table(("file", "line", "reason"), ((row.file, row.line, row.reason) for row in found))


def _row(dataset: dataset_pb2.Dataset) -> tuple[object, ...]:
    created = dataset.create_time.ToDatetime().isoformat(timespec="seconds") + "Z"
    return dataset.name, dataset.display_name, dataset.item_count, dataset.bad_row_count, created
