"""The trainer's verbs: files where a named training keeps them, what is skipped and said, options, make and just.

No model is trained here; tests/e2e/test_pipeline.py does that, with these same commands.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from teachback.cli import comparison
from teachback.cli.training_options import FIELDS, from_pairs, given
from teachback.errors import BadInput
from teachback.pipeline_run import STAGES, chosen
from teachback.service import Endpoint
from teachback.training_files import TrainingFiles
from teachback.v1 import training_pb2

from tests.clients.conftest import Cli, read_rows

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = ("--teacher", "offline/teacher", "--evaluator", "offline/evaluator")
JUST = Path(sys.executable).with_name("just")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with the schema of a small command line."""
    (tmp_path / "schemas").mkdir()
    shutil.copyfile(ROOT / "examples/ship.yaml", tmp_path / "schemas/ship.yaml")
    return tmp_path


# ---------------------------------------------------------------- files and stages
def test_generate_leaves_the_files_where_they_belong_and_skips_what_is_there(cli: Cli, workspace: Path) -> None:
    command = ("pipeline", "run", "--name", "ship", "--num", "60", "--stages", "generate", *OFFLINE)
    first = cli(*command)
    assert first.returncode == 0, first.stderr
    files = TrainingFiles(workspace, "ship")
    train, held_out = read_rows(files.data.train), read_rows(files.data.validation)
    assert (len(train), len(held_out)) == (54, 6)
    assert set(train[0]) == {"instruction", "context", "output"}

    files.data.train.write_text(files.data.train.read_text() + json.dumps(train[0]) + "\n")
    again = cli(*command)
    assert again.returncode == 0, again.stderr
    assert "generate: skipped" in again.stderr
    assert "with 55 rows" in again.stderr
    assert len(read_rows(files.data.train)) == 55, "the user's own edit stays"

    forced = cli(*command, "--force", "generate")
    assert forced.returncode == 0, forced.stderr
    assert len(read_rows(files.data.train)) == 54


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--name", "nothing"), "there is no schemas/nothing.yaml"),
        (("--name", "nothing", "--stages", "sft"), "name the stage generate too"),
        (("--name", "ship", "--stages", "bake"), "bake is no stage"),
        (("--name", "../ship"), "can't name a training"),
        (("--name", "ship", "--sft", "learning_rat=1"), "write name=value"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(cli: Cli, workspace: Path, arguments: tuple[str, ...], says: str) -> None:
    ended = cli("pipeline", "run", *arguments)
    assert ended.returncode == 2, ended.stderr
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_stages_are_taken_in_their_order() -> None:
    assert chosen("dpo, sft", "--stages") == ("sft", "dpo")
    assert chosen(",".join(STAGES), "--stages") == STAGES


def test_pairs_that_a_person_edited_are_told_from_ours(tmp_path: Path) -> None:
    files = TrainingFiles(tmp_path, "ship")
    assert not files.edited(files.preferences)
    files.data.folder.mkdir(parents=True)
    files.preferences.write_text("{}\n")
    assert files.edited(files.preferences), "we never wrote it"
    files.wrote(files.preferences)
    assert not files.edited(files.preferences)
    files.preferences.write_text("{}\n{}\n")
    assert files.edited(files.preferences)


# ---------------------------------------------------------------- options
def test_options_are_the_contracts() -> None:
    known = {field.name for field in training_pb2.TrainingOptions.DESCRIPTOR.fields}
    assert set(FIELDS) == known
    from teachback.cli.app import app

    group: Any = typer.main.get_command(app)
    sft = {parameter.name for parameter in group.commands["train"].commands["sft"].params}
    dpo = {parameter.name for parameter in group.commands["train"].commands["dpo"].params}
    assert known - sft == {"beta", "loss_type"}
    assert known & dpo >= {"beta", "loss_type", "learning_rate", "num_train_epochs"}


def test_options_as_pairs() -> None:
    modules = ["lora_target_modules=q_proj,k_proj", "lora_target_modules=v_proj"]
    assert from_pairs(["learning-rate=1e-3", "max_steps=30", "use_lora=false", "loss_type=ipo", *modules], "--sft") == {
        "learning_rate": 1e-3,
        "max_steps": 30,
        "use_lora": False,
        "lora_target_modules": ["q_proj", "k_proj", "v_proj"],
        "loss_type": "ipo",
    }
    with pytest.raises(BadInput, match="write name=value"):
        from_pairs(["epochs"], "--sft")
    assert given({"learning_rate": 1e-3, "max_steps": None, "packing": False, "rows": "x"}) == {
        "learning_rate": 1e-3,
        "packing": False,
    }


def test_installer_rows_are_known_by_their_shape(cli: Cli, tmp_path: Path) -> None:
    command = ("train", "sft", "--style", "installer", "--epochs", "1", "--use-4bit")
    missing = cli(*command)
    assert missing.returncode == 2
    assert "training/training_with_thinking.jsonl cannot be read" in missing.stderr
    (tmp_path / "rows.jsonl").write_text('{"instruction": "x", "output": "y"}\n')
    other = cli(*command, "rows.jsonl")
    assert other.returncode == 2
    assert "rows.jsonl, line 1: has no expected_response" in other.stderr


def test_a_folder_that_was_not_fetched_is_no_model(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    ended = cli("quantize", "mine")
    assert ended.returncode == 2
    assert "was not fetched from a job" in ended.stderr


def test_a_comparison_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    def model(label: str, right: float) -> dict[str, Any]:
        return {
            "label": label,
            "exact_match": {"value": right, "low": right / 2, "high": 1.0},
            "number_match": None,
            "validation_loss": None,
            "latency_seconds": {"p50": 0.5, "p95": 0.75},
            "size_bytes": 92_000_000,
        }

    gain = {"value": 0.9, "low": 0.7, "high": 0.97, "mended": 18, "broken": 0}
    comparison.put_comparison({"models": [model("base", 0.0), model("sft", 0.9) | {"gain": gain}]})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["base", "sft"]
    assert lines[1].split() == ["exact", "match", "0.0%", "(0-100)", "90.0%", "(45-100)"]
    assert lines[-1].startswith("sft against base: +90.0 points")
    assert not any("final number" in line for line in lines)


# ---------------------------------------------------------------- make and just
@pytest.mark.parametrize(
    ("recipe", "does"),
    [
        ("train", ""),
        ("train-generate", "--stages generate"),
        ("train-generate-force", "--stages generate --force generate"),
        ("train-sft", "--stages sft"),
        ("train-generate-preferences", "--stages preferences"),
        ("train-dpo", "--stages dpo"),
        ("train-quantize", "--stages quantize"),
        ("train-eval", "--stages evaluate"),
    ],
)
@pytest.mark.parametrize("tool", ["make", "just"])
def test_make_and_just_know_the_same_verbs(tool: str, recipe: str, does: str) -> None:
    told = dry_run(tool, recipe, "name=mycli", "num=5000", "quant=q8_0")
    assert '--name "mycli" --num "5000" --quant "q8_0"' in told
    assert told.splitlines()[-1].endswith(does)
    assert '--quant "q4_k_m"' in dry_run(tool, recipe, "name=mycli")
    assert '--model "embedded/smollm2-135m"' in dry_run(tool, recipe, "name=a", "model=embedded/smollm2-135m")


def test_schemas_are_listed_by_make_and_just() -> None:
    for tool in ("make", "just"):
        assert "teachback schema list" in dry_run(tool, "train-list-schemas")


def dry_run(tool: str, *arguments: str) -> str:
    """What would be done. just hands on to make, whose flags come from the environment."""
    command = [str(JUST)] if tool == "just" else ["make", "--no-print-directory"]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}
    ended = subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        env=environment | {"MAKEFLAGS": "n"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return " ".join(ended.stdout.replace("\\\n", " ").split(" ")).strip()


# ---------------------------------------------------------------- the shell client
def test_the_shell_client_starts_a_pipeline_and_lists_files(service: Endpoint, tmp_path: Path) -> None:
    def shell(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TEACHBACK_URL": service.rest, "TEACHBACK_TOKEN": service.token or ""}
        script = str(ROOT / "clients/shell/teachback")
        return subprocess.run(
            ["bash", script, *arguments],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )

    schema = str(ROOT / "examples/ship.yaml")
    wanted = ("--name", "shelled", "--cli-schema", schema, "--stages", "generate", "--num", "20", *OFFLINE)
    started = shell("pipeline", *wanted, "--sft.learning-rate", "1e-3")
    assert started.returncode == 0, started.stderr
    name = started.stdout.strip()
    assert shell("watch", name).returncode == 0
    told = json.loads(shell("get", name).stdout)
    assert told["spec"]["pipeline"]["sft"]["learning_rate"] == 1e-3
    assert told["spec"]["pipeline"]["stages"] == ["generate"]
    assert json.loads(told["report_json"])["stages"]["generate"]["accepted"] == 20
    assert shell("artifacts", name).stdout == ""
    assert shell("fetch", name, ".", "none").returncode == 2
    refused = shell("train-sft", "--learning-rate", "-1", schema)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
