"""Authorities and certificates of a test's own, as PEM files."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Files:
    """A certificate and its key."""

    cert: Path
    key: Path


class Authority:
    """Signs. Two of one name have different keys: one does not vouch for what the other has signed."""

    def __init__(self, folder: Path, name: str = "Teachback tests") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, _called(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / "ca.pem"
        """Its own certificate."""
        own = _begun(self._name, self._name, self._key, DAY, 30 * DAY)
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.file.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        name: str,
        *,
        server: bool = False,
        starts: timedelta = -DAY,
        ends: timedelta = 30 * DAY,
        own: bool = False,
        names: tuple[str, ...] = (),
    ) -> Files:
        """A certificate for a service at localhost (`server`), and under more `names`, or for a caller.

        It is valid from and until so long from now. `own`: signed by itself, not by this authority.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        begun = _begun(_called(name), _called(name) if own else self._name, key, -starts, ends)
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        begun = begun.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if server:
            here = [*map(x509.DNSName, ("localhost", *names)), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            begun = begun.add_extension(x509.SubjectAlternativeName(here), critical=False)
        signed = begun.sign(key if own else self._key, hashes.SHA256())
        files = Files(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        files.cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(pem(key))
        return files


def pem(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None = None) -> bytes:
    """A key as its file holds it."""
    sealed: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        sealed = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, ago: timedelta, ends: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - ago)
        .not_valid_after(now + ends)
    )
