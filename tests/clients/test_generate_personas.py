"""`teachback generate personas`: the seed files beside an output, resume, split, and a local model server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from teachback import chunk_files, lmstudio
from teachback.chunk_files import Files
from teachback.errors import BadInput, Unreachable
from teachback.lmstudio import Server

from agents.offline import speak
from tests.clients.conftest import Cli, read_rows, write_rows
from tests.support.loopback import serving

SAMPLE = Path(__file__).parents[2] / "examples/chunks_sample.jsonl"
GENERATE = ("generate", "personas", "--input", "chunks.jsonl", "--output", "theme.jsonl")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the command line runs: with the chunks of the sample."""
    shutil.copy(SAMPLE, tmp_path / "chunks.jsonl")
    return tmp_path


def test_a_run_leaves_its_files_and_another_one_says_what_it_does(cli: Cli, folder: Path) -> None:
    files = Files(folder / "theme.jsonl")
    plan = cli(*GENERATE, "--dry-run")
    assert plan.returncode == 0, plan.stderr
    assert "8 chunks x 2 = 16 examples" in plan.stdout
    assert not files.out.exists()

    done = cli(*GENERATE, "--train-ratio", "0.75", "--batch-size", "3", "--stats", "--seed", "11")
    assert done.returncode == 0, done.stderr
    rows = read_rows(files.out)
    assert len(rows) == 16
    assert all([m["role"] for m in row["messages"]] == ["system", "user", "assistant"] for row in rows)
    assert {row["metadata"]["chunk_id"] for row in rows} == {f"coast_{n:02d}" for n in range(1, 9)}
    train, held = read_rows(files.train), read_rows(files.validation)
    assert (len(train), len(held)) == (12, 4)
    assert not {r["metadata"]["chunk_id"] for r in train} & {r["metadata"]["chunk_id"] for r in held}
    assert sorted(map(json.dumps, train + held)) == sorted(map(json.dumps, rows))

    stats = json.loads(files.stats.read_text())
    assert list(stats)[:7] == [
        "start_time",
        "end_time",
        "chunks_processed",
        "examples_generated",
        "examples_failed",
        "system_prompt_distribution",
        "average_response_length",
    ]
    assert (stats["chunks_processed"], stats["examples_generated"], stats["examples_failed"]) == (8, 16, 0)
    assert sum(stats["system_prompt_distribution"].values()) == 16
    assert stats["teacher"] == "offline/teacher"
    assert "examples_generated\t16" in done.stdout
    note = json.loads(files.checkpoint.read_text())
    assert (note["finished"], note["chunks_processed"], note["examples_generated"]) == (True, 8, 16)

    before = files.out.read_bytes()
    again = cli(*GENERATE, "--seed", "11", "--resume")
    assert again.returncode == 0, again.stderr
    assert note["job"] in again.stderr
    assert files.out.read_bytes() == before
    assert not (folder / "theme.jsonl.bak").exists()

    anew = cli(*GENERATE, "--seed", "12", "--no-split", "--max-chunks", "2")
    said = anew.stderr
    assert said.index("theme.jsonl holds 16 examples") < said.index("jobs/")
    assert "theme_train.jsonl" in said
    assert (folder / "theme.jsonl.bak").read_bytes() == before
    assert len(read_rows(files.out)) == 4


def test_a_checkpoint_of_other_work_is_no_start_and_costs_no_rows(cli: Cli, folder: Path) -> None:
    files = Files(folder / "theme.jsonl")
    assert cli(*GENERATE, "--max-chunks", "2", "--no-split").returncode == 0
    before = files.out.read_bytes()
    done = cli(*GENERATE, "--max-chunks", "3", "--no-split", "--resume")
    assert done.returncode == 0, done.stderr
    assert "other chunks or options" in done.stderr
    first, second = folder / "theme.jsonl.bak", folder / "theme.jsonl.bak.2"
    assert done.stderr.index(f"the old file is kept as {first.name}") < done.stderr.index("jobs/"), "before it is done"
    assert first.read_bytes() == before
    between = files.out.read_bytes()
    assert cli(*GENERATE, "--max-chunks", "1", "--no-split", "--resume").returncode == 0
    assert (first.read_bytes(), second.read_bytes()) == (before, between), "no file that was kept is written over"


