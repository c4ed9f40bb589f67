"""Asks llama.cpp itself: writes truth.json, the SHA-256 of what its quantizer makes of each synthetic model.

Made once, and again when llama.cpp's rules change, in an environment of its own, since llama.cpp is compiled for it:

    python -m venv /tmp/truth
    CMAKE_ARGS="-DLLAVA_BUILD=OFF -DGGML_NATIVE=OFF -DLLAMA_OPENSSL=OFF" \
        /tmp/truth/bin/pip install llama-cpp-python==0.3.36 gguf
    PYTHONPATH=. /tmp/truth/bin/python tests/training/gguf/make_truth.py [MODEL.gguf TYPE ...]

With a model and types it prints the hashes of that model's files instead.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import llama_cpp  # type: ignore[import-not-found]  # compiled where it is asked, never here

from tests.training.gguf import synthetic
from training.quantization.types import FILE_TYPES, FileType

FLOATS = ctypes.POINTER(ctypes.c_float)


def quantize(source: Path, target: Path, kind: FileType, weights: dict[str, Any] | None) -> bool:
    """By llama.cpp, on one thread; False where it refuses. As llama-quantize does, it notes the importance matrix."""
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.nthread = kind.number, 1
    if weights:
        params.imatrix = (llama_cpp.llama_model_imatrix_data * (len(weights) + 1))(
            *((name.encode(), values.ctypes.data_as(FLOATS), values.size) for name, values in weights.items())
        )
        notes = (llama_cpp.llama_model_kv_override * 4)()
        notes[0].key, notes[0].tag = b"quantize.imatrix.file", llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR
        notes[0].value.val_str = b"imatrix.gguf"
        notes[1].key, notes[1].tag = b"quantize.imatrix.dataset", llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR
        notes[1].value.val_str = b"rows.jsonl"
        notes[2].key, notes[2].tag = b"quantize.imatrix.entries_count", llama_cpp.LLAMA_KV_OVERRIDE_TYPE_INT
        notes[2].value.val_i64 = len(weights)
        params.kv_overrides = notes
    return bool(llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(params)) == 0)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if len(sys.argv) > 1:
            for name in sys.argv[2:]:
                quantize(Path(sys.argv[1]), folder / "out.gguf", FILE_TYPES[name], None)
                print(name, hashlib.sha256((folder / "out.gguf").read_bytes()).hexdigest(), flush=True)
            return
        truth: dict[str, dict[str, str | None]] = {}
        for title, shape in synthetic.SHAPES.items():
            synthetic.write(folder / "in.gguf", shape)
            for weighed in (False, True):
                made = truth[f"{title}, imatrix" if weighed else title] = {}
                weights = synthetic.importance(shape) if weighed else None
                for kind in FILE_TYPES.values():
                    target = folder / "out.gguf"
                    target.unlink(missing_ok=True)
                    whole = quantize(folder / "in.gguf", target, kind, weights)
                    made[kind.name] = hashlib.sha256(target.read_bytes()).hexdigest() if whole else None
                    print(title, weighed, kind.name, made[kind.name], file=sys.stderr, flush=True)
    (Path(__file__).parent / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


if __name__ == "__main__":
    main()
