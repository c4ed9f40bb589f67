"""The files of jobs: `{data_dir}/artifacts/{job id}/`, of which callers see what stands in `output/`.

A program makes `output/` by renaming it into place when all of it is there (training/artifacts.py), and works in
`output.work/` until then. What it reads stands in `input/`.

Where the operator names an object store (services/training/objects.py), what a job leaves and the checkpoints of what
is not over stand there, and this disk only has copies: any service may lose its own.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from services.errors import NotFound
from services.store.ids import tail
from services.training import copies
from services.training.objects import Objects, Stored, StoredFile
from services.training.specs import Artifact

PIECE: Final = 1 << 20
"""Bytes handed out at once; a gRPC message holds no more."""
_MANIFEST: Final = "manifest.json"


class Stream(NamedTuple):
    """A file to be sent. `pieces` blocks while it reads, and closes the file."""

    size: int
    pieces: Generator[bytes]


class Artifacts:
    """Where the files of jobs are. Its methods read the disk, so they are called in a thread."""

    def __init__(self, root: Path, objects: Objects | None = None) -> None:
        """`objects`: the store that has them, None for this disk. Then every method raises ArtifactsGone too."""
        self.root = root.absolute()
        self.objects = objects
        self._hashes: dict[tuple[str, int, int], str] = {}
        """By path, size and time of change; models have gigabytes, and nobody wants them read twice."""

    def folder(self, job_id: str) -> Path:
        """A job's own folder, made where there was none."""
        folder = self.root / job_id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def input(self, job_id: str) -> Path:
        """Where what a job reads is written; nobody is shown it."""
        folder = self.folder(job_id) / "input"
        folder.mkdir(exist_ok=True)
        return folder

    def output(self, job_id: str) -> Path:
        """Where the finished files of a job appear. It may not be there yet."""
        return self.folder(job_id) / "output"

    def here(self, job_id: str) -> Path:
        """`output`, with the files in it where the job has left any: those that only the store has are fetched."""
        output = self.output(job_id)
        if self.objects and not output.is_dir() and (stored := self.objects.stored(job_id, "output")):
            copies.fetch(self.objects, job_id, stored, "output", output)
        copies.used(output.parent)
        return output

    def resume(self, job_id: str) -> None:
        """Brings what a job's earlier runs have stored to this disk, where another service has gone further."""
        if self.objects:
            self.here(job_id)
            copies.resume(self.objects, job_id, self.folder(job_id))

    def store_checkpoints(self, job_id: str, run: int, still: Callable[[], None]) -> None:
        """Stores the whole checkpoints of a training. `still` as services/training/objects.py has it."""
        if self.objects and (files := copies.checkpoints(self.folder(job_id))):
            self.objects.store(job_id, run, "work", copies.work(self.folder(job_id)), files, still)

    def store_output(self, job_id: str, run: int, still: Callable[[], None]) -> None:
        """Stores what a job leaves, then takes away what its earlier runs have stored, and copies nobody has used."""
        if self.objects is None:
            return
        told = self._told(job_id)
        found = [
            StoredFile(path=path, size=file.stat().st_size, sha256=told.get(path) or self._sha256(file))
            for path, file in sorted(self._files(job_id).items())
        ]
        self.objects.store(job_id, run, "output", self.output(job_id), found, still)
        self.objects.tidy(job_id, run)
        copies.tidy(self.objects, self.root, besides=job_id)

    def listed(self, parent: str) -> list[Artifact]:
        """What a job has left, in the order of the names."""
        job_id = tail(parent, "jobs")
        if self.objects and (stored := self.objects.stored(job_id, "output")):
            return [
                Artifact(name=f"{parent}/artifacts/{file.path}", size_bytes=file.size, sha256=file.sha256)
                for file in stored.files
            ]
        told = self._told(job_id)
        found = []
        for path, file in sorted(self._files(job_id).items()):
            try:
                size, sha256 = file.stat().st_size, told.get(path) or self._sha256(file)
            except FileNotFoundError:  # gone meanwhile: a job that is done again begins with an empty folder
                continue
            found.append(Artifact(name=f"{parent}/artifacts/{path}", size_bytes=size, sha256=sha256))
        return found

    def opened(self, name: str) -> Stream:
        """One file by its name, "jobs/{id}/artifacts/{path}". Raises NotFound.

        The name is looked up in the listing and never made into a path, so that it can't lead anywhere else.
        """
        parent, _, path = name.partition("/artifacts/")
        job_id = tail(parent, "jobs")
        if self.objects and (stored := self.objects.stored(job_id, "output")):
            return _streamed(self.objects, job_id, stored, name, path)
        found = self._files(job_id).get(path)
        if found is None:
            raise NotFound(f"there is no {name}")
        try:
            file = found.open("rb")
        except OSError as error:
            raise NotFound(f"there is no {name} any more: {error.strerror}") from None
        return Stream(os.fstat(file.fileno()).st_size, _pieces(file))

    def size(self, job_id: str) -> int:
        """Bytes of all that stands in a job's folder here, what it has read too."""
        total = 0
        for folder, _, names in os.walk(self.root / job_id):
            for name in names:
                with suppress(FileNotFoundError):  # gone meanwhile
                    total += Path(folder, name).lstat().st_size
        return total

    def _files(self, job_id: str) -> dict[str, Path]:
        output = self.root / job_id / "output"
        found = {}
        for folder, folders, names in os.walk(output):  # follows no links
            folders[:] = [name for name in folders if not _hidden(name)]
            for name in names:
                file = Path(folder, name)
                if not _hidden(name) and file.is_file() and not file.is_symlink():
                    found[file.relative_to(output).as_posix()] = file
        return found

    def _told(self, job_id: str) -> dict[str, str]:
        """The hashes that the program wrote down when it wrote the files."""
        try:
            told = json.loads((self.root / job_id / "output" / _MANIFEST).read_bytes())["files"]
        except (OSError, ValueError, KeyError, TypeError):  # no manifest, or one of another make: the files are read
            return {}
        return {k: v for k, v in told.items() if isinstance(v, str)} if isinstance(told, dict) else {}

    def _sha256(self, path: Path) -> str:
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            key = str(path), stat.st_size, stat.st_mtime_ns
            if key not in self._hashes:
                self._hashes[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._hashes[key]


def _streamed(objects: Objects, job_id: str, stored: Stored, name: str, path: str) -> Stream:
    size = next((file.size for file in stored.files if file.path == path), None)
    if size is None:
        raise NotFound(f"there is no {name}")
    try:
        return Stream(size, objects.read(job_id, stored.run, "output", path))
    except FileNotFoundError:
        raise NotFound(f"there is no {name} any more") from None


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.endswith((".work", ".part"))


def _pieces(file: BinaryIO) -> Generator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece
