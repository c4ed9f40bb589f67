"""`teachback pipeline run`: everything from a schema to a GGUF file, by one name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from teachback.cli import training_options as t
from teachback.cli.budget import StageMaxCost
from teachback.cli.jobs import Json
from teachback.cli.where import Where, say
from teachback.errors import BadInput

if TYPE_CHECKING:
    from teachback.pipeline_run import Wish

app = typer.Typer(no_args_is_help=True)

ALL = "generate,sft,preferences,dpo,quantize,evaluate"


@app.callback()
def group() -> None:
    """The stages of a training, one after the other."""


@app.command()
def run(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(help="The training's name: schemas/NAME.yaml, training/data/NAME, ...")],
    num: Annotated[int, typer.Option(min=1, max=1_000_000, help="Examples to make.")] = 3000,
    quantization: Annotated[
        str, typer.Option("--quantization", "--quant", help="A type of llama.cpp, as q4_k_m, q8_0, f16.")
    ] = "q4_k_m",
    stages: Annotated[str, typer.Option(help="Stages to do, with commas; what they need is taken over.")] = ALL,
    force: Annotated[str, typer.Option(help="Stages to do again although their output is there.")] = "",
    model: Annotated[str, typer.Option(help="The base model. Default: the service's own.")] = "",
    teacher: Annotated[str, typer.Option(help="Writes the examples. Default: the service's own.")] = "",
    evaluator: Annotated[str, typer.Option(help="Rates and judges. Default: the service's own.")] = "",
    num_pairs: Annotated[int, typer.Option(min=1, help="Preference pairs at most.")] = 1000,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, help="Of the draws for pairs. Default 0.8; higher errs more.")
    ] = None,
    validation_ratio: Annotated[float, typer.Option(min=0, max=0.9, help="Share held out for validation.")] = 0.1,
    sft: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An option of `train sft`; may be repeated.")
    ] = None,
    dpo: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An option of `train dpo`; may be repeated.")
    ] = None,
    workspace: Annotated[Path, typer.Option(help="The folder that holds schemas/ and training/.")] = Path(),
    max_cost: StageMaxCost = None,
    seed: Annotated[int, typer.Option(help="Of every draw.")] = 0,
    json: Json = False,
) -> None:
    """Generate, SFT, preferences, DPO, quantize, evaluate. What is there already is taken over, and said."""
    from teachback.pipeline_run import Wish, chosen
    from teachback.training_files import TrainingFiles

    files = TrainingFiles(workspace, name)
    options: dict[str, Any] = {"quantization": quantization, "num_pairs": num_pairs, "num": num, "seed": seed}
    options |= {k: v for k, v in (("model", model), ("teacher", teacher), ("evaluator", evaluator)) if v}
    options |= {"max_cost": max_cost} if max_cost else {}
    options |= {"temperature": temperature} if temperature is not None else {}
    for field, pairs in (("sft", sft), ("dpo", dpo)):
        if found := t.from_pairs(pairs or [], f"--{field}"):
            options[field] = found
    wish = Wish(files, chosen(stages, "--stages"), chosen(force, "--force"), options)
    if not wish.stages:
        raise BadInput("--stages names none")
    if "generate" in wish.stages or "generate" in wish.force:
        _generate(ctx, wish, num, validation_ratio, teacher, evaluator, max_cost, seed, workspace)
    if wish.stages == ("generate",):
        return
    _train(ctx.obj, wish, json)


def _generate(
    ctx: typer.Context,
    wish: Wish,
    num: int,
    ratio: float,
    teacher: str,
    evaluator: str,
    max_cost: float | None,
    seed: int,
    workspace: Path,
) -> None:
    """Rows from the schema, unless they are there: they may be their user's own, or edited."""
    from teachback.cli.generate_commands import generate_commands
    from teachback.pipeline_run import rows_in

    data, force = wish.files.data, "generate" in wish.force
    if data.train.is_file() and not force:
        say(
            f"generate: skipped, {data.train} is there with {rows_in(data.train)} rows (--force generate makes it anew)"
        )
        return
    wish.files.require_schema()
    generate_commands(
        ctx, None, wish.files.name, num, ratio, workspace, force, False, None, teacher, evaluator, 50, max_cost, 3, seed
    )


def _train(where: Where, wish: Wish, json: bool) -> None:
    from teachback import enhancing, pipeline_run
    from teachback.cli.attending import attend, tell_estimate
    from teachback.cli.comparison import put_comparison
    from teachback.cli.show import put_json

    files = wish.files
    with where.open() as session:
        fields = pipeline_run.spec(session.client, wish, say)
        if "sft" in fields["stages"]:
            told = {"dataset": fields["dataset"], "model": fields.get("model", ""), "training": fields.get("sft", {})}
            tell_estimate(session.client, "sft", told)
        harvest = pipeline_run.Harvest(files, say)
        job = attend(session, "pipeline", fields, resume=not fields["force"], again=True, also=harvest)
        harvest(session.client, job.job)
        enhancing.check_done(job.job)
    if json:
        put_json({"job": job.name, "name": files.name, "models": str(files.models), "stages": harvest.stages})
        return
    for stage, told in harvest.stages.items():
        print(f"{stage:<12}{told['outcome']}" + (f"  {told['job']}" if "job" in told else ""))
    if "evaluate" in harvest.stages:
        put_comparison(harvest.stages["evaluate"])
    if (file := files.gguf(wish.options["quantization"])).is_file():
        print(f"file        {file}")
