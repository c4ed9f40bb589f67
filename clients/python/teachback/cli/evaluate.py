"""`teachback evaluate`: models on the same held-out rows, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from teachback.cli.jobs import Json
from teachback.cli.where import Where, say


def evaluate(
    ctx: typer.Context,
    rows: Annotated[str, typer.Argument(metavar="ROWS", help="Held-out rows: a file, datasets/ID or jobs/ID.")],
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help="The first is what the others are held against: folders, jobs, names."),
    ],
    schema: Annotated[Path | None, typer.Option(help="The command line's schema, for figures by subcommand.")] = None,
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, max=8192, help="Of an answer. Default: half again the longest right one.")
    ] = None,
    max_samples: Annotated[int | None, typer.Option(min=1, help="Only the first so many rows.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for figures and pictures.")] = Path(
        "evaluation"
    ),
    resume: Annotated[bool, typer.Option(help="Take what the same command has measured before.")] = True,
    json: Json = False,
) -> None:
    """Exact match, valid JSON, structure, arguments, loss and latency of each model on the same rows."""
    from teachback import enhancing, training_run
    from teachback.cli.attending import attend
    from teachback.cli.comparison import put_comparison
    from teachback.cli.show import put_json

    where: Where = ctx.obj
    with where.open() as session:
        fields: dict[str, Any] = {
            "dataset": training_run.rows(session.client, rows, say),
            "models": [training_run.model(name) for name in models],
        }
        if schema:
            fields["cli_schema"] = training_run.rows(session.client, schema, say, "schema")
        fields |= {"max_new_tokens": max_new_tokens} if max_new_tokens else {}
        fields |= {"max_samples": max_samples} if max_samples else {}
        job = attend(session, "evaluate", fields, resume=resume)
        enhancing.check_done(job.job)
        training_run.fetch(session.client, job.name, output, say)
        if json:
            put_json({"job": job.name, "output": str(output), **job.report})
        else:
            put_comparison(job.report)
