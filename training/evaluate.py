"""Measures models side by side: `python -m training.evaluate --config x.yaml 'models=[base, ./models/sft, x.gguf]'`.

Each model answers the same held-out rows, greedily, with the prompts it was trained on. The first one is what the
others are held against: name the untrained model first, and the report is a before and after.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import Field, model_validator

from training import artifacts, base, configs, pictures
from training.errors import InvalidInput, Missing
from training.evaluation import figures, groups, report, samples
from training.evaluation.figures import Result
from training.evaluation.saved import Saved
from training.fingerprint import fingerprint
from training.generation import room_for, subject
from training.progress import Finished, emit, main
from training.rows import Row, Thinking, read_placed

PROGRAM: Final = "evaluate"
LEAST: Final = 64
"""Tokens that every answer may have."""


class Data(configs.Section):
    """What is measured on."""

    test_file: Path
    """Rows that no model was trained on."""
    schema_file: Path | None = None
    """The CLI schema: tells which of its subcommands have no test row."""
    thinking: Thinking = "keep"
    """Whether the thinking of a row belongs to the completion whose loss is measured. Answers are judged without it."""


class EvaluateConfig(configs.Section):
    """Settings of `training.evaluate`."""

    models: list[str] = Field(min_length=1, max_length=8)
    """Folders of models or adapters, names, .gguf files. The first is what the others are held against."""
    labels: list[str] | None = None
    """What to call them. Default: the end of their names, as much of it as tells them apart."""
    data: Data
    output_dir: Path = Path("./evaluation")
    max_new_tokens: int | None = Field(None, ge=1)
    """Tokens of an answer at most. Default: half again as many as the longest right answer has, 64 at least. What goes
    on longer is not the right answer, and a model that has not been tuned goes on as long as it may."""
    max_samples: int | None = Field(None, ge=1)
    """Only the first so many rows."""
    batch_size: int | None = Field(None, ge=1)
    """Rows answered at once, but for those whose time is taken. Default: as many as 12,288 tokens hold, 48 at most."""

    @model_validator(mode="after")
    def _one_label_each(self) -> EvaluateConfig:
        if self.labels is not None and len(set(self.labels)) != len(self.models):
            raise ValueError("labels has to hold one name for each model, all different")
        return self


def run(config: EvaluateConfig) -> Finished:
    """Measures all models and publishes figures, page, picture and answers.

    A report that this very run has made is taken over; of one that was begun, finished models are not asked again.

    Raises:
        InvalidInput: no rows, a row without a reference, a prompt that is too long, no CLI schema.
        Missing: a model that is not here.
        LlamaFailed: a GGUF file that llama.cpp can't load.
    """
    placed = _read(config)
    rows = [row for _, row in placed]
    named = groups.of_schema(config.data.schema_file) if config.data.schema_file else []
    prints = [fingerprint_of(name) for name in config.models]
    sha256 = hash_of(artifacts.dataset_sha256([config.data.test_file, config.data.schema_file]), *prints)
    if held := artifacts.finished(config.output_dir, PROGRAM, config, sha256):
        return Finished(config.output_dir, held["metrics"])

    labels = config.labels or shortest(config.models)
    work = artifacts.work_folder(config.output_dir)
    with artifacts.disk_full_told(config.output_dir):
        work.mkdir(parents=True, exist_ok=True)
        measured = []
        for number, (name, label) in enumerate(zip(config.models, labels, strict=True)):
            saved = Saved(work / "answers", hash_of(sha256, prints[number], str(config.max_new_tokens), str(len(rows))))
            told = saved.read() or saved.write(*_measure(config, name, label, rows, number))
            measured.append((name, label, told))
        metrics = _metrics(config, rows, named, measured)
        made = work / "report"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        artifacts.write_json(made / "metrics.json", metrics)
        (made / "report.md").write_text(report.markdown(metrics), encoding="utf-8")
        pictures.before_after(metrics, made / "report.png")
        answers = [(label, told.results) for _, label, told in measured]
        samples.write(made / "samples.jsonl", placed, answers, most=samples.SHOWN)
        samples.write(made / "answers.jsonl", placed, answers)
        artifacts.manifest(made, PROGRAM, config, sha256, metrics)
        artifacts.publish(made, config.output_dir)
        shutil.rmtree(work, ignore_errors=True)
    return Finished(config.output_dir, metrics)


def shortest(names: Sequence[str]) -> list[str]:
    """The last parts of paths and names, as many of them as tell all apart; equal ones are numbered."""
    parts = [[part for part in Path(name).with_suffix("").parts if part != "/"] if name.endswith(".gguf")
             else [part for part in Path(name).parts if part != "/"] for name in names]  # fmt: skip
    for length in range(1, max(map(len, parts)) + 1):
        found = ["/".join(one[-length:]) for one in parts]
        if len(set(found)) == len(found):
            return found
    return [f"{name} ({number})" for number, name in enumerate(found, 1)]


def _read(config: EvaluateConfig) -> list[tuple[str, Row]]:
    path, placed = config.data.test_file, []
    for place, row in read_placed(path, think=config.data.thinking):
        if not isinstance(row, Row):
            raise InvalidInput(f"{place}: is a preference pair, which has no one right answer; evaluate on plain rows")
        placed.append((place, row))
        if len(placed) == config.max_samples:
            break
    if not placed:
        raise InvalidInput(f"data.test_file: {path}: holds no rows; there is nothing to measure on")
    return placed


def fingerprint_of(name: str) -> str:
    """Which weights a name stands for now, so that an old report is not taken for one of new weights."""
    if name.lower().endswith(".gguf"):
        path = Path(name).expanduser()
        if not path.is_file():
            raise Missing(f"models: {name}: there is no such GGUF file")
        return artifacts.sha256(path)
    folder = base.resolve(name)
    if not base.is_adapter(folder):
        return fingerprint(folder)
    return hash_of(fingerprint(folder), fingerprint(base.resolve(base.base_name(name))))


def _measure(
    config: EvaluateConfig, name: str, label: str, rows: Sequence[Row], number: int
) -> tuple[dict[str, Any], list[Result]]:
    steps = 2 * len(rows)
    where = {"stage": PROGRAM, "steps": steps, "model": label, "models": len(config.models), "model_number": number + 1}
    emit("step", stage="loading", step=0, steps=1, model=label)
    longest = max(len(row.completion.encode()) + 1 for row in rows)  # a token is a byte at least
    room = room_for([row.prompt for row in rows], max(config.max_new_tokens or _most(longest), longest))
    with subject(name, batch_size=config.batch_size, room=room) as model:
        done, losses, answers = 0, {}, {}
        for index, loss in model.losses(rows):
            losses[index] = loss
            done += 1
            emit("step", step=done, **where)
        most = config.max_new_tokens or _most(max((loss.tokens for loss in losses.values() if loss), default=longest))
        for index, answer in model.answer([row.prompt for row in rows], most):
            answers[index] = answer
            done += 1
            emit("step", step=done, **where)
        told = {"kind": model.kind, "size_bytes": model.size_bytes, "max_new_tokens": most}
    return told, [figures.judged(row, answers[i], losses[i]) for i, row in enumerate(rows)]


def _most(tokens: int) -> int:
    return max(LEAST, tokens * 3 // 2)


def _metrics(
    config: EvaluateConfig, rows: Sequence[Row], named: Sequence[str], measured: Sequence[tuple[str, str, Any]]
) -> dict[str, Any]:
    models: list[dict[str, Any]] = []
    for name, label, told in measured:
        one = {"name": name, "label": label, **told.about, **figures.figures(rows, told.results)}
        one["targets_met"] = {
            target: one[target]["value"] >= least
            for target, least in figures.TARGETS.items()
            if one[target] is not None
        }
        if models:
            one["gain"] = figures.gains(measured[0][2].results, told.results)
        models.append(one)
    tested = {group for group in map(groups.subcommand, rows) if group}
    return {
        "rows": len(rows),
        "test_file": str(config.data.test_file),
        "device": base.device(),
        "targets": dict(figures.TARGETS),
        "uncovered": [one for one in named if one not in tested],
        "models": models,
    }


def hash_of(*parts: str) -> str:
    """One hash of several texts."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # whoever listened is gone
        sys.exit(main(PROGRAM, EvaluateConfig, run, sys.argv[1:]))
