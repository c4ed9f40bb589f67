"""The files of jobs in an object store: S3 and what speaks like it, Google Cloud Storage, Azure, or a folder.

Of every job, below the address that the operator names:

    {job}/{run}.output.json    what the run has left, file by file; it is written last, so that what it names is whole
    {job}/{run}/output/...
    {job}/{run}.work.json      the checkpoints of a training that is not over
    {job}/{run}/work/...

`run` counts how often the job was begun, by whichever service, and the highest counts. So an owner that was frozen and
wakes up late writes into a place that nobody reads any more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url
from pydantic import BaseModel, ValidationError, field_validator

from services.errors import ArtifactsGone
from services.store.ids import new_id

if TYPE_CHECKING:
    from obstore import GetResult
    from obstore.store import ClientConfig, ObjectStore

log = structlog.get_logger()

Part = Literal["output", "work"]
PIECE: Final = 8 << 20
"""Bytes sent at once; S3 takes 10,000 pieces of a file."""
_PATIENCE: Final = timedelta(seconds=10)
"""For which a request is tried again."""
_CLIENT: Final[ClientConfig] = {
    "allow_http": True,  # where the operator's endpoint says so
    "connect_timeout": timedelta(seconds=10),
    "timeout": timedelta(minutes=10),
}
_MARKER: Final = re.compile(r"(\d+)\.(output|work)\.json")


class StoredFile(BaseModel):
    """One of them, `path` below its part."""

    path: str
    size: int
    sha256: str = ""

    @field_validator("path")
    @classmethod
    def _below(cls, path: str) -> str:
        """Whoever can write to the bucket should not write elsewhere on our disk."""
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise ValueError("leads elsewhere")
        return path


class Stored(BaseModel):
    """What a run has stored of one part."""

    run: int = 0
    files: list[StoredFile]

    @property
    def paths(self) -> set[str]:
        """Of the files."""
        return {file.path for file in self.files}


class Objects:
    """One store. Its methods block. They raise ArtifactsGone where it does not answer, or refuses."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._store = _opened(url)

    def check(self) -> None:
        """Whether it can be written and read: a small object is put there, and taken away again."""
        name = f".teachback-{new_id()}"  # others may look at the same time
        with self._told("be used", quiet=True):  # whoever wants to know is told at once
            obstore.put(self._store, name, b"ok")
            obstore.get(self._store, name).bytes()
            obstore.delete(self._store, name)

    def stored(self, job_id: str, part: Part) -> Stored | None:
        """What the latest run with any of this part has stored; None where there is none."""
        with self._told("be read"):
            here = obstore.list_with_delimiter(self._store, job_id)["objects"]
        names = (_MARKER.fullmatch(one["path"].rpartition("/")[2]) for one in here)
        runs = sorted((int(found[1]) for found in names if found and found[2] == part), reverse=True)
        for run in runs:
            # Taken away just now, or none of ours: the one before it counts.
            with suppress(FileNotFoundError, ValidationError), self._told("be read", absent=True):
                told = obstore.get(self._store, _marker(job_id, run, part)).bytes().to_bytes()
                return Stored.model_validate_json(told).model_copy(update={"run": run})
        return None

    def store(
        self, job_id: str, run: int, part: Part, folder: Path, files: list[StoredFile], still: Callable[[], None]
    ) -> None:
        """Stores files of a folder as all that this part has. What the run has stored of it already is not sent again.

        `still` is called before every piece, and raises where the rest is not to be sent. Raises FileNotFoundError
        where a file has gone meanwhile.
        """
        before = self.stored(job_id, part)
        there = before.paths if before and before.run == run else set()
        for file in files:
            if file.path not in there:
                still()
                self._put(f"{job_id}/{run:08}/{part}/{file.path}", folder / file.path, still)
        still()
        with self._told("be written"):
            obstore.put(self._store, _marker(job_id, run, part), Stored(files=files).model_dump_json().encode())
            gone = there - {file.path for file in files}
            self._delete(f"{job_id}/{run:08}/{part}/{path}" for path in sorted(gone))

    def tidy(self, job_id: str, run: int) -> None:
        """Takes away what a job has stored besides the output of this run."""
        kept = (_marker(job_id, run, "output"), f"{job_id}/{run:08}/output/")
        with self._told("be written"):
            every = [one["path"] for batch in obstore.list(self._store, job_id) for one in batch]
            # The markers first: nobody should be told of files that are gone.
            self._delete(path for path in sorted(every, key=lambda path: path.count("/")) if not path.startswith(kept))

    def fetch(self, job_id: str, stored: Stored, part: Part, folder: Path) -> None:
        """Writes all files of a part into a folder."""
        for file in stored.files:
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as made:
                for piece in self.read(job_id, stored.run, part, file.path):
                    made.write(piece)

    def read(self, job_id: str, run: int, part: Part, path: str) -> Generator[bytes]:
        """The bytes of one file, asked for before the first is wanted. Raises FileNotFoundError."""
        with self._told("be read", absent=True):
            found = obstore.get(self._store, f"{job_id}/{run:08}/{part}/{path}")
        return self._pieces(found)

    def _pieces(self, found: GetResult) -> Generator[bytes]:
        with self._told("be read"):
            for piece in found.stream(min_chunk_size=1 << 20):
                yield bytes(piece)

    def _put(self, name: str, path: Path, still: Callable[[], None]) -> None:
        with path.open("rb") as file:
            body = file.read() if os.fstat(file.fileno()).st_size <= PIECE else _read(file, still)
            with self._told("be written"):
                obstore.put(self._store, name, body, chunk_size=PIECE, max_concurrency=4)

    def _delete(self, names: Iterable[str]) -> None:
        if every := list(names):
            obstore.delete(self._store, every)

    @contextmanager
    def _told(self, what: str, *, absent: bool = False, quiet: bool = False) -> Iterator[None]:
        """`absent`: whether an object that is not there is told as FileNotFoundError; else it is the bucket."""
        try:
            yield
        except (BaseError, OSError) as error:
            if absent and isinstance(error, FileNotFoundError):
                raise
            # Of an object that is there to be read or is just written: it is the bucket that is not there.
            missing = isinstance(error, FileNotFoundError)
            why = "there is no such bucket" if missing else str(error).partition("\n")[0].strip()[:400]
            if not quiet:
                log.warning("the store of the artifacts failed", url=self.url, what=f"can't {what}", why=why)
            raise ArtifactsGone(
                f"the store of the artifacts can't {what}: it does not answer, or refuses; what was finished is safe: "
                "try again",
                f"the store of the artifacts, {self.url}, can't {what}: {why}",
            ) from error


def _opened(url: str) -> ObjectStore:
    """Raises ValueError for an address that is none, and for what the environment says wrong of it."""
    try:
        if url.startswith("file://"):
            return LocalStore(url.removeprefix("file://"), mkdir=True)
        # Keys, region and endpoint stand in the provider's own variables (AWS_..., GOOGLE_..., AZURE_...), or come
        # from the machine.
        return from_url(url, client_options=_CLIENT, retry_config={"retry_timeout": _PATIENCE})
    except (BaseError, OSError) as error:
        raise ValueError(f"artifacts_url: {str(error).partition(chr(10))[0]}") from None


def _marker(job_id: str, run: int, part: Part) -> str:
    return f"{job_id}/{run:08}.{part}.json"


def _read(file: BinaryIO, still: Callable[[], None]) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        still()
        yield piece
