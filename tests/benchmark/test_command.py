"""`teachback benchmark` as people run it: the sample prompt, the file that outlives a crash, Ctrl-C, a real model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agents.embedded import weights
from agents.prompting import render
from tests.benchmark.server import Model, Server
from tests.benchmark.test_rating import judge

COMMAND = [str(Path(sys.executable).with_name("teachback")), "benchmark"]


def start(*options: object) -> subprocess.Popen[str]:
    words = [*COMMAND, *map(str, options)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def command(*options: object) -> subprocess.CompletedProcess[str]:
    words = [*COMMAND, *map(str, options)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def written(path: Path) -> dict[str, Any]:
    """The results in a file."""
    held: dict[str, Any] = json.loads(path.read_text())
    return held


def until_measured(path: Path, name: str) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if path.exists() and _line(path, name)["state"] == "measured":
            return
        time.sleep(0.02)
    raise AssertionError(f"{name} was not measured in time")


def _line(path: Path, name: str) -> dict[str, Any]:
    (line,) = [model for model in written(path)["models"] if model["model"] == name]
    assert isinstance(line, dict)
    return line


# ------------------------------------------------------------------ the sample prompt
def test_the_sample_prompt_is_what_is_sent() -> None:
    ended = command()
    prompt = render("benchmark_chat", examples=2)
    assert (ended.returncode, ended.stdout) == (0, f"{prompt.system}\n\n{prompt.user}\n")
    assert 3300 <= len(ended.stdout) <= 3700
    assert "--auto-benchmark" in ended.stderr


def test_the_sample_prompt_asks_for_as_many_examples_as_wanted() -> None:
    assert "array of 5 objects" in command("--benchmark-examples", 5).stdout
    assert "array of 1 object and" in command("--benchmark-examples", 1).stdout
    assert command("--benchmark-examples", 0).returncode == 2


# ------------------------------------------------------------------ runs
def test_a_run_prints_the_table_and_writes_the_file(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    with Server({"quick": Model(gap=0.001), "slow": Model(gap=0.01), "judge": judge(4, 4, 3, 4)}) as server:
        ended = command(
            "--auto-benchmark", "--base-url", server.root, "--models-filter", "quick,slow",
            "--evaluator-model", "judge", "--benchmark-output", out, "--benchmark-max-tokens", 300,
        )  # fmt: skip
        sizes = {body["max_tokens"] for body in server.asked if body.get("stream")}
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[0].split() == ["Rank", "Model", "Tok/s", "TTFT", "Time", "1000", "Resp", "Rating"]
    assert "<- fastest" in ended.stdout.splitlines()[2]
    assert sizes == {300}
    results = written(out)
    assert (results["state"], results["fastest_good"], results["evaluator"]) == ("done", "quick", "judge")
    assert [(m["model"], m["rank"], m["rating"]) for m in results["models"]] == [("quick", 1, 4.0), ("slow", 2, 4.0)]


def test_json_is_one_line_on_stdout() -> None:
    with Server({"one": Model()}) as server:
        ended = command("--auto-benchmark", "--base-url", server.root, "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["models"][0]["model"] == "one"


def test_a_kill_loses_nothing_that_was_measured(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    with (
        Server({"first": Model(), "second": Model(fault="silent")}) as server,
        start("--auto-benchmark", "--base-url", server.root, "--benchmark-output", out) as running,
    ):
        until_measured(out, "first")
        running.kill()
    first, second = written(out)["models"]
    assert (first["rank"], first["usable_examples"], second["state"]) == (1, 2, "waiting")


def test_ctrl_c_shows_what_was_measured_and_unloads(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    with Server({"first": Model(), "second": Model(fault="silent")}, studio="rest") as server:
        with start("--auto-benchmark", "--base-url", server.root, "--benchmark-output", out) as running:
            until_measured(out, "first")
            while "measure second" not in server.log:
                time.sleep(0.02)
            running.send_signal(signal.SIGINT)
            shown, said = running.communicate(timeout=20)
        assert server.loaded == set()
    assert running.returncode == 130, said
    assert "Traceback" not in said
    assert shown.splitlines()[2].split()[:2] == ["1", "first"]
    assert "second" in shown
    assert "not measured" in shown
    assert written(out)["state"] == "stopped"


@pytest.mark.parametrize(
    ("models", "options", "code", "said"),
    [
        ({"one": Model(status=500)}, (), 1, "failed"),
        ({"one": Model()}, ("--models-filter", "two"), 2, "no model matches two; there are one"),
        ({"one": Model()}, ("--benchmark-output", "/no/such/folder/out.json"), 2, "cannot be written"),
        ({"one": Model()}, ("--evaluator-model", "nobody"), 2, "--evaluator-model"),
    ],
)
def test_the_exit_code_says_what_went_wrong(
    models: dict[str, Model], options: tuple[str, ...], code: int, said: str
) -> None:
    with Server(models) as server:
        ended = command("--auto-benchmark", "--base-url", server.root, *options)
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_server_is_exit_code_3() -> None:
    with Server({}) as server:
        pass
    ended = command("--auto-benchmark", "--base-url", server.root)
    assert ended.returncode == 3
    assert "no server answers at" in ended.stderr


def test_what_a_server_says_does_not_steer_the_terminal() -> None:
    with Server({"evil\x1b[2J": Model(status=500), "one": Model()}) as server:
        ended = command("--auto-benchmark", "--base-url", server.root)
    assert "\x1b" not in ended.stdout + ended.stderr


# ------------------------------------------------------------------ a real model
def test_the_embedded_model_is_measured_for_real() -> None:
    """llama.cpp and SmolLM2 on this machine: real streaming, real counts, and a reply that is what it is."""
    try:
        weights.packaged()
    except weights.EmbeddedUnavailable as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    serve = [sys.executable, "-m", "agents.embedded.server", "--parallel", "1", "--context", "2048"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as model:
        assert model.stdout is not None
        try:
            port = json.loads(model.stdout.readline())["port"]
            address = f"http://127.0.0.1:{port}"
            ended = command("--auto-benchmark", "--base-url", address, "--benchmark-max-tokens", 40, "--json")
        finally:
            model.terminate()
    assert ended.returncode == 0, ended.stderr
    (one,) = json.loads(ended.stdout)["models"]
    assert one["model"] == weights.MODEL
    assert (one["state"], one["tokens_counted"], one["speed_over"]) == ("measured", "usage", "generation")
    assert 1 < one["completion_tokens"] <= 40
    assert 0 < one["first_token_seconds"] < one["total_seconds"]
    # The definition, from the outside: all tokens but the first, in the time after the first; the stream's end, which
    # a busy machine may see late, is not in it.
    slowest = (one["completion_tokens"] - 1) / (one["total_seconds"] - one["first_token_seconds"])
    assert 0.98 * slowest <= one["tokens_per_second"] <= 3 * slowest
    assert one["reply"].strip()
    assert one["rating"] is None
