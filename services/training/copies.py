"""The copies that one disk has of what an object store has: fetched when they are wanted, taken away when nobody has
used them for a while."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from services.training.objects import Objects, Part, Stored, StoredFile

UNUSED: Final = 3 * 86400.0
"""Seconds. A training reads the model that it begins with at its start, so it may run for longer."""
_WHOLE: Final = "whole"
"""The file that makes a checkpoint one (training/checkpoints.py)."""
_STEP: Final = re.compile(rf"checkpoints/checkpoint-(\d+)/{_WHOLE}")


def work(folder: Path) -> Path:
    """Where the program of a job works."""
    return folder / "output.work"


def fetch(objects: Objects, job_id: str, stored: Stored, part: Part, target: Path) -> None:
    """Makes `target` a copy of a part, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = Path(tempfile.mkdtemp(prefix="fetched-", dir=target.parent))
    try:
        objects.fetch(job_id, stored, part, half)
        half.chmod(0o755)
        try:
            os.replace(half, target)
        except OSError:
            if not target.is_dir():  # else another one has fetched the same meanwhile
                raise
    finally:
        shutil.rmtree(half, ignore_errors=True)


def resume(objects: Objects, job_id: str, folder: Path) -> None:
    """Brings the stored checkpoints of a training into its folder, unless it has gone as far here."""
    stored = objects.stored(job_id, "work")
    if stored and _furthest(stored.paths) > _furthest({file.path for file in checkpoints(folder)}):
        shutil.rmtree(work(folder), ignore_errors=True)
        fetch(objects, job_id, stored, "work", work(folder))


def checkpoints(folder: Path) -> list[StoredFile]:
    """What a training can be resumed from: its whole checkpoints, and what stands beside them. Empty without any."""
    root = work(folder)
    whole = sorted(path.parent for path in root.glob(f"checkpoints/checkpoint-*/{_WHOLE}"))
    if not whole:
        return []
    beside = [path for path in root.iterdir() if path.is_file()]
    inside = [path for one in whole for path in one.rglob("*") if path.is_file()]
    return [StoredFile(path=path.relative_to(root).as_posix(), size=path.stat().st_size) for path in [*beside, *inside]]


def used(folder: Path) -> None:
    """Notes that somebody has used the copies in a job's folder."""
    if folder.is_dir():
        os.utime(folder)


def tidy(objects: Objects, root: Path, *, besides: str) -> None:
    """Takes the folders of jobs away that nobody has used for a while and whose output the store has."""
    for folder in root.iterdir():
        with suppress(FileNotFoundError):  # gone meanwhile: estimates come and go beside the jobs' folders
            old = folder.is_dir() and folder.stat().st_mtime < time.time() - UNUSED
            if old and folder.name != besides and objects.stored(folder.name, "output"):
                shutil.rmtree(folder, ignore_errors=True)


def _furthest(paths: set[str]) -> int:
    return max((int(found[1]) for path in paths if (found := _STEP.fullmatch(path))), default=-1)
