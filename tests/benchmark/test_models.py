"""Which models are found, and how they come into memory and out of it again."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from services.benchmark import load
from services.benchmark.errors import BadPlan, NoServer
from services.benchmark.plan import address, words
from tests.benchmark.conftest import bench
from tests.benchmark.server import Model, Server


# ------------------------------------------------------------------ what is there
def test_models_that_do_not_chat_are_left_out() -> None:
    others = (
        "text-embedding-nomic-embed-text-v1.5",
        "BAAI/bge-m3",
        "intfloat/e5-large",
        "jina-reranker-v2",
        "whisper-1",
    )
    with Server({"gemma-3-1b": Model(), "org/bge-free-name": Model()}, embeddings=others) as server:
        ran = bench(server, filters=("gemma",))
    assert ran.results is not None
    assert [result.model for result in ran.results.models] == ["gemma-3-1b"]
    assert set(others) <= set(ran.results.left_out)


def test_lm_studio_says_itself_what_does_not_chat() -> None:
    with Server({"embedded-systems-expert": Model()}, embeddings=("vectors",), studio="rest") as server:
        ran = bench(server)
    assert ran.results is not None
    assert [result.model for result in ran.results.models] == ["embedded-systems-expert"]
    assert ran.results.left_out == ["vectors"]


def test_the_filter_takes_any_of_its_words_in_any_case() -> None:
    with Server({"Qwen/Qwen2.5-1.5B": Model(), "meta/llama-3.2": Model(), "gemma": Model()}) as server:
        ran = bench(server, filters=words(" qwen, LLAMA ,"))
    assert ran.results is not None
    assert [result.model for result in ran.results.models] == ["Qwen/Qwen2.5-1.5B", "meta/llama-3.2"]


def test_a_filter_that_matches_nothing_says_what_there_is() -> None:
    with (
        Server({"gemma": Model()}) as server,
        pytest.raises(BadPlan, match="no model matches qwen; there are gemma"),
    ):
        bench(server, filters=("qwen",))


def test_a_server_of_embeddings_alone_has_nothing_to_measure() -> None:
    with (
        Server({}, embeddings=("bge-m3",)) as server,
        pytest.raises(BadPlan, match=r"no model that chats, only bge-m3"),
    ):
        bench(server)


def test_where_nothing_listens_it_says_so() -> None:
    with Server({}) as server:
        pass
    with pytest.raises(NoServer, match="no server answers at"):
        bench(server)


def test_a_key_is_sent_where_one_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server({"one": Model()}, key="sesame") as server:
        with pytest.raises(NoServer, match="TEACHBACK_BENCHMARK_KEY"):
            bench(server)
        monkeypatch.setenv("TEACHBACK_BENCHMARK_KEY", "sesame")
        ran = bench(server)
    assert ran.model("one").state == "measured"
    assert ran.results is not None
    assert "sesame" not in ran.results.model_dump_json() + "".join(ran.said)


# ------------------------------------------------------------------ LM Studio's API
def test_one_model_at_a_time_is_loaded_measured_and_unloaded() -> None:
    with Server({"a": Model(), "b": Model()}, studio="rest") as server:
        bench(server)
        assert server.log == ["load a", "warm a", "measure a", "unload a", "load b", "warm b", "measure b", "unload b"]


def test_what_was_in_memory_before_stays_there() -> None:
    with Server({"a": Model(), "b": Model()}, studio="rest", loaded=("b",)) as server:
        bench(server)
        assert server.log == ["load a", "warm a", "measure a", "unload a", "warm b", "measure b"]
        assert server.loaded == {"b"}


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Model(fault="load"), "load was refused with 500: insufficient memory"),
        (Model(fault="load hangs"), "it was not loaded after 1 s"),
    ],
)
def test_a_model_that_does_not_load_is_a_line(model: Model, reason: str) -> None:
    with Server({"big": model, "small": Model()}, studio="rest") as server:
        ran = bench(server)
    assert (ran.model("big").state, ran.model("big").reason) == ("failed", reason)
    assert ran.model("small").state == "measured"


def test_a_model_that_fails_is_unloaded_too() -> None:
    with Server({"a": Model(fault="cut"), "b": Model()}, studio="rest") as server:
        bench(server)
        assert server.loaded == set()


# ------------------------------------------------------------------ LM Studio's command
LMS = """#!/bin/sh
echo "$@" >> "$LMS_LOG"
case "$2" in *big*) echo "not enough memory" >&2; exit 3;; *hangs*) exec sleep 60;; esac
"""


@pytest.fixture
def lms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "lms"
    path.write_text(LMS)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("LMS_LOG", str(tmp_path / "log"))
    (tmp_path / "log").touch()
    return path


def test_the_command_loads_and_unloads(lms: Path) -> None:
    name = "a; touch $HOME/oops `id`"  # no shell reads it
    with Server({name: Model(), "big": Model(), "hangs": Model()}) as server:
        ran = bench(server, lms=lms)
    assert lms.with_name("log").read_text().splitlines() == [
        f"load {name} -y",
        f"unload {name}",
        "load big -y",
        "load hangs -y",
    ]
    assert ran.model(name).state == "measured"
    assert ran.model("big").reason == "lms load ended with exit status 3: not enough memory"
    assert ran.model("hangs").reason == "it was not loaded after 1 s"


def test_a_model_that_looks_like_an_option_is_not_given_to_the_command(lms: Path) -> None:
    with Server({"--all": Model()}) as server:
        ran = bench(server, lms=lms)
    assert ran.model("--all").state == "failed"
    assert lms.with_name("log").read_text() == ""


def test_a_command_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with Server({"a": Model()}) as server, pytest.raises(BadPlan, match="no program that can be run"):
        bench(server, lms=tmp_path / "lms")


def test_an_older_lm_studio_is_loaded_by_the_command_that_lies_about(
    lms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "_find_lms", lambda: lms)
    with Server({"a": Model(), "b": Model()}, studio="old", loaded=("b",)) as server:
        bench(server)
    assert lms.with_name("log").read_text().splitlines() == ["load a -y", "unload a"]
    with Server({"a": Model()}) as server:  # not LM Studio: its command is left alone
        bench(server)
    assert len(lms.with_name("log").read_text().splitlines()) == 2


def test_the_command_is_found_on_the_path(lms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("PATH", f"{lms.parent}{os.pathsep}{os.environ['PATH']}")
    assert load._find_lms() == lms


# ------------------------------------------------------------------ addresses
@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("http://10.0.0.7:1234", "http://10.0.0.7:1234/v1"),
        ("http://10.0.0.7:1234/", "http://10.0.0.7:1234/v1"),
        ("http://10.0.0.7:1234/v1/", "http://10.0.0.7:1234/v1"),
        ("https://models.example.org/openai/v1", "https://models.example.org/openai/v1"),
        (None, "http://localhost:1234/v1"),
    ],
)
def test_addresses_are_taken_as_people_write_them(given: str | None, taken: str) -> None:
    assert address(given) == taken


def test_the_configured_server_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMSTUDIO_HOST", "10.0.0.7")
    monkeypatch.setenv("LMSTUDIO_PORT", "4321")
    assert address(None) == "http://10.0.0.7:4321/v1"
    monkeypatch.setenv("TEACHBACK_LOCAL_API_BASE", "http://127.0.0.1:8000/v1")
    assert address(None) == "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    "given", ["10.0.0.7:1234", "ftp://10.0.0.7", "http://", "http://h:99999", "http://me:pw@10.0.0.7"]
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(BadPlan):
        address(given)
