"""The model card: README.md of an output folder, in the form that the hub reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from training import artifacts, configs
from training.configs import DpoConfig, SftConfig

_FIGURES: Final = {
    "train_loss_first": "training loss, first step",
    "train_loss": "training loss, last step",
    "eval_loss": "validation loss",
    "perplexity": "validation perplexity",
    "reward_margin": "reward margin, last step",
    "reward_accuracy": "reward accuracy, last step",
    "logps_chosen_first": "log-probability of the chosen answers, first step",
    "logps_chosen": "log-probability of the chosen answers, last step",
    "steps": "optimizer steps",
    "rows": "rows",
    "tokens": "tokens, an epoch",
    "tokens_trained": "tokens in the loss, an epoch",
    "train_seconds": "seconds",
    "tokens_per_second": "tokens a second",
    "peak_memory_bytes": "peak memory, bytes",
    "device": "device",
    "precision": "computed in",
    "trainable_parameters": "trained parameters",
    "parameters": "all parameters",
}


def write(
    path: Path,
    config: SftConfig | DpoConfig,
    program: str,
    dataset_sha256: str,
    metrics: Mapping[str, Any],
    *,
    base_name: str,
    adapter: bool,
) -> None:
    """Writes the card: what was trained on what, with which settings, what came out, and whose licence holds."""
    method = {"sft": "supervised fine-tuning", "dpo": "direct preference optimization"}[program]
    front: dict[str, Any] = {"base_model": base_name, "tags": [program, "teachback", *(["lora"] if adapter else [])]}
    front |= {"library_name": "peft"} if adapter else {"library_name": "transformers"}
    front["pipeline_tag"] = "text-generation"
    rows = [
        f"| {label} | {_told(metrics[name])} |" for name, label in _FIGURES.items() if metrics.get(name) is not None
    ]
    what = f"A LoRA adapter for `{base_name}`" if adapter else f"All weights of `{base_name}`, trained further"
    starts = f", going on from `{config.model.name}`" if config.model.name != base_name else ""
    versions = ", ".join(f"{name} {version}" for name, version in artifacts.versions().items())
    text = f"""---
{yaml.safe_dump(front, sort_keys=False).strip()}
---

# {config.training.output_dir.resolve().name}

{what}, by {method}{starts}.

![Loss](loss.png)

| | |
|---|---|
{chr(10).join(rows)}

## Data

SHA-256 of the rows: `{dataset_sha256}`. Only the answers and the token that ends them are learnt; `proof.txt` shows a
row as the trainer saw it, with what was in the loss.

## Use

{_use(base_name, adapter=adapter)}

## How it was made

`python -m training.{program} --config config.yaml`, with this config.yaml:

```yaml
{configs.dump(config).strip()}
```

Versions: {versions}. Code revision: {artifacts.git_revision() or "not known"}.

## Licence

The licence of `{base_name}` holds for these weights too, and so may that of the rows: read both before you pass
them on.
"""
    path.write_text(text, encoding="utf-8")


def _use(base_name: str, *, adapter: bool) -> str:
    if not adapter:
        return "A folder of transformers: `AutoModelForCausalLM.from_pretrained(folder)`, and its tokenizer beside it."
    where = f'"{base_name}"'
    if base_name.startswith("embedded/"):
        where = "base  # the folder that `python -m training.base` prints"
    return f"""```python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained({where}), folder)
tokenizer = AutoTokenizer.from_pretrained(folder)
```

`python -m training.merge` makes one model of both, `python -m training.gguf` a file for llama.cpp."""


def _told(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
