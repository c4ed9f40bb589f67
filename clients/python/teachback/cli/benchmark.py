"""`teachback benchmark`: which of a server's models to generate with, where the service is installed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from teachback.errors import TeachbackError


def benchmark(
    auto_benchmark: Annotated[
        bool, typer.Option("--auto-benchmark", help="Measure every model. Without it, the sample prompt is printed.")
    ] = False,
    base_url: Annotated[
        str | None,
        typer.Option(
            help="An OpenAI-compatible server. Default: TEACHBACK_LOCAL_API_BASE, else LMSTUDIO_HOST and "
            "LMSTUDIO_PORT, else http://localhost:1234."
        ),
    ] = None,
    models_filter: Annotated[
        str | None, typer.Option(help="Only models with one of these words in their name, as qwen,llama.")
    ] = None,
    benchmark_examples: Annotated[int, typer.Option(min=1, max=20, help="Examples that a model is asked for.")] = 2,
    benchmark_max_tokens: Annotated[int, typer.Option(min=1, help="Tokens of a reply at most.")] = 2048,
    evaluator_model: Annotated[
        str | None,
        typer.Option(
            help="Who rates: a model of the server, else provider/model. Default: openai/gpt-oss-20b where the server "
            "has it."
        ),
    ] = None,
    benchmark_output: Annotated[
        Path | None, typer.Option(help="JSON file for the results, written after every model.")
    ] = None,
    lms_cli_path: Annotated[
        Path | None, typer.Option(help="LM Studio's lms command. Default: its REST API, else lms where it is found.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The results as one line of JSON.")] = False,
) -> None:
    """Find the fastest model of a server that writes well enough: times, tokens per second, a rating, a ranking."""
    try:
        program = importlib.import_module("services.benchmark.main")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "services":
            raise
        raise TeachbackError("the service is not installed here: pip install teachback-server") from error
    code = program.benchmark(
        auto_benchmark=auto_benchmark,
        base_url=base_url,
        models_filter=models_filter,
        benchmark_examples=benchmark_examples,
        benchmark_max_tokens=benchmark_max_tokens,
        evaluator_model=evaluator_model,
        benchmark_output=benchmark_output,
        lms_cli_path=lms_cli_path,
        as_json=as_json,
    )
    raise typer.Exit(code)
