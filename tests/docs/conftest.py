"""What a reader of the pages would have: a checkout, a service on the usual ports, providers with their keys.

The usual ports may be taken on this machine, so free ones stand in for them, in the text of each snippet. Providers are
a far model on loopback whose words are the offline models'.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from teachback.service import running

from agents.offline import speak
from tests.docs.ollama import Ollama
from tests.docs.pages import ROOT
from tests.support.farmodel import FarModel
from tests.support.service import environment

PATIENCE = 240
"""Seconds for one snippet; the machine may be busy."""
SHARED = ("examples", "clients", "proto")
"""What a snippet may read of the checkout; what it writes goes to a folder of its own."""


@dataclass
class Reader:
    """Somebody who follows the pages in a terminal."""

    folder: Path
    env: dict[str, str]
    swaps: dict[str, str] = field(default_factory=dict)
    """Addresses as the pages write them, and what stands in for them here."""

    def write(self, name: str, text: str) -> Path:
        """A snippet as a file, with the addresses of this machine."""
        for usual, here in self.swaps.items():
            text = text.replace(usual, here)
        path = self.folder / name
        path.write_text(text)
        return path

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs a command in the reader's folder, and waits for it."""
        return subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False, timeout=PATIENCE
        )


@pytest.fixture(scope="package")
def providers() -> Iterator[dict[str, str]]:
    """The environment of somebody with keys and with servers of their own."""
    with FarModel(say=lambda messages: speak.reply("offline/student", messages)) as far, Ollama() as ollama:
        yield {
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": far.base,
            "ANTHROPIC_API_KEY": "sk-test",
            "ANTHROPIC_API_BASE": far.root,
            "OLLAMA_API_BASE": ollama.base,
            "LM_STUDIO_API_BASE": far.base,
            "HOSTED_VLLM_API_BASE": far.base,
            "TEACHBACK_LOCAL_API_BASE": far.base,
        }


def _free() -> str:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


@pytest.fixture(scope="package")
def reader(tmp_path_factory: pytest.TempPathFactory, providers: dict[str, str]) -> Iterator[Reader]:
    """A reader with a service on the usual ports, as `teachback serve` starts it."""
    folder = tmp_path_factory.mktemp("reader")
    for name in SHARED:
        (folder / name).symlink_to(ROOT / name)
    env = environment(folder, TEACHBACK_HOME=str(folder / "home"), **providers)
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    with (folder / "service.log").open("wb") as log:
        service = subprocess.Popen(
            [sys.executable, "-m", "teachback.cli", "serve"],
            env=env
            | {"TEACHBACK_GRPC_PORT": "0", "TEACHBACK_REST_PORT": "0", "TEACHBACK_DATA_DIR": str(folder / "served")},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert service.stdout is not None
        told = service.stdout.readline()
        grpc, rest = re.findall(r"127\.0\.0\.1:\d+", told) or ["", ""]
        env["TEACHBACK_URL"] = f"http://{rest}"
        swaps = {
            **{port: _free() for port in ("50061", "8061")},  # of a service that a page starts beside the usual one
            "127.0.0.1:50051": grpc,
            "127.0.0.1:8080": rest,
            "http://127.0.0.1:8000/v1": providers["TEACHBACK_LOCAL_API_BASE"],
        }
        yield Reader(folder, env, swaps)
    finally:
        service.terminate()
        service.wait(30)
        assert service.stdout is not None
        service.stdout.close()
        if private := running(folder / "home"):
            with suppress(ProcessLookupError):
                os.kill(private.pid, signal.SIGTERM)
