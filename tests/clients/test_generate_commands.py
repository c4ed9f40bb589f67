"""`teachback generate commands` and `teachback schema`: the files of a named training in a user's workspace."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from teachback import Client
from teachback.errors import BadInput
from teachback.training_data import TrainingData

from tests.clients.conftest import Cli, read_rows

KETTLE = Path(__file__).parents[2] / "examples/kettle.yaml"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with one schema; the command line runs in it."""
    (tmp_path / "schemas").mkdir()
    shutil.copy(KETTLE, tmp_path / "schemas/kettle.yaml")
    return tmp_path


def test_a_named_training_gets_its_files(cli: Cli, workspace: Path) -> None:
    done = cli("generate", "commands", "--name", "kettle", "--num", "60", "--validation-ratio", "0.2", "--json")
    assert done.returncode == 0, done.stderr
    data = TrainingData(workspace, "kettle")
    train, held_out = read_rows(data.train), read_rows(data.validation)
    assert (len(train), len(held_out)) == (48, 12)
    assert all(list(row) == ["instruction", "context", "output"] for row in train + held_out)
    assert not data.progress.exists()
    stats = json.loads(data.stats.read_text())
    assert stats["split"] == {"train": 48, "validation": 12}
    assert json.loads(done.stdout)["diversity"] == stats["diversity"]
    with data.coverage.open() as file:
        lines = list(csv.DictReader(file))
    assert {line["what"] for line in lines} == {"subcommand", "argument", "member", "flag"}
    calls = [json.loads(r["output"]) for r in train + held_out]
    poured = sum(c.get("subcommand") == "pour" for c in calls)
    assert next(x["rows"] for x in lines if x["subcommand"] == "pour" and x["what"] == "subcommand") == str(poured)

    before = data.train.read_bytes()
    again = cli("generate", "commands", "--name", "kettle", "--num", "60")
    assert "there already" in again.stderr
    assert data.train.read_bytes() == before
    forced = cli("generate", "commands", "--name", "kettle", "--num", "30", "--force")
    assert forced.returncode == 0, forced.stderr
    assert len(read_rows(data.train)) == 27
    listed = cli("schema", "list", "--json")
    assert json.loads(listed.stdout) == {
        "name": "kettle", "schema": "schemas/kettle.yaml", "train": 27, "validation": 3,
    }  # fmt: skip


def test_the_thinking_of_rows_that_are_trained_on(cli: Cli, workspace: Path) -> None:
    done = cli("generate", "commands", "--name", "kettle", "--num", "20", "--enhance", "--student", "offline/student")
    assert done.returncode == 0, done.stderr
    data = TrainingData(workspace, "kettle")
    thought = read_rows(data.folder / "train.thinking.jsonl")
    asked = [row["messages"][-1]["content"].partition("\n")[0] for row in thought]
    assert asked == [row["instruction"] for row in read_rows(data.train)], "none of the rows that are held out"
    given = [row["expected_response"]["response"] for row in thought]
    assert given == [row["output"] for row in read_rows(data.train)]


def test_by_hand_in_a_chat_window(cli: Cli, workspace: Path, client: Client) -> None:
    printed = cli("generate", "commands", "--schema", "schemas/kettle.yaml", "--num", "10", "--print-prompts")
    assert printed.returncode == 0, printed.stderr
    assert "Task 0\n" in printed.stdout
    assert "Task 9\n" in printed.stdout
    job = client.generate(KETTLE, commands={"num": 10}, seed=0)
    job.wait()
    said = {json.loads(e.plan_json)["number"]: json.loads(e.made_json)["instruction"] for e in job.examples()}
    replies = [{"id": n, "instruction": text} for n, text in said.items()]
    replies[2]["instruction"] = "kettle --help"
    (workspace / "replies.json").write_text(json.dumps(replies))
    done = cli(
        "generate", "commands", "--schema", "schemas/kettle.yaml", "--name", "chat", "--num", "10",
        "--import-replies", "replies.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"task {replies[2]['id']} is refused" in done.stderr
    assert "SHORT: 9 of 10" in done.stderr
    assert len(read_rows(workspace / "training/data/chat/train.jsonl")) == 8


def test_schema_check_tells_line_collisions_and_size(cli: Cli, workspace: Path) -> None:
    good = cli("schema", "check", "schemas/kettle.yaml")
    assert good.returncode == 0, good.stderr
    assert "ambiguous: brew show can mean list or view" in good.stdout
    assert "437 or more: 350 calls" in good.stdout
    bad = workspace / "schemas/bad.yaml"
    bad.write_text(KETTLE.read_text().replace("type: integer", "type: number", 1))
    refused = cli("schema", "check", bad)
    assert refused.returncode == 2
    assert f"{bad}, line 19: the type of limit is 'number'" in refused.stderr
    job = cli("generate", "commands", "--name", "bad", "--num", "5")
    assert job.returncode == 2
    assert job.stderr.count("bad.yaml, line 19") == job.stderr.count(", line ") == 1, job.stderr


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b"])
def test_a_name_never_leaves_the_workspace(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        TrainingData(tmp_path, name)
