"""Runs a program of training/ as a child process, and tells what it says.

The child has a session of its own, an environment without secrets, and a limit of memory; it ends with the service.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import training
from services.errors import InvalidRequest, NotFound, TooLarge, TrainingFailed, WrongState
from services.telemetry import context
from services.training import beat
from services.training import child as supervisor
from services.training.told import size

Event = dict[str, Any]

ENVIRONMENT: Final = frozenset(
    {
        "PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH",
        "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_DATASETS_CACHE", "XDG_CACHE_HOME", "TEACHBACK_CACHE",
        "OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_HOME", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER",
        "NVIDIA_VISIBLE_DEVICES", "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ENABLE_MPS_FALLBACK",
        "NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME",
        "HF_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    }
)  # fmt: skip
"""What a program may see of the service's environment. No token and no key is among it: a program needs none. Where the
hub is behind a proxy or a mirror it gets the way there, but none with a password in it.
"""
_PASSWORD: Final = re.compile(r"://[^/@\s]*@")
PATIENCE: Final = 10.0
"""Seconds from the asking to end until the killing."""
LAST_LINES: Final = 20
"""Lines of stderr in the error of a child that failed."""
LONGEST_LINE: Final = 16 << 20
LOOK: Final = 0.5
"""Seconds between two looks at the memory."""
_ERRORS: Final[dict[str, type[Exception]]] = {
    "invalid": InvalidRequest, "missing": NotFound, "busy": WrongState, "resource": TooLarge,
}  # fmt: skip


def environment() -> dict[str, str]:
    """What a child sees."""
    told = {name: value for name, value in os.environ.items() if name in ENVIRONMENT and not _PASSWORD.search(value)}
    home = str(
        Path(training.__file__).parents[1]
    )  # where the service runs from a checkout, `training` is not installed
    paths = [path for path in told.get("PYTHONPATH", "").split(os.pathsep) if path]
    if home not in paths and not home.endswith("-packages"):
        paths.append(home)
    # Progress bars would fill the last lines that the error of a failed child shows.
    ours = {"PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}
    return told | ours | context.environment() | {"PYTHONPATH": os.pathsep.join(paths)}


def memory_of_the_machine() -> int:
    """Bytes, those that the container may use where that is less."""
    import psutil

    total = int(psutil.virtual_memory().total)
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # no such group, or "max"
            return min(total, int(Path(limit).read_text()))
    return total


async def run(
    module: str,
    arguments: Sequence[str],
    folder: Path,
    on_event: Callable[[Event], Awaitable[None]],
    *,
    memory_limit: int = 0,
    place: Mapping[str, str] | None = None,
) -> Event:
    """Runs `python -m module arguments` in `folder`; returns the event "done", every other one goes to `on_event`.

    `place`: of a program that is one of several, the variables that tell it which (RANK and its like, as torchrun sets
    them). Only the first of them speaks.

    Cancelled, it asks the child to end and kills it after `PATIENCE`. `memory_limit`: bytes of the child and all it has
    started, 0 for nine tenths of the machine's.

    Raises InvalidRequest, NotFound, WrongState or TooLarge as the program says, TooLarge past the limit, TrainingFailed
    with the last lines of stderr where the child died without a word, LeaseLost where the job is no longer this
    service's.
    """
    with _pipe() as (stdin, pipe):
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            supervisor.__file__,
            module,
            *arguments,
            cwd=folder,
            env=environment() | beat.environment() | dict(place or {}),
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=LONGEST_LINE,
        )
        most = memory_limit or memory_of_the_machine() * 9 // 10
        running = _Child(module.rpartition(".")[2], started, most, speaks=(place or {}).get("RANK", "0") == "0")
        watch = asyncio.create_task(running.watch_memory())
        errors = asyncio.create_task(running.read_errors())
        with beat.beating(pipe):
            try:
                await running.read_events(on_event)
                await started.wait()
                await asyncio.wait({errors}, timeout=2)  # whoever else holds stderr may live on
                return running.outcome()
            finally:
                watch.cancel()
                await asyncio.shield(running.stop())
                errors.cancel()


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    """Its two ends, closed at the end."""
    both = os.pipe()
    try:
        yield both
    finally:
        for one in both:
            os.close(one)


class _Child:
    """One child and what it has said."""

    def __init__(self, program: str, process: asyncio.subprocess.Process, memory_limit: int, *, speaks: bool) -> None:
        self._program, self._process, self._limit, self._speaks = program, process, memory_limit, speaks
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._done: Event | None = None
        self._error: Event | None = None
        self._too_large = 0

    async def read_events(self, on_event: Callable[[Event], Awaitable[None]]) -> None:
        """Reads stdout to its end."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            event = _event(line)
            if event is None:  # no program of ours prints such a line, but a library of its may
                self._last.append(line.decode(errors="replace").rstrip())
            elif event["event"] == "done":
                self._done = event
            elif event["event"] == "error":
                self._error = event
            else:
                await on_event(event)

    async def read_errors(self) -> None:
        """Keeps the last lines of stderr. A line that a progress bar writes over counts as it stood in the end."""
        assert self._process.stderr is not None
        rest = ""
        while piece := await self._process.stderr.read(1 << 16):
            *lines, rest = (rest + piece.decode(errors="replace")).split("\n")
            rest = rest[-4096:]
            self._last.extend(shown for line in lines if (shown := _shown(line)))
        if shown := _shown(rest):
            self._last.append(shown)

    async def watch_memory(self) -> None:
        """Kills the child once it and what it has started hold too much."""
        while self._process.returncode is None:
            used = await asyncio.to_thread(_memory, self._process.pid)
            if used > self._limit:
                self._too_large = used
                self._signal(signal.SIGKILL)
                return
            await asyncio.sleep(LOOK)

    async def stop(self) -> None:
        """Ends it, kindly first; whatever it has started ends with it."""
        if self._process.returncode is None:
            self._signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._process.wait()
        self._signal(signal.SIGKILL)
        await self._process.wait()

    def outcome(self) -> Event:
        """The event "done". Raises what `run` says."""
        status = self._process.returncode
        if self._too_large:
            raise TooLarge(
                f"{self._program} took {size(self._too_large)} of memory and may take {size(self._limit)} "
                "(training_memory_limit). Less is needed with a smaller per_device_train_batch_size or max_seq_length, "
                "with gradient_checkpointing, or with a smaller model"
            )
        if self._done and status == 0:
            return self._done
        if status == 0 and not self._speaks:
            return {"event": "done"}
        if self._error:
            message = str(self._error.get("message", ""))
            raise _ERRORS.get(str(self._error.get("code")), TrainingFailed)(message)
        raise TrainingFailed(f"{self._program} {_ended(status)}{self._words()}")

    def _words(self) -> str:
        return "; its last lines:\n" + "\n".join(self._last) if self._last else ", without a word"

    def _signal(self, number: signal.Signals) -> None:
        with suppress(
            ProcessLookupError, PermissionError
        ):  # all of the group is gone (macOS has the other word for it)
            os.killpg(self._process.pid, number)


def _event(line: bytes) -> Event | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("event"), str) else None


def _shown(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2].rstrip()[:1000]


def _ended(status: int | None) -> str:
    number = -status if status is not None and status < 0 else (status or 0) - 128
    if number in (s.value for s in signal.Signals):
        return f"was killed ({signal.Signals(number).name})"
    return f"ended with status {status}"


def _memory(pid: int) -> int:
    """Bytes that a process and its descendants hold."""
    import psutil

    try:
        top = psutil.Process(pid)
        family = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    held = 0
    for process in family:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            held += process.memory_info().rss
    return held
