"""The door: the token, TLS, and the ports."""

from __future__ import annotations

import fcntl
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from services.configuration import names
from services.doctor.findings import Finding, ok, problem, warning
from services.settings import LOOPBACK, Settings
from services.tls import SOON, BadCertificate, load

_SHORT: Final = 16
"""Characters; a shorter token can be guessed by trying."""


def token(settings: Settings) -> Finding:
    """Whether there is one where one is needed."""
    try:
        told = settings.bearer()
    except UnicodeDecodeError:
        return problem("token", f"{settings.token_file} holds no text", "write one line with the token")
    except OSError as error:
        why = f"the token file {settings.token_file} can't be read: {error.strerror}"
        return problem("token", why, "make it readable for the service's user, and for nobody else")
    except ValueError as error:
        found, _, advice = str(error).partition(": ")
        return problem("token", found, advice)
    if told is None:
        return ok("token", "none, and none is needed on loopback: everybody on this machine may call")
    if len(told) < _SHORT:
        return warning("token", f"a short one, of {len(told)} characters", "head -c 24 /dev/urandom | base64 makes one")
    if settings.token_file and settings.token_file.stat().st_mode & 0o004:
        return warning("token", f"everybody on this machine may read {settings.token_file}", "chmod 600 it")
    return ok("token", "is set")


def tls(settings: Settings) -> Finding:
    """Whether the certificate can be used, and until when."""
    try:
        identity = load(settings)
    except BadCertificate as error:
        return problem("tls", str(error), "the service does not start with it")
    if identity is None:
        if settings.host in LOOPBACK:
            return ok("tls", "off, on loopback")
        advice = "set tls_cert_file and tls_key_file, or put a proxy that speaks TLS in front"
        return warning("tls", f"off, while listening on {settings.host}: tokens and rows travel in the clear", advice)
    until = f"the certificate in {identity.cert_file} is valid until {identity.ends:%Y-%m-%d}"
    if identity.days < SOON:
        return warning("tls", f"{until}, {identity.days} days", "renew it and start the service again")
    if identity.key_file.stat().st_mode & 0o004:
        return warning("tls", f"everybody on this machine may read {identity.key_file}", "chmod 600 it")
    callers = f"; callers show one that {identity.client_ca_file} vouches for" if identity.client_ca else ""
    return ok("tls", until + callers)


def ports(settings: Settings) -> Iterator[Finding]:
    """Whether the service could listen, or does."""
    for field in ("grpc_port", "rest_port"):
        check, port = f"{field.partition('_')[0]} port", getattr(settings, field)
        if port == 0:
            yield ok(check, "any free one")
            continue
        at = f"{settings.host}:{port}"
        try:
            family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
            socket.create_server((settings.host, port), family=family).close()
            yield ok(check, f"{at} is free")
        except OSError as error:
            if at_work(settings.data_dir):
                yield ok(check, f"{at} is taken, while a service works in {settings.data_dir}")
                continue
            advice = f"stop what listens there, or set {names.variable(field)} to another port (0: any free one)"
            yield problem(check, f"the service can't listen on {at}: {error.strerror}", advice)


def at_work(folder: Path) -> bool:
    """Whether a service holds the data folder (services/store/lock.py)."""
    try:
        with open(folder / "lock", "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no such file: nobody has ever been there
        return False
    return False
