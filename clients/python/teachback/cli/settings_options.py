"""The options of a service's settings, which `serve`, `config show` and `doctor` take alike."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from teachback.errors import TeachbackError

Host = Annotated[
    str | None, typer.Option(help="Address to listen on; beyond loopback a token is required. Default: 127.0.0.1.")
]
GrpcPort = Annotated[int | None, typer.Option(help="Port for gRPC; 0 takes a free one. Default: 50051.")]
RestPort = Annotated[int | None, typer.Option(help="Port for REST; 0 takes a free one. Default: 8080.")]
DataDir = Annotated[Path | None, typer.Option(help="Where data is kept. Default: the user's data folder.")]
DatabaseUrl = Annotated[str | None, typer.Option(help="Database. Default: SQLite in the data folder.")]
ArtifactsUrl = Annotated[
    str | None, typer.Option(help="Where what trainings leave is stored: s3://..., gs://... Default: the data folder.")
]
TokenFile = Annotated[Path | None, typer.Option(help="File that holds the token callers must send.")]
TlsCertFile = Annotated[Path | None, typer.Option(help="PEM: the service's certificate. Means TLS on both ports.")]
TlsKeyFile = Annotated[Path | None, typer.Option(help="PEM: its key.")]
TlsClientCaFile = Annotated[
    Path | None, typer.Option(help="PEM: who vouches for callers, who then show a certificate.")
]

FIELDS = (
    "host", "grpc_port", "rest_port", "data_dir", "database_url", "artifacts_url", "token_file",
    "tls_cert_file", "tls_key_file", "tls_client_ca_file",
)  # fmt: skip
"""The settings that can be given as options."""


def flags(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a command's parameters that are settings, None where not given."""
    return {name: parameters[name] for name in FIELDS}


def installed(module: str) -> Any:
    """A module of the service. Raises TeachbackError where the service is not installed: clients do without it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "services":
            raise
        raise TeachbackError("the service is not installed here: pip install teachback-server") from error
