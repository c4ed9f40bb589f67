"""Which service the commands talk to."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from teachback.errors import BadInput

if TYPE_CHECKING:
    from teachback.session import Session

LINE_SECONDS = 10.0  # between two lines of progress where stderr is no terminal


@dataclass(frozen=True)
class Where:
    """What the global options said. No server: a private service of this user's."""

    server: str = ""
    token_file: Path | None = None

    def open(self) -> Session:
        """A session with that service. Import of gRPC happens here, after the options have been read."""
        from teachback.session import Session

        return Session(self.server, self._token())

    def _token(self) -> str | None:
        if self.token_file is None:
            return os.environ.get("TEACHBACK_TOKEN")
        try:
            return self.token_file.read_text().strip()
        except OSError as error:
            raise BadInput(f"the token file {self.token_file} cannot be read: {error.strerror}") from error


def say(text: str) -> None:
    """A message for the person, on stderr."""
    print(text, file=sys.stderr, flush=True)
