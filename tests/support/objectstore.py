"""An S3 of our own: moto's server in a process, one bucket in it. It can be stopped, and held still."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

import httpx

from tests.support.loopback import free_port

KEY = "canary-4711-object-key"


class ObjectStore:
    """`with ObjectStore() as store:` runs it. `store.env` is what a service needs beside the address `store.url`."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = "s3://models/team"
        self.env = {
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it, with an empty bucket."""
        command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while True:
            try:
                assert httpx.put(f"{self.env['AWS_ENDPOINT_URL']}/models", timeout=20).status_code == 200
                return
            except httpx.TransportError:
                assert time.monotonic() < until, "moto's server did not start"
                time.sleep(0.1)

    def stop(self) -> None:
        """Ends it; whatever it had is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def still(self) -> None:
        """It answers nobody until `go_on`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Ends what `still` began."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
