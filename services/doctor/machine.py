"""The machine: the data folder and its disk, memory, the clock."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from services.doctor.findings import Finding, ok, problem, size, warning
from services.settings import Settings

_LITTLE: Final = 1 << 30
_NOTHING: Final = 100 << 20
"""Bytes of free disk."""
_NEEDED: Final = 1 << 30
"""Bytes of memory for a service with the embedded student."""
_APART: Final = 2.0
"""Seconds."""


def existing(path: Path) -> Path:
    """The folder itself, or the nearest one above that is there."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


def disk(settings: Settings) -> Finding:
    """Whether the data folder can be written, and how much."""
    folder, there = settings.data_dir, existing(settings.data_dir)
    if not there.is_dir():
        return problem("disk", f"{there} is no folder, and data are to go to {folder}", "set TEACHBACK_DATA_DIR")
    if why := refusal(folder):
        advice = f"give {there} to the service's user, or set TEACHBACK_DATA_DIR to another folder"
        return problem("disk", f"the data folder {folder} can't be {why}", advice)
    return room("disk", folder)


def refusal(folder: Path) -> str:
    """Why nothing can be put into a folder, as "made: Permission denied"; empty where it can, or only room is missing.

    It is tried, and taken away again: rights do not tell of a disk that is read-only, or of what root may not do
    either, as in /proc.
    """
    there = existing(folder)
    try:
        with tempfile.TemporaryDirectory(dir=there, prefix=".teachback-"):
            return ""
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return ""
        return f"{'written' if there == folder.absolute() else f'made in {there}'}: {error.strerror}"


def room(check: str, folder: Path) -> Finding:
    """How much can be written to a folder."""
    free = shutil.disk_usage(existing(folder)).free
    found = f"{size(free)} free for {folder}" + ("" if folder.exists() else ", which the first start makes")
    if free < _NOTHING:
        return problem(check, found, "free some, or let the settings name a folder on a larger disk")
    if free < _LITTLE:
        return warning(check, found, "a job stores every reply; free some before a large one")
    return ok(check, found)


def memory() -> Finding:
    """How much is there, and how much of it is free."""
    import psutil

    from services.training.launcher import memory_of_the_machine

    total, free = memory_of_the_machine(), int(psutil.virtual_memory().available)
    found = f"{size(total)}, {size(min(free, total))} of it free"
    if free < _NEEDED:
        return warning("memory", found, "close other programs before a training or an embedded model is run")
    return ok("memory", found)


def clock(settings: Settings) -> Finding:
    """Whether time goes as it should: deadlines, certificates and leases go by it."""
    walls, steady = time.time(), time.monotonic()
    time.sleep(0.05)
    jump = (time.time() - walls) - (time.monotonic() - steady)
    if abs(jump) > _APART / 4:
        return warning("clock", f"it has jumped by {jump:+.1f} s while it was looked at", "let one NTP service set it")
    if time.time() < Path(__file__).stat().st_mtime - 86400:
        found = f"it says {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, before this program was installed"
        return problem("clock", found, "set it; certificates and leases go by it")
    folder = settings.data_dir
    if folder.is_dir():
        apart = 0.0
        with suppress(OSError), tempfile.TemporaryFile(dir=folder) as file:  # the check of the disk tells of it
            file.write(b".")
            file.flush()
            apart = os.fstat(file.fileno()).st_mtime - time.time()
        if abs(apart) > _APART:
            found = f"the disk of {folder} is {apart:+.1f} s apart from this machine"
            return warning("clock", found, "let the file server and this machine ask the same NTP server")
    return ok("clock", f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC, and steady")
