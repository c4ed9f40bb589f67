"""Other people's programs, run where they can do little harm: no secrets, a memory limit, an end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from training.errors import Missing, TrainingError

_PASSED: Final = ("HOME", "PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_TAIL: Final = 25
"""Lines of what a program said that go into the error."""

_LIMITED: Final = """
import ctypes, os, sys
memory, parent, *command = sys.argv[1:]
if sys.platform == "linux":
    import resource
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    if int(memory):
        resource.setrlimit(resource.RLIMIT_DATA, (int(memory), int(memory)))
    if os.getppid() != int(parent):  # it died before we asked to die with it
        sys.exit(1)
try:
    os.execvp(command[0], command)
except OSError as error:
    sys.exit(f"{command[0]}: {error}")
"""
"""Sets the limits, then becomes the program: Python code between fork and exec could hang a process with threads."""


def run_child(
    command: Sequence[str],
    *,
    what: str,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    memory: int = 0,
    timeout: float = 6 * 3600.0,
) -> None:
    """Runs `command` in a process group of its own until it ends well.

    Of our environment it sees a handful of names, and `environment`. `memory`: bytes it may allocate, 0 for no limit
    (Linux holds it to that, and ends it with us). Raises TrainingError, with the program's last lines, where it fails
    or takes longer than `timeout` seconds, Missing where Python itself can't be started.
    """
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LIMITED, str(memory), str(os.getpid()), *command],
            cwd=cwd,
            env={**passed, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise Missing(f"{what} can't be started: {error}") from error
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill(process)

    said: deque[bytes] = deque(maxlen=_TAIL)
    timer = threading.Timer(timeout, stop)
    timer.start()
    assert process.stdout is not None
    try:
        said.extend(process.stdout)
        code = process.wait()
    except BaseException:  # interrupted: it must not go on writing
        _kill(process)
        process.wait()
        raise
    finally:
        timer.cancel()
        process.stdout.close()
    if code == 0:
        return
    why = f"took longer than {timeout:g} seconds" if late.is_set() else f"ended with exit status {code}"
    tail = b"".join(said).decode(errors="replace").strip()
    raise TrainingError(f"{what} {why}" + (f"; its last words:\n{tail}" if tail else ""))


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        os.killpg(process.pid, signal.SIGKILL)
