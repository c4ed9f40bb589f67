"""The commands and the options they all have. Only typer is loaded here: help has to come at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from teachback.cli import (
    access,
    benchmark,
    config,
    datasets,
    demo,
    demo_train,
    doctor,
    enhance,
    evaluate,
    examples,
    generate,
    generate_commands,
    generate_passages,
    generate_personas,
    jobs,
    passages,
    pipeline,
    preferences,
    quantize,
    review,
    schema,
    serve,
    train,
    trial,
)
from teachback.cli.where import Where

EPILOG = (
    "Exit codes: 0 done; 1 the job failed, was paused by its budget, or was not accepted; 2 usage or bad input; "
    "3 the service cannot be reached or wants another token; 130 left by Ctrl-C, the job goes on."
)

app = typer.Typer(
    name="teachback",
    help="Makes the thinking in training data hold: student, teacher, evaluator work on each row until it converges.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich takes longer to load than everything else together
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    ctx: typer.Context,
    server: Annotated[
        str,
        typer.Option(
            envvar="TEACHBACK_SERVER",
            help="host:port of a service, or https://host:port. Without it a private one is used.",
        ),
    ] = "",
    token_file: Annotated[
        Path | None, typer.Option(help="File that holds the service's token; else TEACHBACK_TOKEN is taken.")
    ] = None,
    tls_ca_file: Annotated[
        Path | None,
        typer.Option(envvar="TEACHBACK_TLS_CA_FILE", help="PEM: who vouches for the service. Means TLS, as https://."),
    ] = None,
    tls_cert_file: Annotated[
        Path | None,
        typer.Option(envvar="TEACHBACK_TLS_CERT_FILE", help="PEM: the certificate to show where one is asked for."),
    ] = None,
    tls_key_file: Annotated[Path | None, typer.Option(envvar="TEACHBACK_TLS_KEY_FILE", help="PEM: its key.")] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure", envvar="TEACHBACK_INSECURE", help="Send the token in the clear, even to another machine."
        ),
    ] = False,
    project: Annotated[
        str,
        typer.Option(
            envvar="TEACHBACK_PROJECT", help="The project to work in, with an operator's token; others name their own."
        ),
    ] = "",
) -> None:
    """Options of every command."""
    ctx.obj = Where(server, token_file, tls_ca_file, tls_cert_file, tls_key_file, insecure, project)


app.command("enhance-thinking")(enhance.enhance_thinking)
app.command("submit")(enhance.submit)
app.command("watch")(jobs.watch)
app.add_typer(jobs.app, name="jobs", help="List jobs and steer them.")
app.command("examples")(examples.examples)
app.command("review")(review.review)
app.command("export")(examples.export)
app.add_typer(datasets.app, name="datasets", help="Upload datasets and see what was refused.")
generate.app.command("commands")(generate_commands.generate_commands)
generate.app.command("personas")(generate_personas.generate_personas)
generate.app.command("passages")(generate_passages.generate_passages)
passages.app.command("trial")(trial.trial)
app.add_typer(generate.app, name="generate", help="Make examples from a source.")
app.add_typer(schema.app, name="schema", help="Check and list the schemas of command lines.")
app.command("benchmark")(benchmark.benchmark)
app.add_typer(passages.app, name="passages", help="From a book to passages that you choose.")
app.add_typer(train.app, name="train", help="Train a small model on what came out: SFT, DPO.")
app.command("preferences")(preferences.preferences)
app.command("quantize")(quantize.quantize)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(pipeline.app, name="pipeline", help="From a schema to a GGUF file, by one name.")
app.command("demo")(demo.demo)
app.command("demo-train")(demo_train.demo_train)
app.command("serve")(serve.serve)
app.add_typer(access.app, name="access", help="Projects, their tokens and limits, and who did what.")
app.add_typer(config.app, name="config", help="The settings of the service on this machine.")
app.command("doctor")(doctor.doctor)
