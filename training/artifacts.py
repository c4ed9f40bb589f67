"""Output folders: they appear whole under their final name, and say how they were made."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from training.errors import OutOfResource, TrainingError

MANIFEST: Final = "manifest.json"
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL: Final = 1 << 20
"""Bytes left on a disk that is called full."""

_LIBRARIES: Final = (
    "torch", "transformers", "peft", "trl", "datasets", "accelerate", "bitsandbytes", "gguf", "xllamacpp",
    "tokenizers", "safetensors", "numpy",
)  # fmt: skip


def work_folder(final: Path) -> Path:
    """Where what will be `final` is made; on the same disk, so that it gets its name by a rename."""
    return final.with_name(f"{final.name}.work")


def publish(work: Path, final: Path) -> None:
    """Gives a finished file or folder its final name: all of it is on the disk before the name is there.

    A kill or a power cut at any point leaves `final` as it was, or new and whole. What stood there before is replaced:
    a file at once; a folder is moved to `{final}.old` first, so that a kill just then leaves it there.
    """
    for path in sorted(work.rglob("*")) if work.is_dir() else ():
        _fsync(path)
    _fsync(work)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.is_dir() and work.is_dir():  # rename replaces files and empty folders alone
        old = final.with_name(f"{final.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        os.replace(final, old)
        os.replace(work, final)
        shutil.rmtree(old)
    else:
        os.replace(work, final)
    _fsync(final.parent)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def dataset_sha256(paths: Iterable[Path | None]) -> str:
    """One hash of what these files hold, in their order; where they lie and what they are called doesn't count."""
    return hashlib.sha256("".join(sha256(path) if path else "-" for path in paths).encode()).hexdigest()


def manifest(
    folder: Path,
    program: str,
    config: BaseModel,
    dataset_sha256: str,
    metrics: Mapping[str, Any],
    *,
    weights: str = "",
    base_fingerprint: str | None = None,
) -> dict[str, Any]:
    """Writes manifest.json, the last file of a folder: how it was made, and the hash of every other file in it.

    `weights`: a hash of those that a training began with. `base_fingerprint`: of those that an adapter belongs to.
    """
    files = {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    held = {
        "program": program,
        "config": config.model_dump(mode="json"),
        "dataset_sha256": dataset_sha256,
        "versions": versions(),
        "git_revision": git_revision(),
        "metrics": dict(metrics),
        "files": files,
    }
    if weights:
        held["weights"] = weights
    if base_fingerprint:
        held["base_fingerprint"] = base_fingerprint
    write_json(folder / MANIFEST, held)
    return held


def finished(
    final: Path, program: str, config: BaseModel, dataset_sha256: str, weights: str = ""
) -> dict[str, Any] | None:
    """The manifest of a folder that this very program, config, data and weights have made already, or None."""
    try:
        held = json.loads((final / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(held, dict):
        return None
    said = (held.get("program"), held.get("dataset_sha256"), held.get("weights", ""), held.get("config"))
    return held if said == (program, dataset_sha256, weights, config.model_dump(mode="json")) else None


def write_json(path: Path, value: Any) -> None:
    """A value as indented JSON with a newline at its end."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that are installed here."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def git_revision() -> str | None:
    """The revision of the code that runs, with `-dirty` where files are changed; None where it is not in git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):  # no git here, or no repository: nothing to tell
        return None
    return told.stdout.strip()


@contextlib.contextmanager
def disk_full_told(folder: Path) -> Iterator[None]:
    """A full disk while writing below `folder` becomes OutOfResource, which says so."""
    try:
        yield
    except TrainingError:
        raise
    except Exception as error:
        # torch and safetensors tell of a full disk in exceptions and words of their own.
        number = error.errno if isinstance(error, OSError) else None
        words = any(os.strerror(code) in str(error) for code in _NO_ROOM)
        if number in _NO_ROOM or words or shutil.disk_usage(_existing(folder)).free < _FULL:
            raise OutOfResource(
                f"{folder}: the disk is full, or the file too large for its limits; nothing was left under a final "
                "name: make room and start the same run again"
            ) from error
        raise


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
