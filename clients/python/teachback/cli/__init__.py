"""The command line. Data goes to stdout, progress and messages to stderr.

Exit codes: 0 done; 1 the job failed, was paused by its budget, or its result was not accepted; 2 usage or bad input;
3 the service cannot be reached or wants another token; 130 left by Ctrl-C while the job goes on.
"""

from __future__ import annotations

import sys


def main() -> None:
    """The console script."""
    from teachback.cli.app import app
    from teachback.errors import TeachbackError

    try:
        app()
    except TeachbackError as error:
        print(f"teachback: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
