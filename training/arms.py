"""Whether better thinking makes a better student: `python -m training.arms --config x.yaml`.

One base model is trained three ways on the same rows: without thinking, with the thinking they came with, and with the
enhanced one; each with several seeds and equally many tokens. What is compared, and how, is written down
before the first training starts and can't be changed after. The answer may be that no difference can be seen.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, field_validator

from training import artifacts, base, configs, pictures, sft, tokens
from training.errors import InvalidInput
from training.evaluate import fingerprint_of, hash_of
from training.evaluation import comparison, figures, thoughts
from training.evaluation.saved import Saved, Told
from training.evaluation.thoughts import ARMS, Thought
from training.generation import subject
from training.metrics import judge
from training.progress import Finished, emit, main

PROGRAM: Final = "arms"


class Data(configs.Section):
    """What is trained and measured on."""

    train_file: Path
    """Rows with `metadata.original_thinking` and `metadata.thinking`, as `teachback enhance-thinking` writes them."""
    test_file: Path | None = None
    """Rows to measure on. Default: `test_share` of train_file, held back."""
    test_share: float = Field(0.2, gt=0, lt=1)
    max_seq_length: int = Field(2048, ge=16)


class Training(configs.SftTraining):
    """How each arm is trained. `num_train_epochs` counts passes of the arm with the most tokens; the others go over
    their rows more often, until they have read as many tokens, prompts included, with as many tokens a step."""

    output_dir: Path = Path("./arms")


class ArmsConfig(configs.Section):
    """Settings of `training.arms`."""

    model: configs.Model = configs.Model()
    """The base model: best one that had no part in choosing the rows."""
    selected_by: str | None = None
    """The student that chose the rows, where one did: the report says whether it is the one that is measured."""
    training: Training = Training()
    data: Data
    metric: Literal["exact_match", "number_match", "structural_match", "same_call"] = "exact_match"
    """What decides; as in `training.metrics`."""
    seeds: list[int] = Field([0, 1, 2], min_length=3, max_length=20)
    max_new_tokens: int = Field(512, ge=1)
    """Thinking and answer together."""
    batch_size: int | None = Field(None, ge=1)

    @field_validator("seeds")
    @classmethod
    def _different(cls, value: list[int]) -> list[int]:
        if len(set(value)) != len(value) or min(value) < 0:
            raise ValueError("seeds have to be different, and none below 0")
        return value


def run(config: ArmsConfig) -> Finished:
    """Plans, trains all arms with all seeds, measures, and publishes arms.json, arms.png, report.md and plan.json.

    What was trained and measured before a kill is not done again.

    Raises:
        InvalidInput: rows without both thinkings, rows in both files, a plan that was changed after training began;
            and as `training.sft.run` does.
    """
    final = config.training.output_dir
    sha256 = hash_of(
        artifacts.dataset_sha256([config.data.train_file, config.data.test_file]), fingerprint_of(config.model.name)
    )
    if held := artifacts.finished(final, PROGRAM, config, sha256):
        return Finished(final, held["metrics"])
    train, test, left_out = thoughts.read(config.data.train_file, config.data.test_file, config.data.test_share)
    loads = _loads(config, train)
    work = artifacts.work_folder(final)
    with artifacts.disk_full_told(final):
        work.mkdir(parents=True, exist_ok=True)
        plan = _register(config, work, sha256, {"rows_train": len(train), "rows_test": len(test), **left_out}, loads)
        untrained = _measure(config, work, sha256, config.model.name, test, "untrained")
        told = {
            arm: [_arm(config, work, sha256, arm, seed, train, test, loads[arm]) for seed in config.seeds]
            for arm in ARMS
        }
        report = comparison.compare(plan, untrained, told)
        made = work / "report"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        artifacts.write_json(made / "plan.json", plan)
        artifacts.write_json(made / "arms.json", report)
        (made / "report.md").write_text(comparison.markdown(report), encoding="utf-8")
        pictures.arms(report, made / "arms.png")
        artifacts.manifest(made, PROGRAM, config, sha256, report)
        artifacts.publish(made, final)
        shutil.rmtree(work, ignore_errors=True)
    return Finished(final, report)


def _loads(config: ArmsConfig, train: Sequence[Thought]) -> dict[str, thoughts.Load]:
    """How many rows each arm trains on, and how many a step, so that tokens and steps come out alike."""
    folder = base.resolve(config.model.name)
    tokenizer = base.tokenizer(folder, base.resolve(base.base_name(config.model.name)))
    end = tokens.end_of_turn(tokenizer)
    prompts = [len(tokens.prompt_ids(tokenizer, thought.prompt)) for thought in train]
    counts = {
        arm: [
            prompt + len(tokens.completion_ids(tokenizer, thought.completion(arm), end))
            for prompt, thought in zip(prompts, train, strict=True)
        ]
        for arm in ARMS
    }
    training = config.training
    return thoughts.loads(
        counts, training.num_train_epochs, training.per_device_train_batch_size, training.gradient_accumulation_steps
    )


def _register(
    config: ArmsConfig, work: Path, sha256: str, about: dict[str, Any], loads: dict[str, thoughts.Load]
) -> dict[str, Any]:
    """Writes the plan before anything is trained. Raises InvalidInput where another one was begun here."""
    plan: dict[str, Any] = {
        "metric": config.metric,
        "comparison": "difference of the metric's means over the same rows and seeds, in pairs; 95% interval by a "
        "bootstrap over rows and seeds",
        "decides": "enhanced against original",
        "model": config.model.name,
        "selected_by": config.selected_by,
        "seeds": config.seeds,
        **about,
        "arms": {arm: load._asdict() for arm, load in loads.items()},
        "data_and_model_sha256": sha256,
        "config": config.model_dump(mode="json"),
    }
    path = work / "plan.json"
    try:
        begun = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        plan["registered_at"] = datetime.now(UTC).isoformat(timespec="seconds")
        part = path.with_suffix(".part")
        artifacts.write_json(part, plan)
        artifacts.publish(part, path)
        emit("plan", **{key: plan[key] for key in ("metric", "comparison", "decides", "seeds", "registered_at")})
        return plan
    when = begun.pop("registered_at")
    if begun != json.loads(json.dumps(plan)):
        changed = sorted(key for key in {*begun, *plan} if begun.get(key) != json.loads(json.dumps(plan)).get(key))
        raise InvalidInput(
            f"{path}: a comparison with another plan was begun here on {when} (it differs in {', '.join(changed)}); "
            "a plan stands once training has begun: go on with its settings, or name another training.output_dir"
        )
    return {**plan, "registered_at": when}


def _arm(
    config: ArmsConfig, work: Path, sha256: str, arm: str, seed: int,
    train: Sequence[Thought], test: Sequence[Thought], load: thoughts.Load,
) -> Told:  # fmt: skip
    """One training and its measurement; the model itself is not kept."""
    name = f"{arm}-{seed}"
    if told := _saved(work, sha256, name).read():
        return told
    rows = work / f"{name}.jsonl"
    thoughts.write(rows, train, arm, load.rows, seed)
    folder = work / name
    training = config.training.model_dump() | {
        "output_dir": folder,
        "num_train_epochs": 1,
        "per_device_train_batch_size": load.per_device_train_batch_size,
        "gradient_accumulation_steps": load.gradient_accumulation_steps,
        "seed": seed,
    }
    emit("arm", arm=arm, seed=seed, rows=load.rows, tokens=load.tokens)
    trained = sft.run(
        configs.SftConfig(
            model=config.model,
            training=configs.SftTraining(**training),
            data=configs.SftData(train_file=rows, max_seq_length=config.data.max_seq_length),
        )
    )
    about = {name: trained.metrics[name] for name in ("tokens", "tokens_trained", "steps")}
    told = _measure(config, work, sha256, str(folder), test, name, about)
    shutil.rmtree(folder)
    rows.unlink()
    return told


def _measure(
    config: ArmsConfig, work: Path, sha256: str, model: str, test: Sequence[Thought], name: str,
    about: dict[str, Any] | None = None,
) -> Told:  # fmt: skip
    saved = _saved(work, sha256, name)
    if told := saved.read():
        return told
    prompts = [thought.prompt for thought in test]
    results: dict[int, figures.Result] = {}
    with subject(model, batch_size=config.batch_size) as student:
        for done, (index, answer) in enumerate(student.answer(prompts, config.max_new_tokens, timed=0), 1):
            results[index] = figures.Result(answer, None, judge(answer.text, test[index].answer))
            emit("step", stage="evaluate", step=done, steps=len(test), model=name)
    return saved.write({"name": name, **(about or {})}, [results[i] for i in range(len(test))])


def _saved(work: Path, sha256: str, name: str) -> Saved:
    return Saved(work / "measured", f"{name}-{sha256[:16]}")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # whoever listened is gone
        sys.exit(main(PROGRAM, ArmsConfig, run, sys.argv[1:]))
