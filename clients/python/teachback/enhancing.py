"""From source files to an output file: what `enhance-thinking` and `ThinkingEnhancer` both do.

The same call finds the same job again, so a run that was left, paused or killed goes on. An output that stands there
already is handed to the service as earlier work: rows annotated there are not paid for again. An interrupted run
touches the output only where that loses nothing, which is where there was none or this very job wrote it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from teachback import files, wire
from teachback.client import Client, JobHandle
from teachback.errors import BadInput, Conflict, JobEnded, NotFound, Unreachable
from teachback.stats import Stats, state_of, stats_of, write_checkpoint, write_json
from teachback.v1 import dataset_pb2, job_pb2

# What may change without making it another piece of work: more money, or more rows at once.
NOT_IN_KEY = ("max_cost", "batch_size")

CANCELLED = (job_pb2.JOB_STATE_CANCELLING, job_pb2.JOB_STATE_CANCELLED)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """One wish: these files, with these options, into that file, or onto stdout (None) with nothing beside it."""

    sources: list[Path]
    out: Path | None
    options: wire.EnhanceOptions = field(default_factory=wire.EnhanceOptions)
    resume: bool = True
    strict: bool = False


@dataclass(frozen=True)
class Note:
    """What is written beside an output so that the next run knows it: the job and its key, the hash of the output that
    it began with ("" for none) and of the one that it wrote."""

    job: str
    key: str
    earlier: str
    output_sha256: str


@dataclass(frozen=True)
class Started:
    """A run whose job is known. `free`: whether the output may be replaced before the job is done."""

    run: Run
    job: JobHandle
    key: str
    earlier: str
    free: bool
    bad_rows: int


def start(client: Client, run: Run, say: Say) -> Started:
    """Uploads and finds or creates the job; a paused or failed one goes on, failed rows of an ended one are retried.

    Raises BadInput or OutputError before any work where the files can't do.
    """
    files.check_output(run.out, run.sources)
    dataset = upload(client, run.sources, run.strict)
    tell_bad_rows(client, dataset, say)
    options = run.options.copy()
    if not run.resume:
        job = create(client, dataset.name, options, key := f"fresh-{uuid.uuid4()}")
        return Started(run, job, key, "", _output(run) is None, dataset.bad_row_count)
    options["reuse"] = True
    out = _output(run)
    now = files.sha256([out]) if out else ""
    note = _own_note(out, now) if out else None
    own = _own_job(client, note, dataset, options) if note else None
    if note and own:
        go_on(own, run.options, say)
        return Started(run, own, note.key, note.earlier, True, dataset.bad_row_count)
    key = work_key(dataset, options, now)
    if out:
        options["earlier_output"] = _upload_earlier(client, out, say)
    job = create(client, dataset.name, options, key)
    go_on(job, run.options, say)
    return Started(run, job, key, now, not now, dataset.bad_row_count)


def upload(client: Client, sources: list[Path], strict: bool, kind: wire.Kind = "rows") -> dataset_pb2.Dataset:
    """Uploads files; equal files become the same dataset."""
    key = f"upload-{files.sha256(sources, str(strict), *([] if kind == 'rows' else [kind]))}"
    return client.upload(sources, strict=strict, idempotency_key=key, kind=kind)


def create(client: Client, dataset: str, options: wire.EnhanceOptions, key: str) -> JobHandle:
    """Creates the job of a key, or finds it."""
    return find_or_create(client, lambda this: client.enhance(dataset, idempotency_key=this, **options), key)


def find_or_create(client: Client, begin: Callable[[str], JobHandle], key: str) -> JobHandle:
    """The job that `begin` makes under a key, or made before. A cancelled one is left alone: the next number is it."""
    number = 1
    while True:
        this = key if number == 1 else f"{key}-{number}"
        try:
            job = begin(this)
        except Conflict as error:
            if error.code != "ALREADY_EXISTS":
                raise
            # Known under this key, with another budget or under another dataset name: it is the same work.
            known = [job for job in client.jobs() if job.job.idempotency_key == this]
            if not known:
                raise
            job = known[0]
        if job.job.state not in CANCELLED:
            return job
        number += 1


def work_key(
    dataset: dataset_pb2.Dataset,
    options: wire.EnhanceOptions | wire.GenerateOptions,
    earlier: str = "",
    kind: str = "enhance",
) -> str:
    """The idempotency key of a piece of work: the same for equal rows and equal options."""
    named = {k: v for k, v in sorted(options.items()) if k not in NOT_IN_KEY}
    return f"{kind}-" + hashlib.sha256(json.dumps([dataset.sha256, named, earlier]).encode()).hexdigest()


def follow(
    job: JobHandle, show: Callable[[job_pb2.Job], None], reconnect: Callable[[], Client] | None = None
) -> JobHandle:
    """Shows the job's progress until nothing more happens to it, and returns its handle.

    `reconnect` gives a new client where nobody answers any more. Raises Unreachable where that does not help.
    """
    seen, asked, lost = 0, 0.0, 0
    while True:
        try:
            if lost and reconnect:
                job = reconnect().job(job.name)
            show(job.refresh())
            for event in job.watch(seen, heartbeats=True):
                seen, lost = max(seen, event.seq), 0
                # Old states are replayed too: how the job stands now is asked for, at most twice a second.
                if event.type == "state" or time.monotonic() - asked >= 0.5:
                    show(job.refresh())
                    asked = time.monotonic()
                if job.job.state in wire.RESTING:
                    return job
            show(job.refresh())
            return job
        except Unreachable:
            lost += 1
            if reconnect is None or lost > 3:
                raise


def checkpointing(started: Started, show: Callable[[job_pb2.Job], None]) -> Callable[[job_pb2.Job], None]:
    """Wraps `show` so that the checkpoint file beside the output is kept, at most once a second."""
    out, written = started.run.out, 0.0
    if out is None:
        return show

    def both(job: job_pb2.Job) -> None:
        nonlocal written
        show(job)
        if job.state in wire.RESTING or time.monotonic() - written >= 1:
            write_checkpoint(out, job.progress, started.bad_rows)
            written = time.monotonic()

    return both


def finish(started: Started, job: JobHandle) -> Stats:
    """Writes the output and its stats for a job that is done, or that rests or goes on without us.

    Rows with an outcome are written; of an unfinished job only where there are some and where that loses nothing, and
    onto stdout none, where they could not be taken back.
    """
    done = job.job.state == job_pb2.JOB_STATE_SUCCEEDED
    stats = stats_of(job.job)
    stats["bad_rows"] = started.bad_rows
    out = started.run.out
    if out is None:
        if done:
            job.export(sys.stdout.buffer)
            sys.stdout.flush()
        return stats
    if not done and not started.free:
        return stats
    try:
        with files.replacing(out) as file:
            # Its progress may know of rows that are stored in a moment only: what was sent decides.
            if not job.export(file) and not done:
                raise _NothingYet
    except _NothingYet:
        return stats
    note = Note(job.name, started.key, started.earlier, files.sha256([out]))
    write_json(stats_path(out), {**stats, "resume": asdict(note)})
    return stats


class _NothingYet(Exception):
    """No row is done: whatever stands under the output's name stays, and so does nothing."""


