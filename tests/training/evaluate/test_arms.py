"""Thinking compared: equal tokens, a plan that stands, a verdict that claims no more than was seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import make_tiny
from tests.training.evaluate.test_evaluate import events
from training import arms, sft
from training.arms import ArmsConfig
from training.configs import validate
from training.errors import InvalidInput
from training.evaluation import comparison, thoughts
from training.evaluation.figures import Result
from training.evaluation.saved import Told
from training.evaluation.thoughts import Thought, loads
from training.generation import Answer
from training.metrics import Judgement


def row(number: int, **metadata: Any) -> dict[str, Any]:
    held = {"original_thinking": "Add them.", "thinking": f"First {number}, then 5 more: {number + 5}.", **metadata}
    messages = [
        {"role": "user", "content": f"What is {number} + 5?"},
        {"role": "assistant", "content": str(number + 5)},
    ]
    return {"messages": messages, "metadata": held}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def config(tiny: Path, train: Path, output: Path, **more: Any) -> ArmsConfig:
    training = {
        "output_dir": output, "num_train_epochs": 1, "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 1, "learning_rate": 1e-3, "lora_r": 4,
    }  # fmt: skip
    values = {
        "model": {"name": str(tiny)}, "training": training, "data": {"train_file": train}, "max_new_tokens": 4,
        "metric": "number_match", **more,
    }  # fmt: skip
    return validate(ArmsConfig, values)


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")  # of the trainer's libraries about themselves
@pytest.mark.usefixtures("one_thread")
def test_all_arms_from_rows_to_verdict_and_on_after_a_kill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = make_tiny(tmp_path / "tiny")
    train = write(tmp_path / "rows.jsonl", [row(n) for n in range(10)] + [row(99, original_thinking=None)])
    output = tmp_path / "arms"
    asked = config(tiny, train, output, selected_by="embedded/smollm2-135m")

    trained = sft.run
    runs: list[Any] = []

    def dies_at_the_third(settings: Any) -> Any:
        if len(runs) == 2:
            raise KeyboardInterrupt
        runs.append(settings)
        return trained(settings)

    monkeypatch.setattr(sft, "run", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        arms.run(asked)
    assert not output.exists()
    # What the trainer's libraries print goes to stderr in a program, and here beside the events.
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"event"')]
    told = events("\n".join(said))
    names = [one["event"] for one in told]
    assert names.index("plan") < names.index("arm"), "the plan stands before anything is trained"
    with pytest.raises(InvalidInput, match=r"another plan was begun .* differs in config, metric"):
        arms.run(asked.model_copy(update={"metric": "exact_match"}))

    def goes_on(settings: Any) -> Any:
        runs.append(settings)
        return trained(settings)

    monkeypatch.setattr(sft, "run", goes_on)
    report = arms.run(asked).metrics
    assert len(runs) == 9, "what was trained and measured is not done again"
    assert report["registered_at"] == next(one for one in told if one["event"] == "plan")["registered_at"]
    assert sorted(path.name for path in output.iterdir()) == [
        "arms.json", "arms.png", "manifest.json", "plan.json", "report.md",
    ]  # fmt: skip
    assert not (tmp_path / "arms.work").exists()
    assert (report["rows_train"], report["rows_test"], len(report["seeds"])) == (8, 2, 3)
    means = [np.mean(arm["tokens"]) for arm in report["arms"].values()]
    assert max(means) <= 1.1 * min(means), means
    assert set(report["arms"]) == {"none", "original", "enhanced"}
    assert report["verdict"].startswith("No difference between enhanced and original thinking that this could see")
    assert "hardly any row right" in report["verdict"]
    assert "chosen by another model (embedded/smollm2-135m)" in report["verdict"]
    assert report["verdict"] in (output / "report.md").read_text()
    assert len({run.training.seed for run in runs}) == 3


def test_loads_make_tokens_and_steps_alike() -> None:
    made = loads({"none": [4] * 30, "original": [20] * 30, "enhanced": [60] * 30}, 2, 8, 1)
    assert {load.tokens for load in made.values()} == {3600}
    assert {arm: load.rows for arm, load in made.items()} == {"none": 900, "original": 180, "enhanced": 60}
    assert made["enhanced"].per_device_train_batch_size == 8
    assert made["none"].per_device_train_batch_size * made["none"].gradient_accumulation_steps == 120
    assert {load.steps for load in made.values()} == {8}


def test_an_arm_is_written_in_whole_passes_each_in_an_order_of_its_own(tmp_path: Path) -> None:
    rows = [Thought((), str(n), f"o{n}", f"e{n}") for n in range(5)]

    def written(arm: str, seed: int) -> list[str]:
        thoughts.write(tmp_path / "a.jsonl", rows, arm, 12, seed)
        return [one["completion"] for one in events((tmp_path / "a.jsonl").read_text())]

    said = written("none", 0)
    assert len(said) == 12
    assert sorted(said[:5]) == sorted(said[5:10]) == list("01234")
    assert said[:5] != said[5:10]
    assert said == written("none", 0)
    assert said != written("none", 1)
    assert set(written("enhanced", 0)) == {f"<think>\ne{n}\n</think>\n\n{n}" for n in range(5)}
    assert "<think>\no0\n</think>\n\n0" in written("original", 0)


def test_rows_that_can_not_be_compared(tmp_path: Path) -> None:
    plain = [{"prompt": "a", "completion": "b"}]
    train = write(tmp_path / "train.jsonl", plain)
    with pytest.raises(InvalidInput, match=r"1 rows, 1 of them without metadata\.original_thinking"):
        thoughts.read(train, None, 0.2)
    train = write(tmp_path / "train.jsonl", [row(1), row(2)])
    with pytest.raises(InvalidInput, match="1 of its rows have a prompt"):
        thoughts.read(train, write(tmp_path / "test.jsonl", [row(2)]), 0.2)
    usable, measured, left = thoughts.read(train, write(tmp_path / "test.jsonl", [row(3)]), 0.2)
    assert (len(usable), len(measured), left) == (2, 1, {"rows_left_out": 0, "rows_unchanged": 0})
    assert (usable[0].original, usable[0].enhanced, usable[0].answer) == ("Add them.", "First 1, then 5 more: 6.", "6")


def test_the_same_prompt_stays_on_one_side(tmp_path: Path) -> None:
    train = write(tmp_path / "train.jsonl", [row(n % 4, thinking=f"t{n}") for n in range(20)])
    usable, measured, _ = thoughts.read(train, None, 0.3)
    assert not {one.prompt for one in usable} & {one.prompt for one in measured}
    assert (len(usable) + len(measured), len(measured) % 5) == (20, 0)


def results(right: list[int]) -> Told:
    rows = [Result(Answer("", 1, None, "stop"), None, Judgement(exact=bool(one))) for one in right]
    return Told({"tokens": 300, "tokens_trained": 100, "steps": 3}, rows)


def compared(original: float, enhanced: float, selected_by: str | None = None) -> dict[str, Any]:
    plan = {
        "metric": "exact_match", "model": "m", "selected_by": selected_by, "seeds": [0, 1, 2],
        "registered_at": "2026-01-01", "rows_train": 10, "rows_unchanged": 0,
    }  # fmt: skip
    seeds = [np.random.default_rng(seed).random(300) for seed in range(3)]
    told = {
        name: [results([int(one < share) for one in seed]) for seed in seeds]
        for name, share in (("none", 0.3), ("original", original), ("enhanced", enhanced))
    }
    return comparison.compare(plan, results([0] * 300), told)


def test_verdicts() -> None:
    assert compared(0.4, 0.55)["verdict"].startswith("Enhanced thinking trained the better student: +14.8 points")
    assert compared(0.55, 0.4)["verdict"].startswith("Enhanced thinking trained the worse student: -1")
    same = compared(0.5, 0.502)
    assert same["verdict"].startswith("No difference between enhanced and original thinking that this could see")
    assert same["differences"][1]["low"] > 0, "enhanced against none"
    assert "chose the rows itself" in compared(0.4, 0.5, "m")["verdict"]
    assert "nearly every row right" not in same["verdict"]
