"""A real service in a process of its own, the command line as a user runs it, and rows to work on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from teachback import Client
from teachback.service import Endpoint, ensure, running

OFFLINE = ("--student", "offline/student", "--teacher", "offline/teacher", "--evaluator", "offline/evaluator")

Row = dict[str, Any]
Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def qa_row(a: int, b: int) -> Row:
    """A sum in the Q&A shape, with thin thinking and values that a careless writer would change."""
    return {
        "messages": [
            {"role": "system", "content": "Document: sums. Section: apples"},
            {"role": "user", "content": f"Ann has {a} apples and buys {b} more. How many apples has she?"},
            {"role": "assistant", "content": str(a + b)},
        ],
        "metadata": {"thinking": "Add them.", "confidence": 1.0, "source_row": a * 1000 + b},
    }


def installer_row(disk: str, annotated: bool = False) -> Row:
    """A request to an installer, with the command that answers it."""
    expected = {"type": "command", "command": f"sgdisk -Z /dev/{disk}"}
    if annotated:
        expected["thinking"] = (
            f"User wants the disk wiped.\nThe system boots by UEFI and has /dev/{disk}, so sgdisk it is."
        )
    return {
        "system_context": f"## Current System State\n- Boot mode: UEFI\n- Disks: /dev/{disk} (500G)\n",
        "messages": [{"role": "user", "content": f"wipe {disk}"}],
        "expected_response": expected,
    }


def write_rows(path: Path, rows: list[Row]) -> Path:
    """Rows as JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read_rows(path: Path) -> list[Row]:
    """JSONL as rows."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def stop(home: Path) -> None:
    """Ends the private service of a data folder, if one runs, the hard way."""
    if endpoint := running(home):
        with suppress(ProcessLookupError):
            os.kill(endpoint.pid, signal.SIGKILL)


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of one private service that the tests share."""
    folder = tmp_path_factory.mktemp("home")
    yield folder
    stop(folder)


@pytest.fixture
def service(home: Path) -> Endpoint:
    """The shared service; it ends when idle, so each test makes sure of it."""
    return ensure(home)


@pytest.fixture
def client(service: Endpoint) -> Iterator[Client]:
    """A client of the shared service."""
    with Client(service.grpc, service.token) as connected:
        yield connected


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """What a user's commands run under: the shared data folder, no server named."""
    return {**os.environ, "TEACHBACK_HOME": str(home)}


@pytest.fixture
def cli(environment: dict[str, str], tmp_path: Path) -> Cli:
    """Runs the command line in the test's own folder."""

    def run(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        """`more`: variables of the environment."""
        command = [sys.executable, "-m", "teachback.cli", *map(str, arguments)]
        return subprocess.run(
            command, env=environment | more, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=90
        )

    return run
