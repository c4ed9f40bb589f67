"""`teachback demo`: the main job on rows of the project's own, with nothing to configure."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from teachback.cli.where import Where, say
from teachback.errors import TeachbackError

if TYPE_CHECKING:
    from teachback.client import JobHandle
    from teachback.session import Session
    from teachback.stats import Stats
    from teachback.wire import EnhanceOptions

STUDENT, TEACHER, EVALUATOR = "embedded/smollm2-135m", "offline/teacher", "offline/evaluator"
SLOTS = 4
"""The embedded student answers so many at once; a fifth would only wait, and could wait too long."""
SAMPLES = {"qa": 16, "installer": 8}
"""Rows of each file, so that two slow cores are done within three minutes."""
RUNS: list[tuple[str, Literal["qa", "installer"]]] = [("qa_sample", "qa"), ("installer_sample", "installer")]

OUTCOMES = {
    "converged_first_try": "right at once, and again from its own thinking alone",
    "converged": "reached the answer after hints, and again without them, from the kept thinking alone",
    "stalled": "two rounds brought nothing new; the row stays as it came",
    "exhausted": "no round left; the row stays as it came",
    "failed": "a call went wrong; `teachback jobs retry` tries the row again",
    "reused": "taken over from earlier work, not paid again",
}

NEXT = """
The labels in each row say who spoke. Rules, not models, taught and judged here: that shows the way of working, and what
came out is no better than they are. For rows worth training on, name real models. Next:

  teachback examples {job}
      every row; with --id ID its rounds
  teachback export {job} rows.jsonl --as messages
      rows for a trainer, the thinking moved into the assistant turn
  teachback enhance-thinking IN.jsonl OUT.jsonl --student ollama_chat/qwen3:4b --teacher gpt-4o-mini
      your own rows with real models, their keys in the environment
  teachback serve
      gRPC and REST for other tools"""


def demo(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for the output.")] = Path("demo-out"),
) -> None:
    """Enhance the sample rows with a small real student and offline teacher and evaluator, and show what came out."""
    where: Where = ctx.obj
    folder = samples()
    out.mkdir(parents=True, exist_ok=True)
    say(f"student {STUDENT} (a real, very small model on this machine)")
    say(f"teacher {TEACHER}, evaluator {EVALUATOR} (fixed rules, no model: they draw on the row's own facts)")
    with where.open() as session:
        ended = {
            name: _enhance(session, folder / f"{name}.jsonl", out / f"{name}.jsonl", style) for name, style in RUNS
        }
        _put_outcomes({name: stats for name, (stats, _) in ended.items()})
        _put_one([job for _, job in ended.values()])
    print("\nThe rows:", *(f"{out / name}.jsonl" for name in ended))
    print(NEXT.format(job=ended["qa_sample"][0]["job"]))


def samples() -> Path:
    """The folder with the sample rows, beside the service's code. Raises TeachbackError where that is not there."""
    spec = importlib.util.find_spec("services")
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place).parent / "examples"
        if all((folder / f"{name}.jsonl").is_file() for name, _ in RUNS):
            return folder
    raise TeachbackError("the sample rows are not here: run the demo from a checkout of the project, `make demo`")


def _enhance(session: Session, source: Path, out: Path, style: Literal["qa", "installer"]) -> tuple[Stats, JobHandle]:
    from teachback.cli.enhance import attend
    from teachback.enhancing import Run, check_done

    # Always anew: a demo that shows yesterday's result shows nothing.
    options: EnhanceOptions = {
        "student": STUDENT,
        "teacher": TEACHER,
        "evaluator": EVALUATOR,
        "max_iterations": 3,
        "batch_size": SLOTS,
        "max_samples": SAMPLES[style],
        "style": style,
    }
    run = Run([source], out, options, resume=False)
    stats, job = attend(session, run)
    check_done(job.job)
    return stats, job


def _put_outcomes(runs: dict[str, Stats]) -> None:
    from rich.console import Console
    from rich.table import Table

    from teachback.cli.show import PIPE_WIDTH

    table = Table("outcome", *runs, "what it means")
    for outcome, meaning in OUTCOMES.items():
        table.add_row(outcome, *(str(stats["outcomes"][outcome]) for stats in runs.values()), meaning)
    for number in ("total_examples", "enhanced_examples", "average_iterations", "convergence_rate"):
        table.add_row(number, *(f"{stats[number]:g}" for stats in runs.values()))
    Console(width=None if Console().is_terminal else PIPE_WIDTH).print(table)


def _put_one(jobs: list[JobHandle]) -> None:
    """One row that converged after coaching, else the first that took more than one round, with its rounds."""
    from teachback.cli.show import put_rounds

    for outcome in ("converged", "stalled", "exhausted"):
        for job in jobs:
            for example in job.examples(outcome):
                put_rounds(job.example(example.name))
                return
