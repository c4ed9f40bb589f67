"""Where a named training keeps its files in its user's workspace, as `make train` and `teachback pipeline` do."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from teachback.errors import BadInput
from teachback.files import replacing
from teachback.training_data import TrainingData

CLITRON = "clitron"


class TrainingFiles:
    """`schemas/{name}.yaml`, `training/data/{name}/`, `training/models/{name}/`. Raises BadInput for a bad name."""

    def __init__(self, workspace: Path, name: str) -> None:
        self.name = name
        self.data = TrainingData(workspace, name)
        self.schema = self.data.schema
        self.preferences = self.data.folder / "preferences.jsonl"
        self.models = workspace / "training" / "models" / name
        self.sft = self.models / "sft"
        self.dpo = self.models / "dpo"
        self.evaluation = self.models / "evaluation"
        self.report = self.models / "pipeline.json"

    def gguf(self, quantization: str) -> Path:
        """The finished file; the model of a command line is a clitron."""
        prefix = f"{CLITRON}-" if self.schema.is_file() else ""
        return self.models / f"{prefix}{self.name}-{quantization.lower()}.gguf"

    def folder(self, stage: str) -> Path:
        """Where a stage's files go."""
        places = {"sft": self.sft, "dpo": self.dpo, "evaluate": self.evaluation, "preferences": self.data.folder}
        return places.get(stage, self.models)

    def require_schema(self) -> Path:
        """The schema's path. Raises BadInput, saying what to write, where there is none."""
        if not self.schema.is_file():
            raise BadInput(
                f"there is no {self.schema}: write the command line's schema there, or name another training"
            )
        return self.schema

    def edited(self, path: Path) -> bool:
        """Whether a file is there that we did not write, or that somebody has changed since."""
        return path.is_file() and self._written().get(path.name) != digest(path)

    def wrote(self, path: Path) -> None:
        """Remembers a file as ours."""
        told = self._written() | {path.name: digest(path)}
        with replacing(self.data.folder / ".written.json") as file:
            file.write(json.dumps(told, indent=2).encode() + b"\n")

    def _written(self) -> dict[str, str]:
        try:
            told = json.loads((self.data.folder / ".written.json").read_text())
        except (OSError, ValueError):  # never written, or by somebody else: then every file counts as its user's
            return {}
        return told if isinstance(told, dict) else {}


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
