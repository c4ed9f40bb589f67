"""Which service the commands talk to."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from teachback.errors import BadInput

if TYPE_CHECKING:
    from teachback.session import Session

Result = TypeVar("Result")
LINE_SECONDS = 10.0  # between two lines of progress where stderr is no terminal


@dataclass(frozen=True)
class Where:
    """What the global options said. No server: a private service of this user's."""

    server: str = ""
    token_file: Path | None = None
    tls_ca_file: Path | None = None
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    insecure: bool = False
    project: str = ""

    def open(self) -> Session:
        """A session with that service. Import of gRPC happens here, after the options have been read."""
        from teachback.session import Session
        from teachback.tls import Tls

        files = (self.tls_ca_file, self.tls_cert_file, self.tls_key_file)
        tls = Tls(*files) if any(files) else None
        return Session(self.server, self._token(), tls=tls, insecure=self.insecure, project=self.project)

    def _token(self) -> str | None:
        if self.token_file is None:
            return os.environ.get("TEACHBACK_TOKEN")
        try:
            return self.token_file.read_text().strip()
        except OSError as error:
            raise BadInput(f"the token file {self.token_file} cannot be read: {error.strerror}") from error


def aside(work: Callable[[], Result]) -> Result:
    """Does `work` in a thread of its own and waits for it, so that a Ctrl-C strikes here.

    One that strikes inside gRPC, between the taking of a lock and the giving back, leaves that lock taken: every later
    call of the process waits for ever. (Seen once in ten interrupts.) After a KeyboardInterrupt the work still runs;
    end with `left`.
    """
    from concurrent.futures import Future  # takes longer to load than a `--help`

    done: Future[Result] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the work is waited for
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return done.result()


def left() -> NoReturn:
    """Ends the program with code 130, whatever still runs aside."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(130)


def say(text: str) -> None:
    """A message for the person, on stderr."""
    print(text, file=sys.stderr, flush=True)
