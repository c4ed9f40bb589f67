"""`python -m training.merge --config x.yaml model.name=ADAPTER output_dir=FOLDER`: adapter and base as one model.

The sum is computed in float32 and rounded once, to `dtype`. The chat template is the base model's own: one that was
changed for training (to mark what the assistant says) must not reach whoever runs the model.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from training import artifacts, base, progress, templates
from training.configs import Section
from training.errors import InvalidInput, Missing
from training.fingerprint import fingerprint
from training.progress import Finished


class MergeModel(Section):
    """Which adapter."""

    name: str = Field(min_length=1)
    """The folder of an adapter: adapter_config.json, which names the base, and adapter_model.safetensors."""


class MergeConfig(Section):
    """Settings of `training.merge`."""

    model: MergeModel
    output_dir: Path
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    """What the merged weights are held in; auto: what the base's are."""


def run(config: MergeConfig) -> Finished:
    """Makes `output_dir`: safetensors, tokenizer, stock chat template, manifest.json.

    A folder that these settings made of these weights before is taken over.

    Raises:
        Missing: no such adapter or base.
        InvalidInput: no adapter, pickle weights, an adapter of another base.
    """
    adapter, under = check(config.model.name)
    held = artifacts.dataset_sha256([adapter / base.ADAPTER, *sorted(adapter.glob("*.safetensors"))])
    source = f"{held} on {fingerprint(under)}"
    if found := artifacts.finished(config.output_dir, "merge", config, source):
        return Finished(config.output_dir, found["metrics"])
    work = artifacts.work_folder(config.output_dir)
    shutil.rmtree(work, ignore_errors=True)
    with artifacts.disk_full_told(config.output_dir):
        metrics = merge(config.model.name, work, dtype=config.dtype)
        artifacts.manifest(work, "merge", config, source, metrics)
        artifacts.publish(work, config.output_dir)
    return Finished(config.output_dir, metrics)


def check(name: str) -> tuple[Path, Path]:
    """The folders of an adapter and of its base, before anything is loaded. Raises as `run`."""
    adapter = base.resolve(name)
    if not base.is_adapter(adapter):
        raise InvalidInput(f"{name}: no adapter ({base.ADAPTER} is missing): a whole model needs no merging")
    if not (adapter / "adapter_model.safetensors").exists():
        raise InvalidInput(f"{name}: adapter_model.safetensors is missing")
    try:
        return adapter, base.resolve(base.base_name(name))
    except Missing as error:
        raise Missing(f"{name}: its base model can't be found: {error}") from error


def merge(name: str, folder: Path, *, dtype: str = "auto") -> dict[str, Any]:
    """Writes the merged model into `folder`, which is no final name; returns figures about it. Raises as `run`."""
    import torch
    from transformers import AutoConfig

    _, under = check(name)
    progress.emit("step", stage="merge", step=0, steps=2)
    loaded = base.load(name, device="cpu")  # in float32; the sum fits where the model does
    model: Any = loaded.model
    with torch.inference_mode():
        model = model.merge_and_unload(safe_merge=True)  # refuses a sum that is no number
    held = AutoConfig.from_pretrained(under, trust_remote_code=False, local_files_only=True).dtype or torch.float32
    model = model.to(held if dtype == "auto" else getattr(torch, dtype))
    progress.emit("step", stage="merge", step=1, steps=2)
    model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    templates.keep_vocabularies(under, folder)
    stock = write_stock_template(under, folder)
    progress.emit("step", stage="merge", step=2, steps=2)
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dtype": str(model.dtype).removeprefix("torch."),
        "base": base.base_name(name),
        "chat_template": stock,
    }


def write_stock_template(source: Path, folder: Path) -> str:
    """Puts the chat template of the model in `source` into `folder`, where a tokenizer lies, in place of its own: as it
    is, but for today's date (training/templates.py).

    Where `source` has none, `folder`'s own stays, without the marks of training. Returns "base", "own" or "none".
    """
    template, origin = templates.of(source), "base"
    if template is None:
        template, origin = templates.of(folder), "own"
    settings = folder / "tokenizer_config.json"
    values = json.loads(settings.read_text(encoding="utf-8"))
    if values.pop("chat_template", None) is not None:
        artifacts.write_json(settings, values)
    shutil.rmtree(folder / "additional_chat_templates", ignore_errors=True)
    (folder / "chat_template.json").unlink(missing_ok=True)
    (folder / templates.FILE).unlink(missing_ok=True)
    if template is None:
        return "none"
    (folder / templates.FILE).write_text(templates.handed_on(template), encoding="utf-8")
    return origin


if __name__ == "__main__":
    sys.exit(progress.main("merge", MergeConfig, run, sys.argv[1:]))
