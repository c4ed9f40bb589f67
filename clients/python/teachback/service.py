"""The private service: what the command line works with when no server is named.

It is a process of its own that goes on when the command line is left, and ends by itself some time after its last job.
Where it listens stands in `{data_dir}/service.json`, readable by its owner only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from teachback.errors import TeachbackError, Unreachable

START_SECONDS = 60.0
LOG_LINES = 15
# What a provider is reached with: a service started under other values would go on using those.
PROVIDER_SETTINGS = ("_API_KEY", "_API_BASE", "_BASE_URL", "_PROXY")
OURS = frozenset(
    {
        "TEACHBACK_HOME", "TEACHBACK_INSECURE", "TEACHBACK_PROJECT", "TEACHBACK_SERVER", "TEACHBACK_TOKEN",
        "TEACHBACK_TLS_CA_FILE", "TEACHBACK_TLS_CERT_FILE", "TEACHBACK_TLS_CLIENT_CA_FILE", "TEACHBACK_TLS_KEY_FILE",
        "TEACHBACK_URL",
    }
)  # fmt: skip
"""Settings of the callers, or of no use to a private service; all others that begin with TEACHBACK_ are its own."""


@dataclass(frozen=True)
class Endpoint:
    """Where a service listens. `grpc` is host:port, `rest` an address, `token` what its calls need."""

    grpc: str
    token: str | None = None
    rest: str = ""
    pid: int = 0


def data_dir() -> Path:
    """TEACHBACK_HOME, else the user's folder for application data."""
    if home := os.environ.get("TEACHBACK_HOME"):
        return Path(home).absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/teachback"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "teachback"


def ensure(folder: Path | None = None) -> Endpoint:
    """The private service of a data folder, started where none runs.

    Raises TeachbackError where the service is not installed, Unreachable, with its last words, where it fails to start.
    """
    folder = folder or data_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise TeachbackError(f"the data folder {folder} cannot be made: {error.strerror}") from error
    with _alone(folder):
        found = running(folder)
        if found and not _outdated(folder, found):
            return found
        if found:
            _stop(found.pid)
        return _start(folder)


def running(folder: Path) -> Endpoint | None:
    """The private service of a data folder where one answers, else None."""
    endpoint = _read(folder)
    return endpoint if endpoint and _answers(endpoint) else None


def _start(folder: Path) -> Endpoint:
    try:
        installed = importlib.util.find_spec("services.main") is not None
    except ModuleNotFoundError:
        installed = False
    if not installed:
        raise TeachbackError(
            "the service is not installed here: `pip install teachback-server`, or name one that runs with --server"
        )
    log = folder / "service.log"
    with log.open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "services.main", "--private", "--data-dir", str(folder)],
            cwd=folder,  # `-m` looks in the current folder first, and that may hold a `services` of its user's
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal must not reach it
        )
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        endpoint = _read(folder)
        if endpoint and endpoint.pid == process.pid and _answers(endpoint):
            _note_settings(folder, endpoint)
            process.returncode = 0  # it is meant to outlive us: no warning that it still runs
            return endpoint
        time.sleep(0.05)
    why = (
        f"ended with {process.returncode}" if process.poll() is not None else f"did not answer in {START_SECONDS:.0f} s"
    )
    process.kill()
    process.wait()
    raise Unreachable(
        f"the private service {why}; {log} ends:\n{_tail(log, begin)}\n"
        "A service that runs already is named with --server or TEACHBACK_SERVER"
    )


def _read(folder: Path) -> Endpoint | None:
    """What service.json says; None where there is none or it is just being written."""
    try:
        told = json.loads((folder / "service.json").read_text())
        return Endpoint(grpc=told["grpc"], token=told["token"], rest=told["rest"], pid=told["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _answers(endpoint: Endpoint) -> bool:
    """Whether the process is there and its standard gRPC health check says SERVING."""
    import grpc

    from teachback.tls import route
    from teachback.wire import channel, metadata

    try:
        os.kill(endpoint.pid, 0)
    except OSError:
        return False
    with channel(route(endpoint.grpc, endpoint.token)) as to_it:
        # HealthCheckRequest{} is no bytes, HealthCheckResponse{SERVING} is field 1 = 1.
        check: Any = to_it.unary_unary("/grpc.health.v1.Health/Check")
        try:
            return bool(check(b"", timeout=5, metadata=metadata(endpoint.token)) == b"\x08\x01")
        except grpc.RpcError:
            return False


def _outdated(folder: Path, endpoint: Endpoint) -> bool:
    """Whether the service runs with other keys than this process has, and a new start would disturb no job."""
    from teachback.client import Client

    with suppress(OSError):
        if (folder / "service.settings").read_text() == _settings(endpoint):
            return False
    with Client(endpoint.grpc, endpoint.token) as client:
        busy = any(True for state in ("queued", "running", "cancelling") for _ in client.jobs(state))
    if busy:
        print("the service keeps the keys it was started with until its jobs are done", file=sys.stderr)
    return not busy


def _settings(endpoint: Endpoint) -> str:
    """A fingerprint of what the service is configured with, salted: no key can be read or guessed from it."""
    told = sorted(
        f"{name}={value}"
        for name, value in os.environ.items()
        if name.upper().endswith(PROVIDER_SETTINGS) or (name.startswith("TEACHBACK_") and name not in OURS)
    )
    if config := os.environ.get("TEACHBACK_CONFIG"):
        with suppress(OSError):  # the service will say what is wrong with it
            told.append(Path(config).read_text("utf-8", "replace"))
    return hashlib.sha256("\0".join([endpoint.token or "", *told]).encode("utf-8", "surrogateescape")).hexdigest()


def _note_settings(folder: Path, endpoint: Endpoint) -> None:
    (folder / "service.settings").write_text(_settings(endpoint))


def _stop(pid: int) -> None:
    """Asks a service to end and waits for it."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # where this very process started it
            os.kill(pid, 0)
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)


def _tail(log: Path, begin: int) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        lines = file.read()[-8192:].decode("utf-8", "replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-LOG_LINES:]) or "  (nothing)"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lets one process at a time look for a service and start one."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with (folder / "service.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
