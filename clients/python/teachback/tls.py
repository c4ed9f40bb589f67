"""How a service is reached: with TLS or without, and never a token in the clear by mistake."""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from teachback.errors import BadInput

_SCHEME = re.compile(r"(https?)://(.*?)/*")
_RESOLVER = re.compile(r"(dns:(///)?|ipv[46]:)")


@dataclass(frozen=True)
class Tls:
    """TLS from the client's side, in PEM files.

    `ca_file`: who vouches for the service; None for the public authorities that gRPC knows. `cert_file` and `key_file`:
    the certificate that a service with mTLS asks its callers for.
    """

    ca_file: str | Path | None = None
    cert_file: str | Path | None = None
    key_file: str | Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """For a channel. Raises BadInput for files that can't be read or are not of each other."""
        if bool(self.cert_file) != bool(self.key_file):
            raise BadInput("a client certificate needs its key, and a key its certificate: name both files")
        if self.cert_file and self.key_file:
            try:  # gRPC itself would only say that it can't connect
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(self.cert_file, self.key_file, _no_passphrase)
            except ssl.SSLError as error:
                why = error.reason or error
                raise BadInput(
                    f"{self.cert_file} and {self.key_file} are no certificate with its key: {why}"
                ) from error
            except OSError as error:
                raise BadInput(f"{self.cert_file} or {self.key_file} can't be read: {error.strerror}") from error
        return grpc.ssl_channel_credentials(_pem(self.ca_file), _pem(self.key_file), _pem(self.cert_file))


@dataclass(frozen=True)
class Route:
    """Where a channel goes. `credentials` is None for one in the clear."""

    target: str
    credentials: grpc.ChannelCredentials | None
    options: tuple[tuple[str, Any], ...]


def route(target: str, token: str | None, tls: Tls | None = None, *, insecure: bool = False) -> Route:
    """The way to a service.

    Args:
        target: host:port, or https://host:port for TLS, which `tls` means as well.
        token: what will be sent there.
        tls: whom to trust and what to show; None: nothing in particular.
        insecure: whether a token may go in the clear to another machine, as through a tunnel.

    Raises BadInput where it would go so without leave, and for files that can't be used.
    """
    scheme, address = "", target
    if found := _SCHEME.fullmatch(target):
        scheme, address = found[1], found[2]
        if not re.fullmatch(r".+:\d+", address):
            raise BadInput(f"{target!r} names no port; write {scheme}://host:port")
    if scheme == "http" and tls:
        raise BadInput(
            f"{target} is to be reached in the clear, and there are settings for TLS: write https://{address}"
        )
    near = is_loopback(address)
    # A proxy is for what lies beyond this machine; gRPC would send even 127.0.0.1 there.
    options = (("grpc.enable_http_proxy", 0),) if near else ()
    if scheme == "https" or tls:
        return Route(address, (tls or Tls()).credentials(), options)
    if token and not near and not insecure:
        raise BadInput(
            f"the token would go to {address} in the clear: write https://{address}, or name the CA of its certificate "
            "with --tls-ca-file or TEACHBACK_TLS_CA_FILE; --insecure or TEACHBACK_INSECURE=1 sends it all the same"
        )
    return Route(address, None, options)


def is_loopback(target: str) -> bool:
    """Whether a gRPC target lies on this machine, as far as its name says."""
    if target.startswith(("unix:", "unix-abstract:", "vsock:")):
        return True
    host = _RESOLVER.sub("", target, count=1).rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _pem(path: str | Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        read = Path(path).read_bytes()
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}") from error
    if b"-----BEGIN " not in read:
        raise BadInput(f"{path} is not PEM (-----BEGIN ...)")
    return read


def _no_passphrase() -> str:
    raise BadInput("the client's key has a passphrase, which gRPC can't ask for: write it without")
