"""Graphics processors: what the driver says, and whether the installed torch could use it. torch itself takes seconds
to import, so only its version is looked at."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
from typing import Final

from services.doctor.findings import Finding, ok, warning

_PATIENCE: Final = 5.0
"""Seconds; a driver that hangs is found in the field."""
_ASKED: Final = "name,memory.total,memory.free,driver_version"


def version(package: str) -> str | None:
    """The installed version of a package; None where it is not installed. Imports nothing."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def gpu() -> Finding:
    """The GPUs of this machine."""
    torch = version("torch")
    if platform.system() == "Darwin":
        if platform.machine() == "arm64":
            return ok("gpu", "Apple silicon: trainings run on its GPU (MPS)")
        return ok("gpu", "none that torch can use; trainings run on the CPU")
    if not shutil.which("nvidia-smi"):
        return ok("gpu", "none (no nvidia-smi); trainings run on the CPU")
    try:
        told = subprocess.run(
            ["nvidia-smi", f"--query-gpu={_ASKED}", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = "gives no answer" if isinstance(error, subprocess.TimeoutExpired) else f"can't be run: {error.strerror}"
        return warning("gpu", f"nvidia-smi {why}", "look after the driver; until then trainings run on the CPU")
    if told.returncode or not told.stdout.strip():
        said = (told.stderr.strip() or told.stdout.strip() or "nothing").splitlines()[-1]
        return warning("gpu", f"nvidia-smi says: {said}", "look after the driver; until then trainings run on the CPU")
    found = "; ".join(_described(line) for line in told.stdout.strip().splitlines())
    if torch and torch.endswith("+cpu"):
        return warning(
            "gpu",
            f"{found}, and torch {torch} can't use it",
            "install torch for CUDA: remove torch, then run `make install-train` on this machine",
        )
    return ok("gpu", found)


def _described(line: str) -> str:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != len(_ASKED.split(",")):
        return line.strip()
    return f"{parts[0]}, {parts[2]} of {parts[1]} free, driver {parts[3]}"
