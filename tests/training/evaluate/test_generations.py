"""Passages before and after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training import generations
from training.configs import validate
from training.errors import InvalidInput
from training.generations import GenerationsConfig

pytestmark = pytest.mark.usefixtures("one_thread")


def test_texts_side_by_side(tiny: Path, other: Path, tmp_path: Path) -> None:
    passage = "I wait at the window and I don't know what for. Perhaps it is only the light that asks me to feel it."
    rows = [
        {"instruction": "Experience waiting", "input": "", "output": passage},
        {"messages": [{"role": "user", "content": "Stay a while."}, {"role": "assistant", "content": "I am | here."}]},
        {"prompt": "third", "completion": "more than max_samples"},
    ]
    path = tmp_path / "held-out.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    values = {
        "models": [str(tiny), str(other)], "labels": ["before", "after"], "data": {"test_file": path},
        "output_dir": tmp_path / "out", "max_new_tokens": 8, "max_samples": 2, "words": [10, 60],
    }  # fmt: skip
    config = validate(GenerationsConfig, values)
    metrics = generations.run(config).metrics
    assert list(metrics["passed"]) == ["before", "after", "reference"]
    assert metrics["passed"]["reference"]["in the first person"]["value"] == 1
    assert metrics["passed"]["reference"]["10 to 60 words"]["value"] == 0.5
    assert metrics["passed"]["before"]["feels authentic"] is None
    told = json.loads((tmp_path / "out" / "generations.json").read_text())["generations"]
    assert len(told) == 2
    assert set(told[0]["texts"]) == {"before", "after", "reference"}
    assert told[0]["texts"]["before"]["finish_reason"] == "length"
    page = (tmp_path / "out" / "report.md").read_text()
    assert f"> {passage}" in page
    assert "| feels authentic | by reading | by reading | by reading |" in page
    assert "**before** – fails: cut off; " in page
    assert "**reference** – passes every rule" in page
    assert generations.run(config).metrics == metrics

    path.write_text("")
    with pytest.raises(InvalidInput, match="holds no rows"):
        generations.run(config)
    for wrong in ({"words": [9, 1]}, {"labels": ["before", "reference"]}):
        with pytest.raises(InvalidInput):
            validate(GenerationsConfig, values | wrong)
