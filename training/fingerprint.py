"""Which weights an adapter was trained on, so that it never meets others unnoticed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from training import tensors


def fingerprint(folder: Path) -> str:
    """A hash of all that a model's safetensors files hold. Less would not do: an adapter that is merged into the inner
    matrices alone leaves a file's head and tail as they were.
    """
    digest = hashlib.sha256()
    for path in tensors.files(folder):
        with path.open("rb") as file:
            digest.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def recorded(adapter: Path) -> str:
    """What an adapter's manifest says of its base; empty where there is none."""
    try:
        held = json.loads((adapter / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # made elsewhere, or not by these programs
        return ""
    value = held.get("base_fingerprint") if isinstance(held, dict) else None
    return value if isinstance(value, str) else ""
