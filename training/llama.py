"""A GGUF file behind llama.cpp, in a child process of its own that listens on loopback and ends with this one.

    with Llama(path) as model:
        model.complete(prompt, max_tokens=64).text

`python -m training.llama` is the child: started here and nowhere else. `base_url` and `api_key` speak the OpenAI
protocol, for whatever does not want to be called from Python.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import math
import os
import secrets
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self
from urllib.parse import urlsplit

import httpx

from training.errors import TrainingError

_KEY: Final = "TEACHBACK_LLAMA_KEY"
_PASSED: Final = ("HOME", "LD_LIBRARY_PATH", "PYTHONPATH", "LANG", "TMPDIR", "SYSTEMROOT")
_MOST_THREADS: Final = 4
_TAIL: Final = 20
"""Lines of the child's last words kept for an error message."""

_PATIENCE: Final = 600.0
"""Seconds until one answer counts as never coming."""

_ERRORS_ONLY: Final = 1
_PR_SET_PDEATHSIG: Final = 1
_ROOM: Final = 4 << 30
"""Bytes the child may hold beyond three times its file: the cache of the context, the buffers, the runtime."""


class LlamaFailed(TrainingError):
    """llama.cpp could not be started, ended, or refused a request; the message ends with its last words."""


class Completion(NamedTuple):
    """What llama.cpp wrote after a prompt.

    `tokens` end with the one that ended the answer (finish_reason "stop"), which `text` leaves out; `seconds` cover
    reading the prompt and writing.
    """

    text: str
    tokens: tuple[int, ...]
    seconds: float
    finish_reason: Literal["stop", "length"]


class Llama:
    """llama.cpp with one model, from `__enter__` to `__exit__`.

    `threads`: as many as there are free cores where None, since one thread too many costs llama.cpp more than half its
    speed. `context`: tokens of prompt and answer together, for each of `parallel` requests. `timeout` (seconds) bounds
    the start. Raises LlamaFailed where the file can't be loaded.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int | None = None,
        context: int = 4096,
        parallel: int = 1,
        timeout: float = 120.0,
    ) -> None:
        self.path = path
        self._options = [f"--threads={threads or free_cores()}", f"--context={context}", f"--parallel={parallel}"]
        self._timeout = timeout
        self._tail: deque[bytes] = deque(maxlen=_TAIL)
        self.api_key = secrets.token_urlsafe(32)
        self.base_url = ""

    def __enter__(self) -> Self:
        if not self.path.is_file():
            raise LlamaFailed(f"{self.path}: there is no such GGUF file")
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        self._process = subprocess.Popen(
            # -P: a folder `training` in the current one is not ours
            [sys.executable, "-P", "-m", "training.llama", f"--model={self.path}", *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # OpenMP's threads then sleep while they wait instead of spinning
            env={**environment, _KEY: self.api_key, "OMP_WAIT_POLICY": "passive"},
            start_new_session=True,
        )
        self._drain = threading.Thread(target=self._keep_tail, daemon=True)
        self._drain.start()
        try:
            root = f"http://127.0.0.1:{self._port()}"
        except BaseException:  # interrupted, too: no child may outlive a start that failed
            self._end()
            raise
        self.base_url = f"{root}/v1"
        self._client = httpx.Client(
            base_url=root,
            headers={"Authorization": f"Bearer {self.api_key}"},
            timeout=_PATIENCE,
            trust_env=False,  # a proxy has no business between us and our child
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._end()

    def tokenize(self, text: str) -> list[int]:
        """The tokens of `text` and of nothing else: special tokens are read where they are written, none is added."""
        answer = self._post("/tokenize", {"content": text, "add_special": False, "parse_special": True})
        return [int(token) for token in answer["tokens"]]

    def complete(self, prompt: str, *, max_tokens: int, temperature: float = 0, seed: int = 0) -> Completion:
        """Continues `prompt`, the whole text a model reads (chat template applied), greedily at temperature 0.

        Above 0 it samples from the whole distribution. Nothing is kept between prompts, so that the answer and its
        time depend on this prompt alone. Raises LlamaFailed, for a prompt that leaves no room in the context as well.
        """
        started = time.monotonic()
        answer = self._post(
            "/completion",
            {
                "prompt": self.tokenize(prompt),
                "n_predict": max_tokens,
                "temperature": temperature,
                "seed": seed,
                "cache_prompt": False,
                "return_tokens": True,
                **_UNALTERED,
            },
        )
        return Completion(
            answer["content"],
            tuple(answer["tokens"]),
            time.monotonic() - started,
            "length" if answer["stop_type"] == "limit" else "stop",
        )

    def next_token(self, tokens: list[int], top: int) -> dict[int, float]:
        """The `top` likeliest tokens after `tokens`, each with its log-probability (natural) over the vocabulary.

        The prompt is kept, so that asking again with one token more costs one token. Empty where the likeliest one is
        a part of a character: llama.cpp holds that back, and its probabilities with it.
        """
        answer = self._post(
            "/completion",
            {"prompt": tokens, "n_predict": 1, "temperature": 0, "n_probs": top, "cache_prompt": True, **_UNALTERED},
        )
        told = answer.get("completion_probabilities") or [{"top_logprobs": []}]
        return {int(one["id"]): float(one["logprob"]) for one in told[0]["top_logprobs"]}

    def _post(self, route: str, body: dict[str, Any]) -> Any:
        try:
            response = self._client.post(route, json=body)
        except httpx.HTTPError as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)  # a child that died is reaped, so that the message can say how it ended
            raise LlamaFailed(self._complaint(f"did not answer ({error})")) from error
        if response.is_error:
            try:
                said = response.json()["error"]["message"]
            except (ValueError, KeyError, TypeError):  # not the error object llama.cpp sends: what it sent instead
                said = response.text[:500]
            raise LlamaFailed(f"{self.path}: llama.cpp refused the request: {said}")
        return response.json()

    def _port(self) -> int:
        """The port in the line the child prints when it listens."""
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], self._timeout)
        if not readable:
            raise LlamaFailed(self._complaint(f"was not ready after {self._timeout:g} seconds"))
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._drain.join()
            raise LlamaFailed(self._complaint("could not load the file"))
        return int(json.loads(line)["port"])

    def _keep_tail(self) -> None:
        assert self._process.stderr is not None
        self._tail.extend(self._process.stderr)

    def _complaint(self, what: str) -> str:
        code = self._process.poll()
        ended = "" if code is None else f", exit status {code}"
        said = b"".join(self._tail).decode(errors="replace").strip()
        return f"{self.path}: llama.cpp {what}{ended}" + (f": {said}" if said else "")

    def _end(self) -> None:
        """By closing its standard input, by force where that is not enough."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._drain.join()
        self._process.stdout.close()
        assert self._process.stderr is not None
        self._process.stderr.close()


