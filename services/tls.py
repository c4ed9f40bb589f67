"""TLS: the service's certificate and key, who vouches for its callers, and what is wrong with them before it listens.

The files are read once: a renewed certificate is taken up by the next start.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from services.settings import Settings

SOON: Final = 14
"""Days before its end from which on a certificate is warned of."""


class BadCertificate(ValueError):
    """A certificate, a key or a CA that can't be used; the message says which file, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the service shows, and whom it lets in. `client_ca` is None where callers need no certificate."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None
    certificates: bytes
    key: bytes
    client_ca: bytes | None
    ends: datetime

    @property
    def days(self) -> int:
        """Whole days for which the certificate is still good."""
        return (self.ends - datetime.now(UTC)).days

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """For gRPC: with a client CA no handshake succeeds without a certificate that it vouches for."""
        pair = [(self.key, self.certificates)]
        return grpc.ssl_server_credentials(pair, self.client_ca, require_client_auth=self.client_ca is not None)

    def uvicorn_options(self) -> dict[str, Any]:
        """For uvicorn: a client's certificate is asked for and verified, and the app decides who needs one."""
        options: dict[str, Any] = {"ssl_certfile": self.cert_file, "ssl_keyfile": self.key_file}
        if self.client_ca_file:
            options |= {"ssl_ca_certs": self.client_ca_file, "ssl_cert_reqs": ssl.CERT_OPTIONAL}
        return options


def load(settings: Settings) -> Identity | None:
    """The service's identity; None where it is to speak in the clear.

    Raises BadCertificate for files that can't be read, are no PEM, not of each other, not yet or no longer valid.
    """
    cert_file, key_file, ca_file = settings.tls_cert_file, settings.tls_key_file, settings.tls_client_ca_file
    if cert_file is None or key_file is None:
        if cert_file or key_file:
            raise BadCertificate("TLS needs both tls_cert_file and tls_key_file; only one of them is set")
        if ca_file:
            raise BadCertificate(
                "tls_client_ca_file asks callers for certificates, which needs TLS: set tls_cert_file too"
            )
        return None
    shown, key = _read(cert_file), _read(key_file)
    chain = _certificates(shown, cert_file)
    _belong_together(chain, _key(key, key_file), cert_file, key_file)
    for certificate in chain:
        _check_time(certificate, cert_file)
    client_ca = None
    if ca_file:
        client_ca = _read(ca_file)
        for certificate in _certificates(client_ca, ca_file):
            _check_time(certificate, ca_file)
    try:  # OpenSSL has rules of its own, as for keys that are too short
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert_file, key_file)
        if ca_file:
            context.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        raise BadCertificate(f"{cert_file} and {key_file} can't be used: {error.reason or error}") from error
    ends = min(certificate.not_valid_after_utc for certificate in chain)
    return Identity(cert_file, key_file, ca_file, shown, key, client_ca, ends)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadCertificate(f"{path} can't be read: {error.strerror}") from error


def _certificates(pem: bytes, path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise BadCertificate(f"{path} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)") from error


def _key(pem: bytes, path: Path) -> Any:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise BadCertificate(
            f"the key in {path} has a passphrase, which nobody is there to type: `openssl pkey -in {path}` writes it "
            "without; keep that file for the service's user alone"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadCertificate(f"{path} holds no private key in PEM (-----BEGIN PRIVATE KEY-----)") from error
    if not isinstance(key, RSAPrivateKey) and not (
        isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1 | SECP384R1)
    ):
        raise BadCertificate(f"the key in {path} is neither RSA nor ECDSA on P-256 or P-384, and gRPC takes no other")
    return key


def _belong_together(chain: Sequence[x509.Certificate], key: Any, cert_file: Path, key_file: Path) -> None:
    public = key.public_key()
    if chain[0].public_key() == public:
        return
    if any(certificate.public_key() == public for certificate in chain):
        raise BadCertificate(f"{cert_file}: the service's own certificate comes first, then those that vouch for it")
    raise BadCertificate(
        f"{key_file} is not the key of the certificate in {cert_file} ({chain[0].subject.rfc4514_string()}): "
        "name the two that were made together"
    )


def _check_time(certificate: x509.Certificate, path: Path) -> None:
    now, name = datetime.now(UTC), certificate.subject.rfc4514_string()
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > ends:
        raise BadCertificate(
            f"{path}: the certificate of {name} has expired on {ends:%Y-%m-%d %H:%M} UTC; name a renewed one"
        )
    if now < begins:
        raise BadCertificate(
            f"{path}: the certificate of {name} is valid from {begins:%Y-%m-%d %H:%M} UTC on; "
            "is this machine's clock right?"
        )
