"""`teachback train sft` and `teachback train dpo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from teachback.cli import training_options as t
from teachback.cli.jobs import Json
from teachback.cli.where import Where, say
from teachback.errors import BadInput

app = typer.Typer(no_args_is_help=True)

INSTALLER = Path("training/training_with_thinking.jsonl")
"""Where installer rows with their thinking are kept."""

Validation = Annotated[str, typer.Option(help="Rows to measure on, as ROWS. Default: a tenth of them, split off.")]
Model = Annotated[str, typer.Option(help="A hub name, embedded/smollm2-135m, or a job. Default: the service's own.")]
Resume = Annotated[bool, typer.Option(help="Go on where the same command was left, or take what it has made.")]


@app.command()
def sft(
    ctx: typer.Context,
    rows: Annotated[
        str, typer.Argument(metavar="[ROWS]", help="A file of rows, datasets/ID, or jobs/ID of a job that made some.")
    ] = "",
    style: t.Style = "",
    validation: Validation = "",
    model: Model = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the model.")] = Path("models/sft"),
    resume: Resume = True,
    num_train_epochs: t.Epochs = None,
    max_steps: t.MaxSteps = None,
    per_device_train_batch_size: t.TrainBatch = None,
    gradient_accumulation_steps: t.Accumulation = None,
    learning_rate: t.LearningRate = None,
    warmup_ratio: t.Warmup = None,
    lr_scheduler_type: t.Schedule = "",
    use_lora: t.UseLora = None,
    lora_r: t.LoraR = None,
    lora_alpha: t.LoraAlpha = None,
    lora_dropout: t.LoraDropout = None,
    lora_target_modules: t.LoraModules = None,
    max_seq_length: t.MaxLength = None,
    packing: t.Packing = None,
    gradient_checkpointing: t.Checkpointing = None,
    load_in_4bit: t.FourBit = None,
    save_steps: t.SaveSteps = None,
    early_stopping_patience: t.Patience = None,
    seed: t.TrainingSeed = None,
    json: Json = False,
) -> None:
    """Supervised fine-tuning: the loss on the answers alone, an adapter unless --no-use-lora."""
    from teachback.cli.attending import attend, finish, tell_estimate
    from teachback.training_run import rows as rows_of

    source = rows or (str(INSTALLER) if style == "installer" else "")
    if not source:
        raise BadInput("name a file of rows, a dataset or a job: teachback train sft ROWS")
    if style == "installer":
        _check_installer(source)
    where: Where = ctx.obj
    with where.open() as session:
        fields: dict[str, Any] = {"dataset": rows_of(session.client, source, say), "training": t.given(ctx.params)}
        if validation:
            fields["validation"] = rows_of(session.client, validation, say)
        if model:
            fields["model"] = _model(model)
        tell_estimate(session.client, "sft", fields)
        finish(session, attend(session, "sft", fields, resume=resume), output, json)


@app.command()
def dpo(
    ctx: typer.Context,
    pairs: Annotated[
        str,
        typer.Argument(metavar="PAIRS", help="A file of prompt, chosen, rejected, or jobs/ID of a preferences job."),
    ],
    model: Annotated[str, typer.Option(help="What to start from: the folder of an SFT, its job, or a hub name.")],
    validation: Annotated[str, typer.Option(help="Pairs to measure on.")] = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the model.")] = Path("models/dpo"),
    resume: Resume = True,
    beta: t.Beta = None,
    loss_type: t.LossType = "",
    num_train_epochs: t.Epochs = None,
    max_steps: t.MaxSteps = None,
    per_device_train_batch_size: t.TrainBatch = None,
    gradient_accumulation_steps: t.Accumulation = None,
    learning_rate: t.LearningRate = None,
    warmup_ratio: t.Warmup = None,
    lr_scheduler_type: t.Schedule = "",
    max_seq_length: t.MaxLength = None,
    gradient_checkpointing: t.Checkpointing = None,
    load_in_4bit: t.FourBit = None,
    save_steps: t.SaveSteps = None,
    seed: t.TrainingSeed = None,
    json: Json = False,
) -> None:
    """Direct preference optimization of an SFT model."""
    from teachback.cli.attending import attend, finish, tell_estimate
    from teachback.training_run import rows as rows_of

    where: Where = ctx.obj
    with where.open() as session:
        fields: dict[str, Any] = {
            "dataset": rows_of(session.client, pairs, say),
            "model": _model(model),
            "training": t.given(ctx.params),
        }
        if validation:
            fields["validation"] = rows_of(session.client, validation, say)
        tell_estimate(session.client, "dpo", fields)
        finish(session, attend(session, "dpo", fields, resume=resume), output, json)


def _model(name: str) -> str:
    from teachback.training_run import model

    return model(name)


def _check_installer(source: str) -> None:
    """Refuses a file whose first row is none of an installer's, before anything is sent. Raises BadInput."""
    if source.startswith(("datasets/", "jobs/")):
        return
    from json import loads

    try:
        with Path(source).open(encoding="utf-8-sig") as file:
            first = loads(file.readline() or "{}")
    except OSError as error:
        raise BadInput(f"{source} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"{source}, line 1: is not JSON: {error}") from error
    if not isinstance(first, dict) or "expected_response" not in first:
        raise BadInput(
            f"{source}, line 1: has no expected_response, so it is no installer row; leave --style out for other shapes"
        )