_UNALTERED: Final[dict[str, object]] = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0}
"""Sampling settings under which the model's distribution is used as it is."""


def free_cores() -> int:
    """Cores that nothing keeps busy, 1 to 4: a thread that must share its core makes all the others wait for it."""
    return max(1, min(_MOST_THREADS, math.ceil((os.cpu_count() or 1) - os.getloadavg()[0])))


def _serve() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.llama")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--parallel", type=int, default=1)
    args = parser.parse_args()
    _end_with_parent()
    _limit_memory(3 * args.model.stat().st_size + _ROOM)
    import xllamacpp  # in the child only: the programs that start it need not carry llama.cpp themselves

    ended = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ended)  # before llama.cpp starts its threads, which inherit it
    ready_line = os.dup(sys.stdout.fileno())  # the C++ side writes to standard output when it likes
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    params = xllamacpp.CommonParams()
    params.model.path = str(args.model)
    params.model_alias = {args.model.stem}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [os.environ.pop(_KEY)]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = args.threads
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    params.n_parallel = args.parallel
    params.n_ctx = args.context * args.parallel
    params.cache_ram_mib = 0
    params.verbosity = _ERRORS_ONLY
    params.endpoint_slots = False
    params.ui = False
    params.cors_origins = ""
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:  # llama.cpp's own lines above say why
        raise SystemExit(str(error)) from error
    os.write(ready_line, json.dumps({"port": urlsplit(server.listening_address).port}).encode() + b"\n")
    signal.sigwait(ended)


def _limit_memory(most: int) -> None:
    """Bounds what the child may allocate; a file that is only mapped doesn't count. Only Linux enforces it."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


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
    _serve()
