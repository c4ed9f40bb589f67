"""`teachback serve` in a process of its own, with the flags and the environment of a test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.support.service import ROOT, environment


class Served:
    """`with Served(folder, "--host", "0.0.0.0") as served:`; `grpc` is host:port, `rest` an address."""

    def __init__(self, folder: Path, *flags: str | Path, **env: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "service.log"
        self.env = environment(folder, TEACHBACK_STUDENT="offline/student", **env)
        ports = ("--grpc-port", "0", "--rest-port", "0")
        self._command = [sys.executable, "-m", "teachback.cli", "serve", "--data-dir", str(folder / "data"), *ports]
        self._command += map(str, flags)
        self.grpc = self.rest = ""

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self.env, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        told = re.fullmatch(r"Teachback serves gRPC on (\S+) and REST on (\S+)\n", line)
        if not told:
            self.__exit__()
            raise RuntimeError(f"it does not serve: {line}{self.log()}")
        self.grpc, self.rest = told[1], told[2]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(errors="replace")
