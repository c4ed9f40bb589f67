"""`teachback quantize`: from a trained model to a file that llama.cpp, Ollama and LM Studio run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from teachback.cli.jobs import Json
from teachback.cli.where import Where, say


def quantize(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The folder of an SFT or DPO, its job, or a hub name.")],
    quantization: Annotated[
        str, typer.Option("--quantization", "--quant", help="A type of llama.cpp, as q4_k_m, q8_0, f16.")
    ] = "q4_k_m",
    name: Annotated[str, typer.Option(help="Goes into the file's name. Default: the model's own.")] = "",
    prefix: Annotated[str, typer.Option(help="Goes before the name; clitron for a command line's model.")] = "",
    imatrix_dataset: Annotated[
        str, typer.Option("--imatrix-dataset", "--imatrix", help="Rows whose activations weigh what is kept.")
    ] = "",
    fidelity_dataset: Annotated[
        str, typer.Option("--fidelity-dataset", "--fidelity", help="Held-out rows the file has to agree on.")
    ] = "",
    fidelity_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of them that has to agree. Default 0.95.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the file.")] = Path("models"),
    resume: Annotated[bool, typer.Option(help="Go on where the same command was left.")] = True,
    json: Json = False,
) -> None:
    """Merge, convert to GGUF, quantize, and hold the file against the model it was made from."""
    from teachback import training_run
    from teachback.cli.attending import attend, finish

    where: Where = ctx.obj
    with where.open() as session:
        fields: dict[str, Any] = {"model": training_run.model(model), "quantization": quantization}
        fields |= {field: text for field, text in (("name", name), ("prefix", prefix)) if text}
        for field, source in (("imatrix_dataset", imatrix_dataset), ("fidelity_dataset", fidelity_dataset)):
            if source:
                fields[field] = training_run.rows(session.client, source, say)
        if fidelity_threshold is not None:
            fields["fidelity_threshold"] = fidelity_threshold
        finish(session, attend(session, "quantize", fields, resume=resume), output, json)
