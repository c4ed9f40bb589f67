"""The program, from rows and models on disk to its report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.training.evaluate.conftest import rows
from training import base, embedded, evaluate
from training.configs import validate
from training.errors import InvalidInput, Missing
from training.evaluate import EvaluateConfig, shortest
from training.llama import LlamaFailed

pytestmark = pytest.mark.usefixtures("one_thread")


def config(models: list[Any], test_file: Path, output: Path, **more: Any) -> EvaluateConfig:
    data = {"test_file": test_file, **more.pop("data", {})}
    values = {"models": [str(one) for one in models], "data": data, "output_dir": output, "max_new_tokens": 12, **more}
    return validate(EvaluateConfig, values)


def events(told: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.splitlines()]


def test_two_models_side_by_side(
    tiny: Path, other: Path, test_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    asked = config([tiny, other], test_file, output, data={"schema_file": "examples/kettle.yaml"})
    finished = evaluate.run(asked)
    told = events(capsys.readouterr().out)
    steps = [one for one in told if one["event"] == "step" and one["stage"] == "evaluate"]
    assert [one["step"] for one in steps] == [*range(1, 17)] * 2
    assert {one["steps"] for one in steps} == {16}

    assert sorted(path.name for path in output.iterdir()) == [
        "answers.jsonl", "manifest.json", "metrics.json", "report.md", "report.png", "samples.jsonl",
    ]  # fmt: skip
    assert not (tmp_path / "out.work").exists()
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics == json.loads(json.dumps(finished.metrics))
    first, second = metrics["models"]
    assert (first["label"], second["label"]) == ("tiny", "other")
    assert first["exact_match"]["value"] == first["json_validity"]["value"] == 0
    assert (first["exact_match"]["n"], first["json_validity"]["n"], first["number_match"]["n"]) == (8, 7, 1)
    assert first["argument_accuracy"]["n"] == 9
    assert first["by_subcommand"]["brew pour"]["rows"] == 3
    assert first["by_case"]["missing_required"]["rows"] == 1
    assert {name: group["rows"] for name, group in first["by_context"].items()} == {
        "resolved from context": 3,
        "no context": 4,
    }
    assert first["finish_reasons"] == {"length": 8}
    assert first["perplexity"]["value"] > 1000
    assert first["latency_seconds"]["n"] == 8
    assert second["gain"] == {"value": 0, "low": -0.324408, "high": 0.324408, "n": 8, "mended": 0, "broken": 0}
    assert (first["argument_accuracy"]["low"], first["argument_accuracy"]["high"]) == (0, 0.390334), "of six rows"
    assert first["targets_met"] == dict.fromkeys(metrics["targets"], False)
    assert "brew list" in metrics["uncovered"]
    assert "brew pour" not in metrics["uncovered"]
    assert json.loads((output / "manifest.json").read_text())["program"] == "evaluate"

    page = (output / "report.md").read_text()
    assert "| Exact match | 0.0% (0.0–32.4) | 0.0% (0.0–32.4) | 90% |" in page
    assert "no difference that these rows could show" in page
    assert (output / "report.png").read_bytes().startswith(b"\x89PNG")
    samples = events((output / "samples.jsonl").read_text())
    assert {(one["model"], one["verdict"]) for one in samples} == {("tiny", "wrong"), ("other", "wrong")}
    assert samples[0]["row"].endswith("line 1")
    assert len(events((output / "answers.jsonl").read_text())) == 16

    again = evaluate.run(asked)
    assert again.metrics == metrics
    assert "evaluate" not in capsys.readouterr().out, "a finished report is taken over"


def test_who_goes_on_and_on_is_cut_off_behind_the_longest_right_answer(
    tiny: Path, test_file: Path, tmp_path: Path
) -> None:
    metrics = evaluate.run(config([tiny], test_file, tmp_path / "out", max_new_tokens=None)).metrics
    (told,) = metrics["models"]
    answers = events((tmp_path / "out" / "answers.jsonl").read_text())
    longest = max(count(one["reference"]) for one in answers)
    assert told["max_new_tokens"] == max(evaluate.LEAST, (longest + 1) * 3 // 2) > evaluate.LEAST
    assert max(one["tokens"] for one in answers) == told["max_new_tokens"]
    assert f"at most {told['max_new_tokens']} tokens" in (tmp_path / "out" / "report.md").read_text()


def count(text: str) -> int:
    """How many of SmolLM2's tokens a text has."""
    return len(base.tokenizer(base.resolve(embedded.NAME))(text)["input_ids"])


