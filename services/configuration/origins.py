"""Where each value of the settings came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import EnvSettingsSource

from services.configuration import file, names
from services.settings import Settings


class Origins:
    """Each source by itself, in the order in which they win: flags, environment, file."""

    def __init__(self, flags: Mapping[str, Any]) -> None:
        """Raises what `Settings` raises for an environment or a file that can't be read."""
        self._flags = flags
        self._environment = EnvSettingsSource(Settings)()
        self._path = os.environ.get("TEACHBACK_CONFIG")
        self._file = file.read(Path(self._path), Settings.model_fields) if self._path else {}

    def of(self, path: tuple[str, ...]) -> str:
        """As "flag --grpc-port", "environment TEACHBACK_MODELS", "file teachback.yaml" or "default"."""
        if _has(self._flags, path):
            return f"flag --{path[0].replace('_', '-')}"
        if _has(self._environment, path):
            return f"environment {names.variable(path[0])}"
        if _has(self._file, path):
            return f"file {self._path}"
        if path == ("data_dir",) and os.environ.get("TEACHBACK_HOME"):
            return "environment TEACHBACK_HOME"
        return "default"


def _has(source: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(source, Mapping) or name not in source:
            return False
        source = source[name]
    return True
