"""`teachback preferences`: pairs for DPO, from a model's own answers or from the rounds of an enhance job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from teachback.cli.budget import MaxCost
from teachback.cli.jobs import Json
from teachback.cli.where import Where, say
from teachback.errors import BadInput


def preferences(
    ctx: typer.Context,
    rows: Annotated[
        str, typer.Argument(metavar="[ROWS]", help="Rows with their ideal answers: a file, datasets/ID or jobs/ID.")
    ] = "",
    model: Annotated[
        str, typer.Option(help="The SFT model whose answers stand against the ideals: folder or job.")
    ] = "",
    rounds: Annotated[str, typer.Option(help="An enhance job: converged rounds against earlier ones.")] = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="The file of pairs.")] = Path("preferences.jsonl"),
    evaluator: Annotated[str, typer.Option(help="Judges where rules can't. Default: the service's own.")] = "",
    num_pairs: Annotated[int, typer.Option(min=1, help="Pairs at most.")] = 1000,
    samples_per_prompt: Annotated[int, typer.Option(min=1, max=16, help="Answers to draw for each row.")] = 2,
    temperature: Annotated[float | None, typer.Option(min=0, max=2, help="Of these draws. Default 0.8.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=1000, help="Rows in flight at once.")] = 10,
    max_cost: MaxCost = None,
    seed: Annotated[int, typer.Option(help="Of every draw.")] = 0,
    resume: Annotated[bool, typer.Option(help="Go on where the same command was left.")] = True,
    json: Json = False,
) -> None:
    """Make pairs of a chosen and a rejected answer."""
    from teachback import enhancing, files, training_run
    from teachback.cli.attending import attend, put_figures
    from teachback.cli.show import put_json

    if bool(rounds) == bool(rows and model):
        raise BadInput("name rows and --model, or --rounds JOB")
    files.check_output(output, [])
    where: Where = ctx.obj
    with where.open() as session:
        fields: dict[str, Any] = {"num_pairs": num_pairs, "batch_size": batch_size, "seed": seed}
        if rounds:
            fields["rounds"] = rounds if rounds.startswith("jobs/") else f"jobs/{rounds}"
        else:
            fields["dataset"] = training_run.rows(session.client, rows, say)
            fields["model"] = training_run.model(model)
            fields["samples_per_prompt"] = samples_per_prompt
        fields |= {"evaluator": evaluator} if evaluator else {}
        fields |= {"temperature": temperature} if temperature is not None else {}
        fields |= {"max_cost": max_cost} if max_cost else {}
        job = attend(session, "preferences", fields, resume=resume)
        enhancing.check_done(job.job)
        job.export(output)
    if json:
        put_json({"job": job.name, "output": str(output), **job.report})
    else:
        print(f"output  {output}")
        put_figures(job.report)
