"""`python -m training.gguf --config x.yaml model.name=... quantization.type=q4_k_m`: a model as one GGUF file.

An adapter is merged, the model converted by llama.cpp's own converter and quantized; then llama.cpp must answer as the
model itself does, or the file is refused. Each stage's result gets its name by a rename: a run that was killed goes on
after the last whole one, and ends with the same bytes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from pydantic import Field

from training import artifacts, base, convert, fidelity, imatrix, merge, modelfile, names, progress, tensors
from training.configs import Section
from training.errors import InvalidInput, TrainingError
from training.fingerprint import fingerprint
from training.names import Names
from training.progress import Finished
from training.quantization import mixes
from training.quantization.quantize import Quantized, quantize
from training.quantization.types import FLOATS, FileType, T, file_type

_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class GgufModel(Section):
    """Which model."""

    name: str = Field("embedded/smollm2-135m", min_length=1)
    """The folder of a model or an adapter, or a name on the hub."""


class Quantization(Section):
    """How the weights are held."""

    type: str = "q4_k_m"
    """A type of llama.cpp, in any case; f16, bf16 and f32 quantize nothing."""
    threads: int | None = Field(None, ge=1)
    """Default: one for each core that is free."""


class Naming(Section):
    """What the file is called."""

    name: str | None = Field(None, pattern=_PATTERN, max_length=64)
    """Default: the last part of model.name."""
    prefix: str = Field("", pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$", max_length=64)
    """Goes before the name with a hyphen; models of command lines have `clitron`."""
    convention: Literal["seed", "gguf"] = "seed"
    """seed: `{prefix}-{name}-{type}.gguf`. gguf: `{base}-{size}-{name}-{version}-{TYPE}.gguf`."""
    version: str = Field("v1.0", pattern=r"^v\d+(\.\d+)*$")


class GgufData(Section):
    """Rows, in any shape that training takes."""

    imatrix_file: Path | None = None
    """Train rows that show which input channels matter."""
    fidelity_file: Path | None = None
    """Held-out rows that the file must answer as the model does."""


class Fidelity(Section):
    """When the file counts as the model it was made from."""

    threshold: float = Field(0.95, ge=0, le=1)
    """Share of held-out rows answered alike; 0: nothing is compared."""
    max_new_tokens: int = Field(256, ge=1)
    max_rows: int = Field(40, ge=1)
    """Held-out rows that are compared, from the file's start."""


class GgufConfig(Section):
    """Settings of `training.gguf`."""

    model: GgufModel = GgufModel()
    output_dir: Path
    quantization: Quantization = Quantization()
    naming: Naming = Naming()
    data: GgufData = GgufData()
    fidelity: Fidelity = Fidelity()


class Unfaithful(TrainingError):
    """llama.cpp answers too differently with the file; it stays beside its final name, as `.rejected`."""

    code = "invalid"


class _Source(NamedTuple):
    folder: Path
    """Of the model or the adapter that was named."""
    base: Path
    base_name: str
    adapter: bool


def run(config: GgufConfig) -> Finished:
    """Makes `{output_dir}/{name}.gguf`, and beside it `.json` (how it was made) and `.Modelfile` (for Ollama).

    Raises:
        InvalidInput: an unknown type, one that needs an importance matrix or rows of another length; all that
            `base.resolve` refuses; before any work.
        Missing: no such model, no converter, nothing that quantizes.
        Unfaithful: the answers differ too much.
    """
    kind = file_type(config.quantization.type)
    source = _check(config, kind)
    named = names.of(
        source.base,
        source.base_name,
        name=config.naming.name or _name(config.model.name),
        prefix=config.naming.prefix,
        version=config.naming.version,
    )
    final = config.output_dir / named.file(kind, config.naming.convention)
    key = _key(config, source)
    if found := _finished(final, key):
        return Finished(config.output_dir, found)
    config.output_dir.mkdir(parents=True, exist_ok=True)
    lock = config.output_dir / f".{final.name}.lock"
    with lock.open("w") as held, artifacts.disk_full_told(config.output_dir):
        fcntl.flock(held, fcntl.LOCK_EX)  # a second run of the same waits, and takes over
        try:
            if not (found := _finished(final, key)):
                found = _make(config, kind, source, named, final, key)
        finally:
            lock.unlink(missing_ok=True)
    return Finished(config.output_dir, found)


def _check(config: GgufConfig, kind: FileType) -> _Source:
    """All that can be refused before any work is."""
    if kind.needs_imatrix and config.data.imatrix_file is None:
        raise InvalidInput(
            f"quantization.type {kind.name} is garbage without an importance matrix: name train rows as "
            "data.imatrix_file, or take a type with more bits"
        )
    for field in ("imatrix_file", "fidelity_file"):
        path: Path | None = getattr(config.data, field)
        if path and not path.is_file():
            raise InvalidInput(f"data.{field}: {path}: there is no such file")
    folder = base.resolve(config.model.name)
    adapter = base.is_adapter(folder)
    under = merge.check(config.model.name)[1] if adapter else folder
    for name, shape in tensors.read(under):
        if len(shape) == 2 and kind.base not in FLOATS:
            mixes.fitting(kind.base, shape[-1], name)
    convert.converter()
    return _Source(folder, under, base.base_name(config.model.name), adapter)


