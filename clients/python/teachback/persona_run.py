"""One run of `teachback generate personas`: the job, its checkpoint while it works, its files when it is done."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from teachback import chunk_files, enhancing, files, making, wire
from teachback.chunk_files import Files
from teachback.client import Client, JobHandle
from teachback.enhancing import Say
from teachback.errors import BadInput, NotFound
from teachback.session import Session
from teachback.stats import state_of, write_json
from teachback.v1 import job_pb2


@dataclass
class Run:
    """What was asked for. `ratio`: the share of rows to train on, None for no split."""

    source: Path
    files: Files
    options: wire.GenerateOptions
    batch: int
    resume: bool
    ratio: float | None
    strict: bool = False
    verbose: bool = False
    _job: JobHandle | None = None
    _found: bool = False
    _key: str = ""
    _chunks: int = 0
    _bad_rows: int = 0
    _begun: str = ""
    _saved: int = field(default=-1)

    @property
    def job_name(self) -> str:
        """The job's name, empty before there is one."""
        return self._job.name if self._job else ""

    def check(self) -> None:
        """Refuses what could not be written in the end. Raises BadInput, OutputError."""
        files.check_output(self.files.out, [self.source])
        if self.source.resolve() in {path.resolve() for path in self.written()}:
            raise BadInput(f"{self.source} would be written over; give the output another name")

    def written(self) -> list[Path]:
        """Every file that the run will write."""
        parts = [self.files.train, self.files.validation] if self.ratio is not None else []
        return [self.files.out, *parts, self.files.checkpoint, self.files.stats]

    def tell_old(self, say: Say) -> None:
        """Says what becomes of an earlier output, before anything becomes of it."""
        out, known = self.files.out, chunk_files.read_note(self.files.checkpoint)
        if self.resume:
            if not known.get("job"):
                say(f"no checkpoint {self.files.checkpoint}: the run begins at the first chunk")
            return
        if not files.is_blank(out):
            say(
                f"{out} holds {chunk_files.count_lines(out)} examples of an earlier run. A new run begins; once it is "
                f"done it takes that name, and the old file is kept as {self.files.backup}. --resume goes on instead."
            )
        elif known.get("job") and not known.get("finished"):
            say(f"{self.files.checkpoint} tells of an unfinished run, which is left; --resume would go on with it.")
        if self.ratio is None and self.files.train.exists():
            say(f"{self.files.train} and {self.files.validation} stay as they are, of an earlier run.")

    def work(self, session: Session, show: Callable[[job_pb2.Job], None], say: Say) -> None:
        """Starts or finds the job and follows it to its end, checkpoint after checkpoint. Raises JobEnded."""
        client = session.client
        dataset = enhancing.upload(client, [self.source], self.strict, "chunks")
        enhancing.tell_bad_rows(client, dataset, say)
        limit = self.options["personas"].get("max_chunks") or dataset.item_count
        self._chunks, self._bad_rows = min(limit, dataset.item_count), dataset.bad_row_count
        self._key = enhancing.work_key(dataset, self.options, kind="generate")
        known = chunk_files.read_note(self.files.checkpoint) if self.resume else {}
        self._begun = str(known.get("start_time") or _now())
        found = self._find(client, known, say)
        if self.resume and found is None and not files.is_blank(self.files.out):
            say(
                f"{self.files.out} holds {chunk_files.count_lines(self.files.out)} examples of an earlier run; once "
                f"this one is done it takes that name, and the old file is kept as {self.files.backup}."
            )
        self._job, self._found = found or self._start(client, say), found is not None
        spec = self._job.job.spec.generate
        writer = spec.teacher or "the service's own model"
        say(f"{self._job.name}: {self._chunks} chunks -> {self.files.out}, written by {writer}")
        if self.verbose:
            say(f"rated by {spec.evaluator or 'the default'}, seed {spec.seed}, {spec.batch_size or 10} in flight")

        def both(job: job_pb2.Job) -> None:
            show(job)
            self._save(job, say)

        self._save(self._job.job, say)
        try:
            self._job = enhancing.follow(self._job, both, session.reconnect)
        finally:
            self._save(self._job.job, say, last=True)
        enhancing.check_done(self._job.job)

    def finish(self, say: Say) -> dict[str, Any]:
        """Writes the output, the split and the figures; returns the figures."""
        assert self._job is not None
        out = self.files.out
        if not self._found and not files.is_blank(out):
            kept = self.files.backup
            os.replace(out, kept)
            say(f"the file of the earlier run is kept as {kept}")
        self._job.export(out)
        told = self._figures(self._job)
        if self.ratio is not None:
            train, held = chunk_files.write_split(self.files, self.source, self.ratio, self.options.get("seed", 0))
            told |= {"train_examples": train, "validation_examples": held}
        write_json(self.files.stats, told)
        short = told["examples_failed"]
        say(f"{told['examples_generated']} examples in {out}" + (f", {short} came to nothing:" if short else ""))
        for reason, count in told["failures_by_reason"].items() if short else ():
            say(f"  {count}  {reason}")
        return told

    def _find(self, client: Client, known: dict[str, Any], say: Say) -> JobHandle | None:
        """The job of the checkpoint, set in motion again; None where another one has to be made."""
        if not known.get("job"):
            return None
        if known.get("key") != self._key:
            say(f"{self.files.checkpoint} is of other chunks or options: these begin at the first chunk")
            return None
        try:
            job = client.job(str(known["job"]))
        except NotFound:
            say(f"{known['job']} of the checkpoint is not known here any more: its examples are made anew")
            return None
        if job.job.state in enhancing.CANCELLED:
            say(f"{job.name} of the checkpoint was cancelled: its examples are made anew")
            return None
        enhancing.go_on(job, self.options, say)
        return job

    def _start(self, client: Client, say: Say) -> JobHandle:
        quiet: Say = say if self.verbose else lambda _: None
        return making.start(client, [self.source], self.options, quiet, resume=self.resume, strict=self.strict)

    def _save(self, job: job_pb2.Job, say: Say, *, last: bool = False) -> None:
        """A checkpoint, each time another batch of chunks is done, and after the last one."""
        each, done = self.options["personas"]["examples_per_chunk"], job.progress.done_examples
        chunks = min(done // each, self._chunks)
        if chunks // self.batch == self._saved and not last:
            return
        self._saved = chunks // self.batch
        accepted = job.progress.outcomes.get("accepted", 0)
        note = {
            "chunks_processed": chunks,
            "chunks_total": self._chunks,
            "examples_generated": accepted,
            "examples_failed": done - accepted,
            "finished": job.state == job_pb2.JOB_STATE_SUCCEEDED,
            "state": state_of(job),
            "start_time": self._begun,
            "saved_time": _now(),
            "job": job.name,
            "key": self._key,
        }
        chunk_files.write_note(self.files.checkpoint, note)
        if self.verbose:
            say(f"checkpoint: {chunks} of {self._chunks} chunks, {accepted} examples")

    def _figures(self, job: JobHandle) -> dict[str, Any]:
        report, spec = job.report, job.job.spec.generate
        models = {role.role: role.model for role in job.job.progress.usage}
        wanted = self._chunks * self.options["personas"]["examples_per_chunk"]
        made = int(report.get("accepted", 0))
        return {
            "start_time": self._begun,
            "end_time": _now(),
            "chunks_processed": self._chunks,
            "examples_generated": made,
            "examples_failed": max(0, wanted - made),
            "system_prompt_distribution": report.get("system_prompt_distribution", {}),
            "average_response_length": report.get("average_response_length", 0),
            "average_question_length": report.get("average_question_length", 0),
            "category_distribution": report.get("category_distribution", {}),
            "chunks_with_examples": report.get("chunks_with_examples", 0),
            "failures_by_reason": report.get("failures_by_reason", {}),
            "outcomes": report.get("outcomes", {}),
            "bad_rows": self._bad_rows,
            "teacher": spec.teacher or models.get("teacher", ""),
            "evaluator": spec.evaluator or models.get("evaluator", ""),
            "job": job.name,
        }


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).replace(tzinfo=None).isoformat(timespec="seconds")
