"""The rows that a training reads: of a dataset or of a job, checked one by one and written to files."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple

from services import export, made
from services.errors import InvalidRequest, StorageFull, WrongState
from services.jobs.work import Kit
from services.store.examples import ExampleStore
from services.store.ids import tail
from services.views import Job, JobState
from training import rows

Kind = Literal["rows", "pairs"]
SPLIT: Final = 10
"""One row in so many is held back where no validation rows are named."""
_PAIRS: Final = frozenset({"preferences"})
"""Kinds of jobs that make pairs."""


class Checked(NamedTuple):
    """A row that the trainer can read, as one line, and the hash of its prompt."""

    line: str
    key: int


class Source:
    """Rows by name, "datasets/{id}" or "jobs/{id}". Blocks, so it is used in a thread."""

    def __init__(self, kit: Kit) -> None:
        self._datasets, self._examples, self._jobs = kit.datasets, kit.examples, kit.store

    def check(self, name: str, kind: Kind, field: str) -> None:
        """Whether there are such rows, as far as the first one tells.

        Raises NotFound, InvalidRequest for what holds no such rows, WrongState for a job that has not succeeded.
        """
        if name.startswith("jobs/"):
            job = self._jobs.get(name)
            _check_job(job, kind, field)
            if job.state is not JobState.SUCCEEDED:
                raise WrongState(f"{field}: {name} is {job.state.value}; its rows can be used once it has succeeded")
        else:
            dataset = self._datasets.get(name)
            if dataset.kind not in ("rows", "training"):
                raise InvalidRequest(f"{field}: {name} holds {dataset.kind}; upload rows to train on as kind training")
        if next(self.read(name, kind, field), None) is None:
            raise InvalidRequest(f"{field}: {name} holds no rows to train on")

    def read(self, name: str, kind: Kind, field: str) -> Iterator[Checked]:
        """The rows in their order, a batch in memory at a time. Raises InvalidRequest, naming the row."""
        for number, line in enumerate(self.lines(name), 1):
            try:
                parsed = rows.parse(json.loads(line))
            except rows.RowError as error:
                raise InvalidRequest(f"{field}: {name}, row {number}: {error}") from None
            if isinstance(parsed, rows.Pair) != (kind == "pairs"):
                raise InvalidRequest(f"{field}: {name}, row {number}: {_OTHERWISE[kind]}")
            said = json.dumps([m.model_dump() for m in parsed.prompt], ensure_ascii=False)
            digest = hashlib.sha256(said.encode()).digest()
            yield Checked(line, int.from_bytes(digest[:8], "big"))

    def lines(self, name: str) -> Iterator[str]:
        """The rows as they stand, a line of JSON each without its newline. Raises NotFound."""
        if not name.startswith("jobs/"):
            for item in self._datasets.items(tail(name, "datasets")):
                yield " ".join(item.raw.splitlines())  # line breaks of JSON itself: none can stand within a string
            return
        job = self._jobs.get(name)
        yield from (line.rstrip("\n") for line in _exported(self._examples, job))


def lines(name: str, kit: Kit) -> Iterator[str]:
    """The rows of a dataset or a job as they stand, a line of JSON each without its newline. Raises NotFound."""
    return Source(kit).lines(name)


def write(found: Iterator[Checked], path: Path) -> None:
    """Writes rows to a file that appears when it is whole. What stands there already is kept."""
    if not path.exists():
        with _Whole(path) as file:
            for row in found:
                file(row.line)


def write_split(again: Callable[[], Iterator[Checked]], train: Path, validation: Path, seed: int) -> bool:
    """Writes rows to two files, a tenth of them to `validation`. Returns whether there is one.

    Rows with the same prompt go to the same side, and always to the same one for a seed. A single prompt is not split.
    `again` gives the rows each time it is called.
    """
    if train.exists():
        return validation.exists()
    held = _held_back({_mixed(row.key, seed) for row in again()})
    if held is not None:
        write((row for row in again() if _mixed(row.key, seed) <= held), validation)
    write((row for row in again() if held is None or _mixed(row.key, seed) > held), train)
    return held is not None


def _held_back(mixed: set[int]) -> int | None:
    """The mixed keys of prompts up to this one are held back; None where there is but one prompt."""
    return sorted(mixed)[max(1, len(mixed) // SPLIT) - 1] if len(mixed) > 1 else None


def _mixed(key: int, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed} {key}".encode(), digest_size=8).digest(), "big")


_OTHERWISE: Final[dict[Kind, str]] = {
    "rows": "is a preference pair, and this job works on rows with one answer each",
    "pairs": "is no preference pair; this job works on `prompt, chosen, rejected`",
}


def _check_job(job: Job, kind: Kind, field: str) -> None:
    made_by = job.spec.kind_name
    makes: Kind | None = "pairs" if made_by in _PAIRS else "rows" if made_by in ("enhance", "generate") else None
    if job.spec.generate and job.spec.generate.recipe == "candidates":
        makes = None  # candidates are passages to make examples of
    if makes != kind:
        wanted = "a preferences job" if kind == "pairs" else "an enhance or generate job"
        raise InvalidRequest(f"{field}: {job.name} is a job of kind {made_by}, and {wanted} is needed")


def _exported(examples: ExampleStore, job: Job) -> Iterator[str]:
    if job.spec.generate:
        # The shape of commands is one that the trainer reads; the others have several, of which `messages` is one.
        return made.export(examples, job, "source" if job.spec.generate.recipe == "commands" else "messages")
    if job.spec.enhance:
        return export.export(examples, job, format_="messages", tag="think", unfinished=False, converged_only=False)
    from services.jobs import preferring  # which reads its own rows by this module

    return preferring.export(examples, job)


class _Whole:
    """A file of lines that takes its name once all of it is on the disk. Raises StorageFull."""

    def __init__(self, path: Path) -> None:
        self._path, self._part = path, path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")

    def __enter__(self) -> Callable[[str], None]:
        self._file = self._part.open("w", encoding="utf-8")
        return self._line

    def _line(self, line: str) -> None:
        try:
            self._file.write(line + "\n")
        except OSError as error:
            raise _told(error, self._path) from error

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())
                os.replace(self._part, self._path)
        except OSError as error:
            raise _told(error, self._path) from error
        finally:
            with suppress(OSError):  # the disk is full still; the first error says so
                self._file.close()
            self._part.unlink(missing_ok=True)


def _told(error: OSError, path: Path) -> OSError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageFull(f"{path.name} can't be written: {error.strerror}. Free some disk space and resume the job")
    return error
