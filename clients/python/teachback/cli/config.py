"""`teachback config`: the settings of the service on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from teachback.cli import settings_options as options
from teachback.errors import BadInput

app = typer.Typer(no_args_is_help=True)


@app.callback()
def config() -> None:
    """Keeps `show` a verb of its own."""


@app.command("show")
def show(
    ctx: typer.Context,
    host: options.Host = None,
    grpc_port: options.GrpcPort = None,
    rest_port: options.RestPort = None,
    data_dir: options.DataDir = None,
    database_url: options.DatabaseUrl = None,
    artifacts_url: options.ArtifactsUrl = None,
    token_file: options.TokenFile = None,
    tls_cert_file: options.TlsCertFile = None,
    tls_key_file: options.TlsKeyFile = None,
    tls_client_ca_file: options.TlsClientCaFile = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, which can be the file.")] = False,
    yaml: Annotated[bool, typer.Option("--yaml", help="As YAML, which can be the file.")] = False,
) -> None:
    """Print every setting that `serve` would have, its value, and where that came from; secrets are masked."""
    if json and yaml:
        raise BadInput("--json or --yaml, not both")
    module = options.installed("services.configuration.show")
    try:
        told = module.show(options.flags(ctx.params), "json" if json else "yaml" if yaml else "table")
    except ValueError as error:
        raise BadInput(options.installed("services.settings").explained(error)) from error
    print(told, end="")