def test_bad_chunks_are_told_and_left_out(cli: Cli, folder: Path) -> None:
    good = read_rows(SAMPLE)[:2]
    write_rows(folder / "chunks.jsonl", [*good, {**good[0], "id": ""}, {"id": "x", "text": "t"}])
    done = cli(*GENERATE, "--json", "--no-split")
    assert done.returncode == 0, done.stderr
    assert "id (chunk_id)" in done.stderr
    assert json.loads(done.stdout)["bad_rows"] == 2
    assert cli(*GENERATE, "--strict", "--no-split").returncode == 2


def test_own_personas(cli: Cli, folder: Path) -> None:
    assert cli("generate", "personas", "--write-personas", "cast").returncode == 0
    assert len(list((folder / "cast").glob("*.yaml"))) == 22
    for path in list((folder / "cast").glob("*.yaml"))[3:]:
        path.unlink()
    done = cli(*GENERATE, "--personas", "cast", "--json", "--no-split")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["system_prompt_distribution"]) == 3
    (folder / "cast/bad.yaml").write_text("name: bad\n")
    refused = cli(*GENERATE, "--personas", "cast", "--no-split")
    assert refused.returncode == 2
    assert "persona bad" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("generate", "personas"), "--input"),
        (("generate", "personas", "--input", "none.jsonl", "--output", "o.jsonl"), "none.jsonl"),
        (("generate", "personas", "--input", "chunks.jsonl", "--output", "chunks.jsonl"), "both source and output"),
        ((*GENERATE, "--lmstudio-url", "ftp://somewhere"), "no address"),
        (("--server", "127.0.0.1:9", *GENERATE, "--lmstudio-host", "localhost"), "--server"),
    ],
)
def test_what_cannot_work_is_refused(cli: Cli, folder: Path, arguments: tuple[str, ...], said: str) -> None:
    done = cli(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert [path.name for path in folder.iterdir()] == ["chunks.jsonl"]


# ---------------------------------------------------------------- the split
def test_chunks_that_share_text_or_id_stand_on_one_side(tmp_path: Path) -> None:
    texts = ["a", "b", "a", "c", "d", "e"]
    source = write_rows(
        tmp_path / "chunks.jsonl",
        [{"id": n, "source_id": 1, "text": f"{t} text"} for n, t in enumerate(texts)],
    )
    rows = [{"metadata": {"chunk_id": n, "source_id": 1}} for n in range(6) for _ in range(3)]
    files = Files(write_rows(tmp_path / "out.jsonl", rows))
    for seed in range(20):
        train, held = chunk_files.write_split(files, source, 0.7, seed)
        assert (train + held, held >= 3, train >= 3) == (18, True, True)
        sides = [{r["metadata"]["chunk_id"] for r in read_rows(p)} for p in (files.train, files.validation)]
        assert not sides[0] & sides[1]
        assert any({0, 2} <= side for side in sides)


# ---------------------------------------------------------------- a local model server
class _Studio(BaseHTTPRequestHandler):
    """Serves the rule-based models under another name, by the OpenAI protocol."""

    def do_GET(self) -> None:
        self._send({"data": [{"id": "qwen2.5-7b"}, {"id": "other"}]} if self.path == "/v1/models" else {})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        rates = any("the reader who rates" in str(m["content"]) for m in asked["messages"])
        text = speak.reply("offline/evaluator" if rates else "offline/teacher", asked["messages"])
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
        self._send(
            {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
        )

    def _send(self, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def studio() -> Iterator[int]:
    """Its port."""
    with serving(_Studio) as port:
        yield port


def test_a_local_server_writes_and_rates(cli: Cli, folder: Path, studio: int) -> None:
    where = {"LMSTUDIO_HOST": "127.0.0.1", "LMSTUDIO_PORT": str(studio)}
    done = cli(*GENERATE, "--max-chunks", "2", "--no-split", "--json", **where)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["examples_generated"], told["teacher"]) == (4, "local/qwen2.5-7b")
    assert told["evaluator"].endswith("/qwen2.5-7b")
    named = cli(*GENERATE, "--lmstudio-url", f"http://127.0.0.1:{studio}/v1", "--lmstudio-model", "missing")
    assert named.returncode == 2
    assert "qwen2.5-7b, other" in named.stderr


def test_nobody_at_the_address() -> None:
    with pytest.raises(Unreachable, match="Failed to connect to LM Studio"):
        lmstudio.models("http://127.0.0.1:9")
    assert Server(host="h").base == "http://h:1234"
    assert Server(url="https://x.example/v1/").base == "https://x.example"
    assert not Server().wanted
    with pytest.raises(BadInput):
        _ = Server(port="many").base
