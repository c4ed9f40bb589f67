"""Files that stand under their name whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from teachback.errors import BadInput, OutputError, TeachbackError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the name `path` when it is whole and safely on the disk.

    Until then, and for good where anything fails, whatever stood there stays. Raises OutputError where the folder or
    the disk does not let it be written.
    """
    path = path.resolve()  # a link keeps pointing where it points; its target is replaced
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with _explained(path):
            file = open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), "wb")  # noqa: SIM115 -- closed below
        try:
            with _explained(path):
                yield file
                file.flush()
                os.fsync(file.fileno())
        finally:
            # Buffered bytes are written on close: on a full disk that fails again, and the first error says enough.
            with suppress(OSError):
                file.close()
        with _explained(path):
            if path.exists():
                shutil.copymode(path, part)
            os.replace(part, path)
            _sync_folder(path.parent)
    finally:
        with suppress(OSError):  # it became the file itself, or there never was one: the first error says enough
            part.unlink()


def make_folder(folder: Path) -> None:
    """A folder and what it stands in, where there was none. Raises OutputError."""
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)


def check_output(out: Path | None, sources: Sequence[Path]) -> None:
    """Refuses, before any work, an output that could not be written in the end; None is stdout.

    Raises BadInput or OutputError.
    """
    if out is None:
        check_sources(sources)
        return
    if not out.parent.is_dir():
        raise OutputError(f"the folder of {out} does not exist; make it first: mkdir -p {out.parent}")
    if out.exists() and not out.is_file():
        raise BadInput(f"{out} is not a plain file")
    check_sources(sources)
    for source in sources:
        if out.exists() and out.samefile(source):
            raise BadInput(f"{out} is both source and output; give the output another name")
    probe = out.resolve().with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    with _explained(out):
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        probe.unlink()


def check_sources(sources: Sequence[Path]) -> None:
    """Raises BadInput for what is no file."""
    for source in sources:
        if not source.is_file():
            raise BadInput(f"{source} is not a file")


def sha256(paths: Sequence[Path], *also: str) -> str:
    """Hash over names and contents of files, and whatever else is to count, as hex. Memory stays constant."""
    total = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise BadInput(f"{path} cannot be read: {error.strerror}") from error
        total.update(f"{path.name}\0{content}\0".encode("utf-8", "surrogateescape"))
    for text in also:
        total.update(f"{text}\0".encode())
    return total.hexdigest()


def is_blank(path: Path) -> bool:
    """Whether there is no file, or none with anything but white space at its beginning."""
    if not path.exists():
        return True
    with path.open("rb") as file:
        return not file.read(64 * 1024).strip()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns what the system says about writing into an error that names the file that was wanted."""
    try:
        yield
    except TeachbackError:  # some of ours are OSErrors too, and say already what is wrong
        raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def _sync_folder(folder: Path) -> None:
    """Puts the new name itself on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
