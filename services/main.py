"""Starts the service: `teachback serve`, `python -m services.main`."""

from __future__ import annotations

import argparse
import os
import secrets
from pathlib import Path
from typing import Any

import structlog
import uvloop
from pydantic import SecretStr, ValidationError
from sqlalchemy.exc import SQLAlchemyError

# LiteLLM would fetch a price list from the network when it is imported.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
# gRPC's fork handlers wake its threads in a child before that runs its own program: one child in seventy crashed so.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from services import logs
from services.app import serve as serve_forever
from services.configuration import names
from services.settings import Settings, explained


def serve(*, private: bool = False, **flags: Any) -> None:
    """Serves until a signal; flags that are None fall back to environment and file. Raises SystemExit, saying why."""
    logs.configure()
    given = {name: value for name, value in flags.items() if value is not None}
    if private:
        given |= {"host": "127.0.0.1", "grpc_port": 0, "rest_port": 0, "token": SecretStr(secrets.token_urlsafe(24))}
        # The environment is its user's, who may have a certificate for another service.
        given |= {"tls_cert_file": None, "tls_key_file": None, "tls_client_ca_file": None}
        given.setdefault("database_url", None)  # or a demo would take up the jobs of a team
        given.setdefault("artifacts_url", None)
    try:
        settings = Settings(**given)
        settings.bearer()
        for sentence in names.ignored(os.environ, Settings.model_fields):
            structlog.get_logger().warning("a variable that nobody reads", told=sentence)
        uvloop.run(serve_forever(settings, private=private))
    except ValidationError as error:
        raise SystemExit(explained(error)) from error
    except (RuntimeError, ValueError, OSError, SQLAlchemyError) as error:
        raise SystemExit(f"the service can't start: {error}") from error


def main() -> None:
    """`python -m services.main`."""
    parser = argparse.ArgumentParser(prog="python -m services.main", description=serve.__doc__)
    parser.add_argument("--host")
    parser.add_argument("--grpc-port", type=int)
    parser.add_argument("--rest-port", type=int)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--database-url")
    parser.add_argument("--artifacts-url")
    parser.add_argument("--token-file", type=Path)
    parser.add_argument("--tls-cert-file", type=Path)
    parser.add_argument("--tls-key-file", type=Path)
    parser.add_argument("--tls-client-ca-file", type=Path)
    parser.add_argument("--private", action="store_true", help="any free port, a token of its own, gone when idle")
    serve(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
