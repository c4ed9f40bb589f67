"""Services that begin without importing: forked, each a process of its own, from one that has imported it all.

Hundreds of services are started and killed here, and most of a start is Python reading modules. That
`python -m services.main` starts one as well is the business of tests/services/test_auth.py, test_crash.py and of the
command line's tests.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.support.forked_imports"])
_OF_IMPORT = ("GRPC_ENABLE_FORK_SUPPORT", "LITELLM_LOCAL_MODEL_COST_MAP")
"""What services.main puts into the environment when it is imported."""


class Forked:
    """`services.main` in a process of its own, with what of subprocess.Popen's manners is asked for here."""

    def __init__(self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path) -> None:
        """Starts it. `arguments`: those after `python -m services.main`; `log`: what it writes is added there."""
        self._process = _FORKS.Process(
            target=_begin, args=(list(arguments), str(cwd), dict(env), str(log)), daemon=True
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, minus the signal's number where one killed it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired("services.main", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Sends it, unless the process is gone."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)


def _begin(arguments: list[str], cwd: str, env: dict[str, str], log: str) -> None:
    from services import failpoints, main  # here, since whoever starts services needn't import them

    kept = {name: os.environ[name] for name in _OF_IMPORT}
    os.environ.clear()
    os.environ.update(kept | env)
    os.chdir(cwd)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    importlib.reload(failpoints)  # it reads the environment when it is imported
    sys.argv = ["services.main", *arguments]
    main.main()