def test_a_killed_run_goes_on_behind_the_models_that_are_measured(
    tiny: Path, other: Path, test_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(other, broken)
    (broken / "tokenizer.json").rename(tmp_path / "tokenizer.json")
    (broken / "tokenizer_config.json").unlink()
    asked = config([tiny, broken], test_file, tmp_path / "out", max_samples=2)
    with pytest.raises(InvalidInput, match="tokenizer"):
        evaluate.run(asked)
    assert not (tmp_path / "out").exists()
    capsys.readouterr()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(other / name, broken / name)
    evaluate.run(asked)
    measured = {one["model"] for one in events(capsys.readouterr().out) if one.get("stage") == "evaluate"}
    assert measured == {"broken"}


def test_a_model_that_knows_the_answers_is_right(
    tiny: Path, test_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures of a perfect model: what a reader compares with the targets."""
    from training import generation

    known = {row.get("instruction"): row["output"] for row in rows() if "output" in row}

    def answer(self: Any, prompts: Any, max_new_tokens: int, *, timed: int = 0) -> Any:
        for index, prompt in enumerate(prompts):
            said = prompt[-1].content.partition("\n\nContext:")[0]
            text = known.get(said, "51")
            number = prompt[-1].content.partition('"current_brew":')[2].partition("}")[0]
            yield index, generation.Answer(text.replace("42", number or "42"), 9, 0.5, "stop")

    monkeypatch.setattr(generation.HuggingFace, "answer", answer)
    metrics = evaluate.run(config([tiny], test_file, tmp_path / "out")).metrics
    (told,) = metrics["models"]
    for name in metrics["targets"]:
        assert told[name]["value"] == 1
    assert told["targets_met"] == dict.fromkeys(metrics["targets"], True)
    assert told["exact_match"]["low"] == pytest.approx(0.676, abs=0.001)
    assert told["by_context"]["resolved from context"]["exact_match"]["value"] == 1
    assert (told["tokens_per_second"]["value"], told["latency_seconds"]["p95"]) == (18, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no rows"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "line 1: messages"),
        ('{"prompt": "a", "completion": " "}', "line 1: completion"),
        ('{"prompt": "a", "chosen": "b", "rejected": "c"}', "line 1: is a preference pair"),
        ("{", "line 1"),
    ],
)
def test_rows_that_can_not_be_measured_on(tiny: Path, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        evaluate.run(config([tiny], path, tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.work").exists()


def test_models_and_settings_that_can_not_be_used(tiny: Path, test_file: Path, tmp_path: Path) -> None:
    with pytest.raises(Missing, match="none"):
        evaluate.run(config([tmp_path / "none"], test_file, tmp_path / "out"))
    with pytest.raises(Missing, match=r"none\.gguf"):
        evaluate.run(config([tiny, tmp_path / "none.gguf"], test_file, tmp_path / "out"))
    (tmp_path / "bad.gguf").write_bytes(b"GGUF but not really" * 10)
    with pytest.raises(InvalidInput, match=r"bad\.gguf: is no GGUF file"):
        evaluate.run(config([tmp_path / "bad.gguf"], test_file, tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    for wrong in ({"labels": ["a", "b"]}, {"data": {"schema": 1}}, {"max_new_tokens": 0}):
        with pytest.raises(InvalidInput):
            config([tiny], test_file, tmp_path / "out", **wrong)


def test_a_gguf_file_that_llama_cpp_does_not_know(test_file: Path, tmp_path: Path) -> None:
    from gguf import GGUFWriter

    path = tmp_path / "new.gguf"
    writer = GGUFWriter(path, "an-architecture-of-tomorrow")
    writer.add_chat_template("{{ messages[0]['content'] }}")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(LlamaFailed, match=r"new\.gguf: llama\.cpp could not load the file"):
        evaluate.run(config([path], test_file, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_labels_are_as_long_as_it_takes() -> None:
    assert shortest(["embedded/smollm2-135m", "a/mycli/sft", "b/clitron-mycli-q4_k_m.gguf"]) == [
        "smollm2-135m", "sft", "clitron-mycli-q4_k_m",
    ]  # fmt: skip
    assert shortest(["/x/a/model", "/x/b/model"]) == ["a/model", "b/model"]
    assert shortest(["m", "m"]) == ["m (1)", "m (2)"]
