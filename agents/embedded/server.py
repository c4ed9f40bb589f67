"""`python -m agents.embedded.server`: llama.cpp serves one GGUF file over the OpenAI protocol on loopback.

Without --model it serves the packaged student. When it is ready it prints one line of JSON, `{"port": ..., "pid": ...}`
and nothing else on standard output. TEACHBACK_EMBEDDED_KEY, where set, is the API key that callers must present.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil
import xllamacpp

from agents.embedded import weights

KEY: Final = "TEACHBACK_EMBEDDED_KEY"
CONTEXT: Final = 4096
"""Tokens of context a slot, prompt and reply together."""

MOST_THREADS: Final = 4
"""Threads that compute, where there are that many free cores: more bring nothing to so small a model."""
_LOOK: Final = 0.5
"""Seconds for which the cores are looked at."""

PARALLEL: Final = 4
"""Requests answered at once, each in a slot of its own. One thread gave 38, 39, 45 and 37 tokens/s with 1, 2, 4, 8."""

PROMPT_CACHE: Final = 128
"""MiB of read prompts kept beside the slots (llama.cpp's default is 8 GiB): the few openings that all calls share, some
400 tokens each, are read once. A token of SmolLM2-135M takes 23 KB."""

_ERRORS_ONLY: Final = 1
_AS_IT_IS: Final = 0
_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Parses the command line and serves until SIGINT or SIGTERM, or, with --child, until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m agents.embedded.server", description=__doc__)
    parser.add_argument("--model", type=Path, help="a GGUF file (default: the packaged student)")
    parser.add_argument("--alias", help="the name to serve it under (default: the file's)")
    parser.add_argument("--threads", type=int, default=free_cores(), help="default: the cores that are free")
    parser.add_argument("--parallel", type=int, default=PARALLEL, help="requests answered at once")
    parser.add_argument("--context", type=int, default=CONTEXT, help="tokens of context for each of them")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--child", action="store_true", help="end with the parent process and with standard input")
    args = parser.parse_args()
    if args.child:
        _end_with_parent()
    try:
        model: Path = args.model or weights.ready()
    except weights.EmbeddedUnavailable as error:
        raise SystemExit(str(error)) from error
    if not model.is_file():
        raise SystemExit(f"no such model file: {model}")
    ended = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ended)  # before llama.cpp starts its threads, which inherit it
    ready_line = _own_stdout()
    alias = args.alias or (model.stem if args.model else weights.MODEL)
    server = serve(model, alias, args.threads, args.parallel, args.context, args.port)
    ready = {"port": urlsplit(server.listening_address).port, "pid": os.getpid()}
    os.write(ready_line, json.dumps(ready).encode() + b"\n")
    signal.sigwait(ended)


def free_cores() -> int:
    """Cores that nothing keeps busy, 1 to MOST_THREADS.

    A thread that must share its core makes all the others wait for it: of two cores, two threads were twice as fast as
    one while nothing else ran, and half as fast beside one busy process. What counts is the half second from now, not
    the last minute; a service that is just starting is not counted, for it will be idle in a moment.
    """
    starting = [psutil.Process(), *psutil.Process().parents()[:1]]

    def busy() -> float:
        times = psutil.cpu_times()
        passing = sum(sum(process.cpu_times()[:2]) for process in starting)
        return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - passing)

    cores, before, began = os.cpu_count() or 1, busy(), time.monotonic()
    time.sleep(_LOOK)
    taken = (busy() - before) / (time.monotonic() - began)
    return max(1, min(MOST_THREADS, math.floor(cores - taken + 0.3)))


def serve(model: Path, alias: str, threads: int, parallel: int, context: int, port: int) -> xllamacpp.Server:
    """Loads the model and starts llama.cpp's server, which listens until it is garbage.

    Logs hold errors only and no route shows another caller's prompt. Raises RuntimeError for an unusable file.
    """
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {alias}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.api_keys = [key] if (key := os.environ.pop(KEY, "")) else []
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cpuparams.poll = params.cpuparams_batch.poll = 0  # threads that wait sleep: a fifth faster, and kinder
    params.n_parallel = parallel
    params.n_ctx = context * parallel
    params.cache_ram_mib = PROMPT_CACHE
    # What a model says stays as it said it: thinking in tags is part of its answer, and no field beside it.
    params.reasoning_format, params.force_pure_content_parser = _AS_IT_IS, True
    params.verbosity = _ERRORS_ONLY
    params.endpoint_slots = False  # would show other requests' prompts
    params.ui = False
    params.cors_origins = ""
    return xllamacpp.Server(params)


def _own_stdout() -> int:
    """Takes standard output away from the C++ side, which writes to it when it likes; returns what leads there."""
    mine = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return mine


def _end_with_parent() -> None:
    """Two ways, because neither is enough: Linux's signal is sure but Linux's; the pipe's end is seen everywhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.read(0, 64):
            pass
        os._exit(0)  # at once: an answer in the making has no reader any more

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
