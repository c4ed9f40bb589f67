"""How far a job is, on stderr: a bar on a terminal, a line every few seconds anywhere else."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Self

from teachback.cli.where import LINE_SECONDS, say
from teachback.stats import state_of
from teachback.wire import RESTING, kind_of

if TYPE_CHECKING:
    from teachback.v1 import job_pb2

TRAINER = frozenset({"sft", "dpo", "quantize", "evaluate", "pipeline"})
"""Kinds of jobs whose progress is steps, not rows."""


class Display:
    """Shows a job each time it is told how it stands. A context manager."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._last = ""
        self._said = 0.0

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self._bar = Progress(
                TextColumn("{task.fields[state]}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rest]}"),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=None, state="", rest="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, job: job_pb2.Job) -> None:
        """Takes how the job stands now."""
        state, done, total = counts(job)
        rest = " · ".join(parts(job))
        if self._bar:
            self._bar.update(self._task, total=total or None, completed=done, state=state, rest=rest)
            return
        line = f"{state} {done}/{total}" + f" · {rest}" * bool(rest)
        due = job.state in RESTING or time.monotonic() - self._said >= LINE_SECONDS
        if due and line != self._last:
            say(line)
            self._last, self._said = line, time.monotonic()


def counts(job: job_pb2.Job) -> tuple[str, int, int]:
    """What a job is at, how much of it is done, and of how much: steps of a training, rows of anything else."""
    progress, state = job.progress, state_of(job)
    if not progress.HasField("training"):
        return state, progress.done_examples, progress.total_examples
    at = progress.training
    return (state if job.state in RESTING else at.stage or state), at.step, at.steps


def parts(job: job_pb2.Job) -> list[str]:
    """What is worth knowing of a job beside its count: converged so far, the other outcomes, time and money."""
    progress = job.progress
    outcomes = dict(progress.outcomes)
    kind = job.spec.WhichOneof("kind")
    if progress.HasField("training") or kind in TRAINER:
        return training_parts(job)
    if kind in ("generate", "preferences"):
        told = [f"accepted {outcomes.pop('accepted', 0)}"]
    else:
        first = outcomes.pop("converged_first_try", 0)
        told = [f"converged {first + outcomes.pop('converged', 0)} ({first} at the first try)"]
    told += [f"{name} {count}" for name, count in sorted(outcomes.items()) if count]
    if progress.HasField("eta_seconds") and job.state not in RESTING:
        told.append(f"{duration(progress.eta_seconds)} left")
    if progress.HasField("cost") and (progress.cost or progress.cost_estimate or _cap(job)):
        told.append(money(job))
    return told


def training_parts(job: job_pb2.Job) -> list[str]:
    """Of a training: "loss 0.4213", "validation 0.5120", "412 tokens/s", "1.9 GiB", "2 min left"."""
    at = job.progress.training
    told = [at.job] if at.job else []
    told += [f"loss {at.loss:.4f}"] if at.HasField("loss") else []
    told += [f"validation {at.eval_loss:.4f}"] if at.HasField("eval_loss") else []
    told += [f"{at.tokens_per_second:.0f} tokens/s"] if at.HasField("tokens_per_second") else []
    told += [size(at.memory_bytes)] if at.memory_bytes else []
    if job.progress.HasField("eta_seconds") and job.state not in RESTING:
        told.append(f"{duration(job.progress.eta_seconds)} left")
    return told


def money(job: job_pb2.Job) -> str:
    """Spent, what it will come to, and the cap: "$0.0120 of about $0.30, at most $1.00"."""
    progress, cap = job.progress, _cap(job)
    text = f"${progress.cost:.4f}"
    if progress.HasField("cost_estimate") and job.state not in RESTING:
        text += f" of about ${progress.cost_estimate:.4f}"
    return text + (f", at most {dollars(cap)}" if cap else "")


def dollars(amount: float) -> str:
    """ "$1.00", and "$0.001" where two digits would not tell."""
    return "$" + max(f"{amount:.2f}", f"{amount:.8f}".rstrip("0"), key=len)


def duration(seconds: float) -> str:
    """ "42 s", "3 min", "2 h 5 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def size(count: int) -> str:
    """ "512 MiB", "1.9 GiB"."""
    return f"{count / 2**20:.0f} MiB" if count < 2**30 else f"{count / 2**30:.1f} GiB"


def _cap(job: job_pb2.Job) -> float:
    """US dollars at most; 0 for kinds of jobs that spend none."""
    return float(getattr(kind_of(job), "max_cost", 0.0))
