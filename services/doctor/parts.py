"""Parts that are installed only where they are wanted: the trainer, llama.cpp's converter."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final

from services.doctor.findings import Finding, ok, problem, warning
from services.doctor.gpu import version

TRAINER: Final = ("torch", "transformers", "peft", "trl", "datasets", "accelerate", "safetensors")
_CONVERTER: Final = "convert_hf_to_gguf.py"
_INSTALL: Final = "`make install-train`, or `pip install 'teachback-server[train]'`"


def trainer() -> Finding:
    """Whether trainings can run here."""
    found = {package: version(package) for package in TRAINER}
    missing = [package for package, installed in found.items() if installed is None]
    if len(missing) == len(found):
        return ok("trainer", f"not installed; only train, quantize and evaluate need it: {_INSTALL}")
    if missing:
        return warning("trainer", f"only a part is installed: no {', '.join(missing)}", _INSTALL)
    told = ", ".join(f"{package} {installed}" for package, installed in list(found.items())[:4])
    return ok("trainer", told)


def converter() -> Finding:
    """Whether llama.cpp's converter is where training/convert.py looks for it."""
    if folder := os.environ.get("LLAMA_CPP_DIR"):
        script = Path(folder, _CONVERTER)
        if script.is_file():
            return ok("converter", str(script))
        return problem("converter", f"LLAMA_CPP_DIR={folder}: there is no {_CONVERTER}", "name the folder of llama.cpp")
    if found := shutil.which(_CONVERTER):
        return ok("converter", found)
    script = Path(sys.prefix, "converter", _CONVERTER)
    if script.is_file():
        return ok("converter", str(script))
    return ok("converter", f"no {_CONVERTER}; only quantize and pipeline need it: {_INSTALL}, or set LLAMA_CPP_DIR")
