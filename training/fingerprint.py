"""Which weights an adapter was trained on, so that it never meets others unnoticed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Final

_PIECE: Final = 1 << 20


def fingerprint(folder: Path) -> str:
    """A hash of a model's weights: of each safetensors file its size, first and last MiB. Quick for any size."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest.update(f"{path.name} {size}\n".encode())
            digest.update(file.read(_PIECE))
            file.seek(max(0, size - _PIECE))
            digest.update(file.read(_PIECE))
    return digest.hexdigest()


def recorded(adapter: Path) -> str:
    """What an adapter's manifest says of its base; empty where there is none."""
    try:
        held = json.loads((adapter / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # made elsewhere, or not by these programs
        return ""
    value = held.get("base_fingerprint") if isinstance(held, dict) else None
    return value if isinstance(value, str) else ""