def check_done(job: job_pb2.Job) -> None:
    """Raises JobEnded, saying what to do, where a job is not done."""
    state = state_of(job)
    if job.state == job_pb2.JOB_STATE_SUCCEEDED:
        return
    why = f": {job.error.message}" if job.error.message else ""
    advice = {
        job_pb2.JOB_STATE_PAUSED: "the same command goes on, with a higher --max-cost where the budget was used up",
        job_pb2.JOB_STATE_FAILED: "the same command goes on once the cause is gone",
        job_pb2.JOB_STATE_CANCELLED: "the same command starts it anew",
    }.get(job.state, "it goes on by itself")
    raise JobEnded(f"{job.name} is {state}{why}\n{advice}; what is finished is kept")


def stats_path(out: Path) -> Path:
    """OUT.stats.json."""
    return out.with_name(f"{out.name}.stats.json")


def tell_bad_rows(client: Client, dataset: dataset_pb2.Dataset, say: Say, most: int = 5) -> None:
    """Says which rows a dataset refused, the first few one by one."""
    if not dataset.bad_row_count:
        return
    what = "blocks" if dataset.kind == dataset_pb2.DATASET_KIND_PASSAGES else "rows"
    every = dataset.item_count + dataset.bad_row_count
    say(f"{dataset.bad_row_count} of {every} {what} cannot be used and are left out:")
    for bad, _ in zip(client.bad_rows(dataset.name), range(most), strict=False):
        say(f"  {bad.file}:{bad.line}: {bad.reason}")
    if dataset.bad_row_count > most:
        say(f"  ... all of them: teachback datasets bad-rows {dataset.name}")


def _output(run: Run) -> Path | None:
    """The output where it stands there already with something in it."""
    return None if run.out is None or files.is_blank(run.out) else run.out


def _own_note(out: Path, now: str) -> Note | None:
    """What we wrote beside an output, where that is still just the file we wrote."""
    try:
        note = Note(**json.loads(stats_path(out).read_text())["resume"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no note of ours: an output made elsewhere
    return note if note.output_sha256 == now else None


def _own_job(
    client: Client, note: Note, dataset: dataset_pb2.Dataset, options: wire.EnhanceOptions
) -> JobHandle | None:
    """The job that wrote the output, where it did the very work that is wanted now and was not cancelled."""
    if note.key != work_key(dataset, options, note.earlier):
        return None
    try:
        job = client.job(note.job)
    except NotFound:  # another service's
        return None
    return None if job.job.state in CANCELLED else job


def _upload_earlier(client: Client, out: Path, say: Say) -> str:
    """Uploads the output as a dataset. Lines in it that can't be used are kept in a copy of the file."""
    try:
        dataset = upload(client, [out], strict=False)
    except BadInput as error:
        raise BadInput(f"{out} is no earlier output: {error}\n--no-resume replaces it") from error
    if dataset.bad_row_count:
        copy = out.with_name(f"{out.name}.bak")
        shutil.copy2(out, copy)
        say(f"{out} has lines that are no rows; the file as it was is kept as {copy}")
        tell_bad_rows(client, dataset, say)
    return dataset.name


def go_on(job: JobHandle, options: wire.EnhanceOptions | wire.GenerateOptions, say: Say) -> None:
    """Sets a job that was found resting in motion again."""
    state, known = job.job.state, wire.kind_of(job.job)
    if state in (job_pb2.JOB_STATE_PAUSED, job_pb2.JOB_STATE_FAILED):
        was = state_of(job.job)
        job.resume(options.get("max_cost"))
        say(f"{job.name} was {was} and goes on where it stopped")
    elif state == job_pb2.JOB_STATE_SUCCEEDED and job.job.progress.outcomes.get("failed"):
        job.retry()
        say(f"{job.name} tries its failed rows again")
    elif job.job.progress.done_examples:
        say(f"{job.name} is known: {job.job.progress.done_examples} of {job.job.progress.total_examples} rows are done")
    if (rows := options.get("batch_size")) and rows != known.batch_size:
        say(f"{job.name} keeps its batch size of {known.batch_size}")
    if (money := options.get("max_cost")) and money != known.max_cost and state not in wire.RESTING:
        say(f"{job.name} is under way and keeps its budget; pause it first to give it another")
