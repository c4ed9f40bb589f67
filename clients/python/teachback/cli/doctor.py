"""`teachback doctor`: whether a service could work on this machine, and what to do where it could not."""

from __future__ import annotations

from typing import Annotated

import typer

from teachback.cli import settings_options as options


def doctor(
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
    json: Annotated[bool, typer.Option("--json", help="One JSON document: ok, and the findings.")] = False,
) -> None:
    """Look at database, models, disk, memory, GPU, trainer, Ray, clock and ports; exit code 1 where there is a problem.

    It is the service of this machine that is looked at, as `serve` would run it with the same options. Nothing is
    changed, and no model is called.
    """
    raise typer.Exit(options.installed("services.doctor.examine").report(options.flags(ctx.params), as_json=json))
