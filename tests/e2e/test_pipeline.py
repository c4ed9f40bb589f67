"""The whole way, for real, as the README tells it: rows, SFT, preferences, DPO, merge, GGUF, evaluation, and an answer.

SmolLM2-135M on this machine's processor; everything offline. What the pages say of training is run here, block by
block, in one folder.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from teachback.training_files import TrainingFiles

from tests.docs.pages import ROOT, Block
from tests.docs.trained import BLOCKS
from training.rows import parse

pytestmark = pytest.mark.timeout(2400)  # a dozen minutes on two cores that are made for bfloat16
PATIENCE = 2300
NAME = "ship"


@dataclass
class Trained:
    """Somebody's folder after the README's commands."""

    folder: Path
    env: dict[str, str]
    swaps: dict[str, str]

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """A command in that folder. Raises AssertionError where it fails."""
        ended = subprocess.run(
            list(map(str, command)),
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert ended.returncode == 0, f"exit {ended.returncode}\n{ended.stdout[-3000:]}\n{ended.stderr[-6000:]}"
        return ended

    def follow(self, block: Block) -> subprocess.CompletedProcess[str]:
        """A block of a page, with the addresses of this machine."""
        text = block.text
        for usual, here in self.swaps.items():
            text = text.replace(usual, here)
        path = self.folder / f"block.{block.language}"
        path.write_text(text)
        program = [sys.executable] if block.language == "python" else ["bash", "-euo", "pipefail"]
        return self.run(*program, path)

    @property
    def files(self) -> TrainingFiles:
        """Where its files are."""
        return TrainingFiles(self.folder, NAME)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """The README's commands carried out, beside a service on ports of its own."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "examples").symlink_to(ROOT / "examples")
    env = {name: text for name, text in os.environ.items() if not name.startswith("TEACHBACK_")}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    ports = {"TEACHBACK_GRPC_PORT": "0", "TEACHBACK_REST_PORT": "0", "TEACHBACK_DATA_DIR": str(folder / "served")}
    with (folder / "service.log").open("wb") as log:
        service = subprocess.Popen(
            [sys.executable, "-m", "teachback.cli", "serve"],
            env=env | ports,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert service.stdout is not None
        grpc, rest = re.findall(r"127\.0\.0\.1:\d+", service.stdout.readline())
        swaps = {"127.0.0.1:50051": grpc, "127.0.0.1:8080": rest}
        done = Trained(folder, env | {"TEACHBACK_SERVER": grpc, "TEACHBACK_URL": f"http://{rest}"}, swaps)
        for block in BLOCKS[:1]:
            done.follow(block)
        yield done
    finally:
        service.terminate()
        service.wait(30)
        assert service.stdout is not None
        service.stdout.close()


def test_files_are_where_they_belong(trained: Trained) -> None:
    files = trained.files
    for path in (
        files.data.train,
        files.data.validation,
        files.preferences,
        files.sft / "adapter_model.safetensors",
        files.sft / "proof.txt",
        files.sft / "loss.png",
        files.models / "clitron-ship-q4_k_m.gguf",
        files.models / "clitron-ship-q4_k_m.Modelfile",
        files.evaluation / "metrics.json",
        files.report,
    ):
        assert path.is_file(), path
        assert path.stat().st_size, path
    held_out = {row["instruction"] for row in _rows(files.data.validation)}
    assert not held_out & {row["instruction"] for row in _rows(files.data.train)}
    assert (files.dpo / "adapter_model.safetensors").is_file() or _stages(files)["dpo"]["outcome"].startswith(
        "left out"
    )


def test_held_out_rows_are_answered_right_after_and_not_before(trained: Trained) -> None:
    metrics = json.loads((trained.files.evaluation / "metrics.json").read_text())
    exact = {model["label"]: model["exact_match"]["value"] for model in metrics["models"]}
    before, *after = exact
    assert before == "smollm2-135m"
    assert exact[before] <= 0.05, exact
    assert {"sft", "clitron-ship-q4_k_m"} <= set(after)
    assert all(exact[label] >= 0.9 for label in after), exact


def test_the_file_agrees_with_the_model(trained: Trained) -> None:
    fidelity = _stages(trained.files)["quantize"]["fidelity"]
    assert fidelity["held_out"]["agreement"] >= 0.95, fidelity
    assert fidelity["chat"]["tokenized_alike"] == fidelity["chat"]["prompts"]


def test_the_same_command_takes_everything_over(trained: Trained) -> None:
    again = trained.follow(BLOCKS[0])
    assert "generate: skipped" in again.stderr
    told = _stages(trained.files)
    assert all(how["outcome"] in ("taken over", *_LEFT_OUT) for how in told.values()), told


_LEFT_OUT = ("left out: there are no pairs",)


def test_f16_is_as_good_and_llama_cpp_answers_through_litellm(trained: Trained) -> None:
    """What a program of a user's would do: the OpenAI protocol, LiteLLM before it."""
    files = trained.files
    final = files.dpo if (files.dpo / "adapter_model.safetensors").is_file() else files.sft
    out = trained.folder / "f16"
    trained.run("teachback", "quantize", final, "--quant", "f16", "--name", NAME, "-o", out)
    (whole,) = out.glob("*.gguf")
    told = json.loads(
        trained.run("teachback", "evaluate", files.data.validation, whole, "-o", out / "eval", "--json").stdout
    )
    assert told["models"][0]["exact_match"]["value"] >= 0.9

    from training.llama import Llama
    from training.metrics import judge
    from training.rows import Row

    rows = [row for row in map(parse, _rows(files.data.validation)) if isinstance(row, Row)][:8]
    asked = [[message.model_dump() for message in row.prompt] for row in rows]
    with Llama(files.models / "clitron-ship-q4_k_m.gguf", context=1024) as server:
        ended = subprocess.run(
            [sys.executable, "-c", THROUGH_LITELLM, server.base_url],
            input=json.dumps(asked),
            env=trained.env | {"OPENAI_API_KEY": server.api_key, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert ended.returncode == 0, ended.stderr
    right = [judge(said, row.completion).exact for said, row in zip(json.loads(ended.stdout), rows, strict=True)]
    assert sum(right) >= 7, right


def test_preferences_move_the_real_model(trained: Trained) -> None:
    """The pipeline leaves DPO out where the model makes no mistakes: here its own rows are held against one another."""
    rows = _rows(trained.files.data.train)[:33]
    pairs = trained.folder / "against.jsonl"
    with pairs.open("w") as file:
        for row, other in itertools.pairwise(rows):
            if row["output"] != other["output"]:
                prompt = [message.model_dump() for message in parse(row).prompt]
                file.write(json.dumps({"prompt": prompt, "chosen": row["output"], "rejected": other["output"]}) + "\n")
    out = trained.folder / "preferred"
    batches = ("--per-device-train-batch-size", "4", "--gradient-accumulation-steps", "1")
    trained.run("teachback", "train", "dpo", pairs, "--model", trained.files.sft, "--max-steps", "8", *batches,
                "--learning-rate", "1e-4", "-o", out)  # fmt: skip
    metrics = json.loads((out / "metrics.json").read_text())
    assert abs(metrics["reward_margin_first"]) < 0.05, metrics  # it begins as its own reference
    assert metrics["reward_margin"] > 0.1, metrics
    assert metrics["reward_accuracy"] == 1, metrics


THROUGH_LITELLM = """
import json, sys, litellm
answers = []
for messages in json.load(sys.stdin):
    answer = litellm.completion(
        model="openai/clitron", messages=messages, api_base=sys.argv[1], temperature=0, max_tokens=160
    )
    answers.append(answer.choices[0].message.content)
print(json.dumps(answers))
"""


@pytest.mark.parametrize("block", BLOCKS[1:], ids=lambda block: block.id)
def test_what_the_pages_say_of_training_runs(block: Block, trained: Trained) -> None:
    trained.follow(block)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _stages(files: TrainingFiles) -> dict[str, dict[str, Any]]:
    told: dict[str, dict[str, Any]] = json.loads(files.report.read_text())["stages"]
    return told
