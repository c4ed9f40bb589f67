"""TLS on both ports, callers' certificates, and files that can't be used, told before anybody listens."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from teachback import Client, Tls
from teachback.errors import Refused, Unreachable

from services.settings import Settings
from services.tls import BadCertificate, load
from tests.services.test_auth import start
from tests.support.certificates import DAY, Authority, Files, pem
from tests.support.served import Served
from tests.support.service import Service

TOKEN = "a-token-of-this-test"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - beyond loopback is what these tests are about


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for the service and for its callers."""
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def shown(ours: Authority) -> Files:
    """The service's certificate."""
    return ours.issue("service", server=True)


@pytest.fixture(scope="module")
def callers(ours: Authority, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    """Certificates that callers may show, by what they are."""
    theirs = Authority(tmp_path_factory.mktemp("theirs"))  # of the same name as ours, with another key
    return {
        "right": ours.issue("right"),
        "wrong": ours.issue("wrong", own=True),
        "expired": ours.issue("expired", starts=-3 * DAY, ends=-DAY),
        "foreign": theirs.issue("foreign"),
    }


@pytest.fixture(scope="module")
def mutual(ours: Authority, shown: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that wants certificates of its callers, and a token beside."""
    flags = ("--tls-cert-file", shown.cert, "--tls-key-file", shown.key, "--tls-client-ca-file", ours.file)
    with Served(tmp_path_factory.mktemp("mutual"), *flags, TEACHBACK_TOKEN=TOKEN) as served:
        yield served


def gets_in(served: Served, tls: Tls) -> bool:
    """Whether a caller is answered over gRPC."""
    try:
        with Client(served.grpc, TOKEN, tls=tls) as client:
            return list(client.jobs()) == []
    except Unreachable:
        return False


def https(ours: Authority, files: Files | None = None) -> httpx.Client:
    """An HTTP client that trusts our authority, with a certificate of its own where one is given."""
    context = ssl.create_default_context(cafile=ours.file)
    if files:
        context.load_cert_chain(files.cert, files.key)
    return httpx.Client(verify=context, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)


# ---------------------------------------------------------------- who gets in
def test_one_of_four_certificates_gets_in_over_grpc(
    mutual: Served, ours: Authority, callers: dict[str, Files], capsys: pytest.CaptureFixture[str]
) -> None:
    got = {kind: gets_in(mutual, Tls(ours.file, files.cert, files.key)) for kind, files in callers.items()}
    with capsys.disabled():
        print(f"\nmTLS: {sum(got.values())} of {len(got)} certificates get in: {got}")
    assert got == {"right": True, "wrong": False, "expired": False, "foreign": False}


def test_nor_does_a_caller_without_or_with_a_servers_certificate(mutual: Served, ours: Authority, shown: Files) -> None:
    assert not gets_in(mutual, Tls(ours.file))
    assert not gets_in(mutual, Tls(ours.file, shown.cert, shown.key))  # it is for servers alone
    with pytest.raises(Unreachable, match="or wants a certificate of yours"), Client(mutual.grpc, TOKEN) as client:
        list(client.jobs())


def test_one_of_four_certificates_gets_in_over_rest(mutual: Served, ours: Authority, callers: dict[str, Files]) -> None:
    got = {}
    for kind, files in callers.items():
        with https(ours, files) as http:
            try:
                got[kind] = http.get(f"{mutual.rest}/v1/jobs").status_code == 200
            except httpx.TransportError:
                got[kind] = False
    assert got == {"right": True, "wrong": False, "expired": False, "foreign": False}


@pytest.mark.parametrize("path", ["/v1/jobs", "/metrics", "/openapi.json", "//healthz", "/healthz/", "/HEALTHZ"])
def test_without_a_certificate_rest_answers_the_probe_alone(mutual: Served, ours: Authority, path: str) -> None:
    with https(ours) as http:
        assert http.get(f"{mutual.rest}/healthz").json() == {"status": "serving"}
        answer = http.get(mutual.rest + path)
    assert answer.status_code == 401
    assert answer.json()["detail"] == "show a client certificate"


def test_a_certificate_is_no_token(mutual: Served, ours: Authority, callers: dict[str, Files]) -> None:
    right = callers["right"]
    with (
        pytest.raises(Refused, match="send the service's token"),
        Client(mutual.grpc, "wrong", tls=Tls(ours.file, right.cert, right.key)) as client,
    ):
        list(client.jobs())
    with https(ours, right) as http:
        assert http.get(f"{mutual.rest}/v1/jobs", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_tls_alone_asks_for_no_certificate(ours: Authority, shown: Files, tmp_path: Path) -> None:
    flags = ("--host", EVERYWHERE, "--tls-cert-file", shown.cert, "--tls-key-file", shown.key)
    with Served(tmp_path, *flags, TEACHBACK_TOKEN=TOKEN) as served:
        assert served.rest.startswith(f"https://{EVERYWHERE}:")
        port, rest = served.grpc.rpartition(":")[2], served.rest.replace(EVERYWHERE, "127.0.0.1")
        for target in (f"127.0.0.1:{port}", f"https://localhost:{port}"):
            with Client(target, TOKEN, tls=Tls(ours.file)) as client:
                assert list(client.jobs()) == []
        with https(ours) as http:
            assert http.get(f"{rest}/v1/jobs").status_code == 200
        stranger = Authority(tmp_path / "stranger")
        for target, ca, why in (
            ("127.0.0.1", stranger, "its certificate is not to be trusted: --tls-ca-file"),
            ("127.0.0.2", ours, "its certificate is for another name"),
        ):
            with (
                pytest.raises(Unreachable, match=why),
                Client(f"{target}:{port}", TOKEN, tls=Tls(ca.file)) as client,
            ):
                list(client.jobs())
        with pytest.raises(httpx.TransportError):
            httpx.get(rest.replace("https", "http"))
        assert "in the clear" not in served.log()


# ---------------------------------------------------------------- starting
def test_beyond_loopback_without_tls_is_warned_of(tmp_path: Path) -> None:
    with Served(tmp_path, "--host", EVERYWHERE, TEACHBACK_TOKEN=TOKEN) as served:
        port = served.grpc.rpartition(":")[2]
        with Client(f"127.0.0.1:{port}", TOKEN) as client:
            assert list(client.jobs()) == []
        assert "no TLS: tokens and rows travel in the clear" in served.log()
        assert TOKEN not in served.log()


def test_a_start_is_refused_with_a_key_of_another_certificate(ours: Authority, shown: Files, tmp_path: Path) -> None:
    other = ours.issue("other", server=True)
    ended = start(tmp_path / "data", "--tls-cert-file", str(shown.cert), "--tls-key-file", str(other.key))
    assert ended.returncode == 1
    assert f"{other.key} is not the key of the certificate in {shown.cert} (CN=service)" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "data").exists()  # nothing was begun


def settings(cert: Path | None, key: Path | None, ca: Path | None = None) -> Settings:
    """Settings with these files."""
    return Settings(tls_cert_file=cert, tls_key_file=key, tls_client_ca_file=ca)


def test_a_good_pair_is_taken(ours: Authority, shown: Files) -> None:
    identity = load(settings(shown.cert, shown.key, ours.file))
    assert identity is not None
    assert identity.days in (29, 30)
    assert load(settings(None, None)) is None


def test_files_that_can_not_be_used_are_told(ours: Authority, shown: Files, tmp_path: Path) -> None:
    past = ours.issue("past", server=True, starts=-3 * DAY, ends=-DAY)
    coming = ours.issue("coming", server=True, starts=DAY)
    none, garbage, sealed, twisted = (tmp_path / name for name in ("none", "garbage", "sealed", "twisted"))
    garbage.write_text("-----BEGIN NOTHING-----\n")
    sealed.write_bytes(pem(ec.generate_private_key(ec.SECP256R1()), b"passphrase"))
    twisted.write_bytes(ours.file.read_bytes() + shown.cert.read_bytes())
    edwards = tmp_path / "edwards"
    edwards.write_bytes(
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    table: list[tuple[Path | None, Path | None, Path | None, str]] = [
        (shown.cert, None, None, "needs both tls_cert_file and tls_key_file"),
        (None, shown.key, None, "needs both tls_cert_file and tls_key_file"),
        (None, None, ours.file, "which needs TLS"),
        (none, shown.key, None, f"{none} can't be read: No such file"),
        (shown.cert, tmp_path, None, "can't be read: Is a directory"),
        (garbage, shown.key, None, "holds no certificate in PEM"),
        (shown.key, shown.key, None, "holds no certificate in PEM"),
        (shown.cert, shown.cert, None, "holds no private key in PEM"),
        (shown.cert, sealed, None, "has a passphrase"),
        (shown.cert, edwards, None, "neither RSA nor ECDSA"),
        (twisted, shown.key, None, "own certificate comes first"),
        (past.cert, past.key, None, "CN=past has expired on "),
        (coming.cert, coming.key, None, "CN=coming is valid from "),
        (shown.cert, shown.key, garbage, f"{garbage} holds no certificate in PEM"),
        (shown.cert, shown.key, past.cert, "CN=past has expired on "),
    ]
    for cert, key, ca, why in table:
        with pytest.raises(BadCertificate) as raised:
            load(settings(cert, key, ca))
        assert why in str(raised.value), (str(raised.value), why)
        assert "PRIVATE KEY-----\n" not in str(raised.value)


def test_a_private_service_takes_no_certificate_of_its_users(ours: Authority, shown: Files, tmp_path: Path) -> None:
    """Who calls another service with TLS has these variables set, the second one unlike what a service needs."""
    service = Service(tmp_path / "data")
    service.env |= {"TEACHBACK_TLS_CERT_FILE": str(shown.cert), "TEACHBACK_TLS_CA_FILE": str(ours.file)}
    with service:
        assert service.rest.startswith("http://")
        assert list(service.client.jobs()) == []
