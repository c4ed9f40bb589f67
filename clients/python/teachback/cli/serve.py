"""`teachback serve`: the service itself, where it is installed."""

from __future__ import annotations

import typer

from teachback.cli import settings_options as options


def serve(
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
) -> None:
    """Run the service, gRPC and REST, until it is stopped. What is not given here is taken from its settings."""
    options.installed("services.main").serve(**options.flags(ctx.params), private=False)
