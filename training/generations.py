"""Passages before and after: `python -m training.generations --config x.yaml 'models=[base, ./models/passages]'`.

Every model writes to the same held-out prompts, and each text is rated on the curator's checklist
(`training.checklist`). The page shows the texts side by side, for two of the questions only a reader can answer.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import Field, model_validator

from training import artifacts, checklist, configs
from training.errors import InvalidInput
from training.evaluate import fingerprint_of, hash_of, shortest
from training.evaluation.intervals import wilson
from training.evaluation.report import share, table
from training.generation import Answer, room_for, subject
from training.progress import Finished, emit, main
from training.rows import Pair, Row, read_placed

PROGRAM: Final = "generations"
REFERENCE: Final = "reference"
"""What the rows' own completions are called beside the models."""


class Data(configs.Section):
    """What is written to."""

    test_file: Path
    """Rows whose prompts no model was trained on; their completions are shown as references."""


class GenerationsConfig(configs.Section):
    """Settings of `training.generations`."""

    models: list[str] = Field(min_length=1, max_length=8)
    """As in `training.evaluate`."""
    labels: list[str] | None = None
    """As in `training.evaluate`."""
    data: Data
    output_dir: Path = Path("./generations")
    max_new_tokens: int = Field(512, ge=1)
    max_samples: int = Field(20, ge=1)
    temperature: float = Field(0.8, ge=0, le=2)
    """Passages are drawn as a person would have them written: the likeliest word each time, which 0 means, sends a
    small model round in circles."""
    seed: int = Field(0, ge=0, lt=2**31)
    words: tuple[int, int] = (150, 300)
    """The fewest and the most words of a passage."""
    batch_size: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _makes_sense(self) -> GenerationsConfig:
        if self.words[0] > self.words[1]:
            raise ValueError("words has to be the fewest and then the most")
        if self.labels is not None and len({*self.labels, REFERENCE}) != len(self.models) + 1:
            raise ValueError(f"labels has to hold one name for each model, all different and none {REFERENCE}")
        return self


def run(config: GenerationsConfig) -> Finished:
    """Has all models write, rates what they write, publishes generations.json and report.md.

    Raises InvalidInput, Missing and LlamaFailed as `training.evaluate.run` does.
    """
    path = config.data.test_file
    rows = [row for _, row in itertools.islice(read_placed(path), config.max_samples)]
    if not rows:
        raise InvalidInput(f"data.test_file: {path}: holds no rows; there is nothing to write to")
    sha256 = hash_of(artifacts.dataset_sha256([path]), *map(fingerprint_of, config.models))
    if held := artifacts.finished(config.output_dir, PROGRAM, config, sha256):
        return Finished(config.output_dir, held["metrics"])
    labels = config.labels or shortest(config.models)
    generations: list[dict[str, Any]] = [{"prompt": [m.model_dump() for m in row.prompt], "texts": {}} for row in rows]
    for name, label in zip(config.models, labels, strict=True):
        for index, answer in _written(config, name, label, rows):
            generations[index]["texts"][label] = _rated(answer.text, answer.finish_reason, config)
    for row, told in zip(rows, generations, strict=True):
        told["texts"][REFERENCE] = _rated(row.completion if isinstance(row, Row) else row.chosen, "stop", config)
    metrics = {
        "rows": len(rows),
        "temperature": config.temperature,
        "seed": config.seed,
        "words": list(config.words),
        "passed": _passed(generations, [*labels, REFERENCE]),
    }
    work = artifacts.work_folder(config.output_dir)
    with artifacts.disk_full_told(config.output_dir):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        artifacts.write_json(work / "metrics.json", metrics)
        artifacts.write_json(work / "generations.json", {**metrics, "generations": generations})
        (work / "report.md").write_text(_page(metrics, generations), encoding="utf-8")
        artifacts.manifest(work, PROGRAM, config, sha256, metrics)
        artifacts.publish(work, config.output_dir)
    return Finished(config.output_dir, metrics)


def _written(
    config: GenerationsConfig, name: str, label: str, rows: Sequence[Row | Pair]
) -> Iterator[tuple[int, Answer]]:
    emit("step", stage="loading", step=0, steps=1, model=label)
    prompts = [row.prompt for row in rows]
    with subject(name, batch_size=config.batch_size, room=room_for(prompts, config.max_new_tokens)) as model:
        drawn = model.answer(prompts, config.max_new_tokens, timed=0, temperature=config.temperature, seed=config.seed)
        for done, (index, answer) in enumerate(drawn, 1):
            emit("step", stage=PROGRAM, step=done, steps=len(rows), model=label)
            yield index, answer


def _rated(text: str, finish_reason: str, config: GenerationsConfig) -> dict[str, Any]:
    checks = checklist.rate(text, words=config.words)
    return {"text": text, "finish_reason": finish_reason, "checks": [check._asdict() for check in checks]}


def _passed(generations: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By label and question, the share of texts that pass, with its interval; None where only a reader can tell."""
    found: dict[str, dict[str, Any]] = {}
    for label in labels:
        for checks in zip(*(one["texts"][label]["checks"] for one in generations), strict=True):
            told = [check["passed"] for check in checks]
            share = None if None in told else {**wilson(sum(told), len(told))._asdict(), "n": len(told)}
            found.setdefault(label, {})[checks[0]["question"]] = share
    return found


def _page(metrics: Mapping[str, Any], generations: Sequence[Mapping[str, Any]]) -> str:
    passed = metrics["passed"]
    head = ["The text ...", *passed]
    lines = [
        [question, *("by reading" if p[question] is None else share(p[question]) for p in passed.values())]
        for question in next(iter(passed.values()))
    ]
    parts = [
        "# Generations",
        f"{metrics['rows']} held-out prompts, answered at temperature {metrics['temperature']:g}; the share of texts "
        "that pass each question of the checklist, with its 95% interval. The rules are cheap signs; two questions are "
        "left to whoever reads what follows.",
        table(head, lines),
    ]
    for number, one in enumerate(generations, 1):
        parts += [f"## {number}", _quoted(one["prompt"][-1]["content"])]
        for label, told in one["texts"].items():
            failed = [f"{c['question']}: {c['why']}" for c in told["checks"] if c["passed"] is False]
            cut = ["cut off"] if told["finish_reason"] == "length" else []
            verdict = "; ".join([*cut, *failed])
            parts += [
                f"**{label}** – " + (f"fails: {verdict}" if verdict else "passes every rule"),
                _quoted(told["text"]),
            ]
    return "\n\n".join(parts) + "\n"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines()) or "> (nothing)"


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # whoever listened is gone
        sys.exit(main(PROGRAM, GenerationsConfig, run, sys.argv[1:]))