def _make(config: GgufConfig, kind: FileType, source: _Source, named: Names, final: Path, key: str) -> dict[str, Any]:
    work = final.with_name(f".{final.stem}.work")
    if not (work / key).exists():  # of other settings or other weights
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        (work / key).touch()
    outtype: Literal["f16", "bf16", "f32"] = "bf16" if kind.base == T.BF16 else "f32" if kind.base == T.F32 else "f16"
    folder = _merged(config, source, work, outtype)
    converted = _converted(folder, work, named, outtype)
    made, told = _quantized(config, kind, folder, converted, work)
    metrics: dict[str, Any] = {
        "type": kind.name,
        "file": final.name,
        "bytes": told.bytes,
        "tensor_types": told.types,
        "quantized_by": told.tool,
        "parameters": names.parameters(source.base),
    }
    if config.fidelity.threshold:
        metrics["fidelity"] = report = fidelity.compare(
            config.model.name,
            made,
            config.data.fidelity_file,
            max_rows=config.fidelity.max_rows,
            max_new_tokens=config.fidelity.max_new_tokens,
        )
        if fault := fidelity.fault(report, config.fidelity.threshold, exact=kind.base in FLOATS):
            rejected = final.with_name(f"{final.name}.rejected")
            artifacts.publish(made, rejected)
            artifacts.write_json(rejected.with_name(f"{rejected.name}.json"), metrics)
            shutil.rmtree(work)
            raise Unfaithful(f"{fault}; the file is kept as {rejected}, what was compared in {rejected.name}.json")
    _publish(config, key, folder, made, final, work, metrics)
    shutil.rmtree(work)
    return metrics


def _merged(config: GgufConfig, source: _Source, work: Path, outtype: str) -> Path:
    """The folder of a whole model: the adapter merged where there is one, rounded once, to what is converted."""
    if not source.adapter:
        return source.folder
    folder = work / "merged"
    if not folder.exists():
        part = work / "merged.part"
        shutil.rmtree(part, ignore_errors=True)
        dtype = {"f16": "float16", "bf16": "bfloat16", "f32": "float32"}[outtype]
        merge.merge(config.model.name, part, dtype=dtype)
        artifacts.publish(part, folder)
    return folder


def _converted(folder: Path, work: Path, named: Names, outtype: Literal["f16", "bf16", "f32"]) -> Path:
    target = work / f"{outtype}.gguf"
    if not target.exists():
        progress.emit("step", stage="convert", step=0, steps=1)
        part = target.with_suffix(".part")
        convert.convert(folder, part, named, outtype=outtype)
        artifacts.publish(part, target)
    progress.emit("step", stage="convert", step=1, steps=1)
    return target


def _quantized(config: GgufConfig, kind: FileType, folder: Path, converted: Path, work: Path) -> tuple[Path, Quantized]:
    if kind.base in FLOATS:
        return converted, Quantized({kind.name: 1}, converted.stat().st_size, "convert_hf_to_gguf")
    importance = work / "imatrix.gguf" if config.data.imatrix_file else None
    if importance and config.data.imatrix_file and not importance.exists():
        part = importance.with_suffix(".part")
        imatrix.write(folder, config.data.imatrix_file, converted, part)
        artifacts.publish(part, importance)

    def told(done: int, of: int) -> None:
        if done % 10 == 0:
            progress.emit("step", stage="quantize", step=done, steps=of)

    part, target = work / "quantized.part", work / "quantized.gguf"
    made = quantize(converted, part, kind, imatrix=importance, threads=config.quantization.threads, progress=told)
    artifacts.publish(part, target)
    return target, made


def _publish(
    config: GgufConfig, key: str, folder: Path, made: Path, final: Path, work: Path, metrics: dict[str, Any]
) -> None:
    """What describes the file first, the file last: once it has its name, all is there."""
    written = work / "Modelfile"
    written.write_text(modelfile.modelfile(folder, final.name), encoding="utf-8")
    about = work / "manifest.json"
    artifacts.write_json(
        about,
        {
            "program": "gguf",
            "key": key,
            "config": config.model_dump(mode="json"),
            "dataset_sha256": artifacts.dataset_sha256([config.data.imatrix_file, config.data.fidelity_file]),
            "versions": artifacts.versions(),
            "git_revision": artifacts.git_revision(),
            "metrics": metrics,
            "files": {final.name: artifacts.sha256(made), f"{final.stem}.Modelfile": artifacts.sha256(written)},
        },
    )
    importance = work / "imatrix.gguf"
    if importance.exists():
        artifacts.publish(importance, final.with_suffix(".imatrix"))
    artifacts.publish(written, final.with_suffix(".Modelfile"))
    artifacts.publish(about, final.with_suffix(".json"))
    final.with_name(f"{final.name}.rejected").unlink(missing_ok=True)
    final.with_name(f"{final.name}.rejected.json").unlink(missing_ok=True)
    artifacts.publish(made, final)


def _finished(final: Path, key: str) -> dict[str, Any] | None:
    """The figures of a file that these settings made of these weights before, if it is still that file."""
    try:
        held = json.loads(final.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none, or cut off: it is made anew
        return None
    if not isinstance(held, dict) or held.get("key") != key or not final.exists():
        return None
    if held.get("files", {}).get(final.name) != artifacts.sha256(final):
        return None
    metrics = held.get("metrics")
    return metrics if isinstance(metrics, dict) else None


def _key(config: GgufConfig, source: _Source) -> str:
    """A hash of all that the result depends on."""
    data = artifacts.dataset_sha256([config.data.imatrix_file, config.data.fidelity_file])
    weights = [fingerprint(source.folder), fingerprint(source.base)]
    settings = config.model_dump(mode="json", exclude={"output_dir": True, "quantization": {"threads"}, "data": True})
    held = json.dumps([settings, data, weights, str(convert.converter().path)], sort_keys=True)
    return hashlib.sha256(held.encode()).hexdigest()


def _name(model: str) -> str:
    last = "".join(c if c.isalnum() or c in "._-" else "-" for c in os.path.basename(model.rstrip("/")))
    return last.strip("-.") or "model"


if __name__ == "__main__":
    sys.exit(progress.main("gguf", GgufConfig, run, sys.argv[1:]))
