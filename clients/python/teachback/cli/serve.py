"""`teachback serve`: the service itself, where it is installed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from teachback.errors import TeachbackError


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; beyond loopback a token is required. Default: 127.0.0.1.")
    ] = None,
    grpc_port: Annotated[int | None, typer.Option(help="Port for gRPC; 0 takes a free one. Default: 50051.")] = None,
    rest_port: Annotated[int | None, typer.Option(help="Port for REST; 0 takes a free one. Default: 8080.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where data is kept. Default: the user's data folder.")] = None,
    database_url: Annotated[str | None, typer.Option(help="Database. Default: SQLite in the data folder.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="File that holds the token callers must send.")] = None,
) -> None:
    """Run the service, gRPC and REST, until it is stopped. What is not given here is taken from its settings."""
    try:
        service = importlib.import_module("services.main")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "services":
            raise
        raise TeachbackError("the service is not installed here: pip install teachback-server") from error
    service.serve(
        host=host,
        grpc_port=grpc_port,
        rest_port=rest_port,
        data_dir=data_dir,
        database_url=database_url,
        token_file=token_file,
        private=False,
    )
