"""The models that are trained and measured: where a name leads, and how it is loaded.

Weights are safetensors or refused, and no code that comes with a model is run.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from training import embedded, hub, templates
from training.errors import InvalidInput, Missing, OutOfResource
from training.fingerprint import fingerprint, recorded

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ADAPTER: Final = "adapter_config.json"
ADAPTER_WEIGHTS: Final = "adapter_model.safetensors"


class Loaded(NamedTuple):
    """A model that is ready for use, its tokenizer, and the base model's folder."""

    model: PreTrainedModel | PeftModel
    tokenizer: PreTrainedTokenizerBase
    base: Path


def resolve(name: str) -> Path:
    """The folder of a model or adapter: "embedded/smollm2-135m" (made on first use), a path, or a name on the hub.

    Of the hub only configuration, tokenizer and safetensors files are fetched, and nothing where they are here already.

    Raises:
        Missing: no such folder, the hub doesn't know it, or can't be reached.
        InvalidInput: the folder holds no model that may be loaded (pickle weights, code of its own).
    """
    if name == embedded.NAME:
        return embedded.folder()
    path = Path(name).expanduser()
    if not path.is_dir():
        if name.startswith((".", "/", "~")) or name.count("/") != 1 or path.exists():
            raise Missing(f"{name}: there is no such folder; name the folder of a model or an adapter")
        path = hub.snapshot(name)
    _check(path, name)
    return path


def base_name(name: str) -> str:
    """The name of the base model under a model: an adapter's own word, else the name itself. Raises as `resolve`."""
    import json

    config = resolve(name) / ADAPTER
    if not config.exists():
        return name
    try:
        under = json.loads(config.read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (ValueError, KeyError, TypeError):
        under = None
    if not isinstance(under, str) or not under:
        raise InvalidInput(f"{config}: does not name its base model (base_model_name_or_path)")
    return under


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and not a whole model."""
    return (folder / ADAPTER).exists()


def device() -> str:
    """What this machine computes on: "cuda", "mps" or "cpu"."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def bfloat16(on: str) -> bool:
    """Whether a device is made for bfloat16. Training with it takes less than half as long on a processor that is."""
    import torch

    if on == "cpu":
        able = torch.cpu.get_capabilities()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16"))  # others have it too, slower than float32
    return on == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def check_four_bit(on: str) -> None:
    """Raises InvalidInput where 4-bit weights can't be trained."""
    if on != "cuda":
        raise InvalidInput(
            f"model.load_in_4bit: needs a CUDA GPU, and this machine computes on {on}: gradients through 4-bit "
            "weights are not reliable there; leave it out"
        )


def load(
    name_or_path: str | Path, *, trainable: bool = False, four_bit: bool = False, device: str | None = None
) -> Loaded:
    """A model or an adapter on its base, with its tokenizer.

    Args:
        name_or_path: as for `resolve`.
        trainable: False for use (eval mode); True leaves an adapter's weights open for training, and holds a model
            that is trained as a whole in float32, where training with bfloat16 needs its weights.
        four_bit: hold the base in 4 bits (NF4, computing in 16 bits); CUDA alone.
        device: "cuda", "mps" or "cpu"; default: what `device()` finds.

    Raises:
        Missing, InvalidInput: as `resolve`; an adapter of another base; 4 bits without CUDA.
        OutOfResource: the device asked for is not here.
    """
    folder = resolve(str(name_or_path))
    on = device or _device()
    if four_bit:
        check_four_bit(on)
    adapter = folder if is_adapter(folder) else None
    base = resolve(base_name(str(name_or_path))) if adapter else folder
    if adapter and (held := recorded(adapter)) and held != fingerprint(base):
        raise InvalidInput(
            f"{adapter}: was trained on another base model than the one that {base} holds now; "
            "train it anew, or put that model back"
        )
    frozen = adapter is not None or not trainable
    model: Any = _base(base, str(name_or_path), on=on, four_bit=four_bit, half=frozen)
    if adapter:
        model = _adapt(model, adapter, base, trainable=trainable)
    return Loaded(model, tokenizer(adapter or base, base), base)


def tokenizer(folder: Path, otherwise: Path | None = None) -> PreTrainedTokenizerBase:
    """The tokenizer in a folder, or in the other one where that has none."""
    from transformers import AutoTokenizer

    if otherwise and not (folder / "tokenizer_config.json").exists():
        folder = otherwise
    try:
        loaded = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{folder}: has no tokenizer that can be loaded: {_first_line(error)}") from error
    if loaded.pad_token_id is None:
        loaded.pad_token = loaded.eos_token
    if isinstance(loaded.chat_template, str):
        loaded.chat_template = templates.steady(loaded.chat_template)
    return loaded


def dtype(on: str, *, half: bool) -> torch.dtype:
    """What weights are held in: 16 bits where they are frozen and on a GPU (bfloat16 if it is made for that, float16 on
    older ones), else float32."""
    import torch

    if not (half and on == "cuda"):
        return torch.float32
    return torch.bfloat16 if bfloat16(on) else torch.float16


_device = device


def _base(folder: Path, name: str, *, on: str, four_bit: bool, half: bool) -> PreTrainedModel:
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    weights = dtype(on, half=half or four_bit)
    options: dict[str, Any] = {}
    if on == "cuda":
        if not torch.cuda.is_available():
            raise OutOfResource(f"{name}: no CUDA GPU can be used here")
        alone = int(os.environ.get("WORLD_SIZE", "1")) == 1
        # One process with several GPUs spreads the layers over them; under torchrun each process has a GPU of its own.
        several = alone and torch.cuda.device_count() > 1
        options["device_map"] = "auto" if several else {"": int(os.environ.get("LOCAL_RANK", "0"))}
    elif on == "mps":
        options["device_map"] = {"": "mps"}
    if four_bit:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=weights,
        )
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=weights,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            **options,
        )
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInput(f"{name}: can't be loaded as a causal language model: {_first_line(error)}") from error
    model.eval()
    return model


def _adapt(model: PreTrainedModel, adapter: Path, base: Path, *, trainable: bool) -> PeftModel:
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            # PEFT only warns when an adapter lacks weights that the base has a place for.
            warnings.filterwarnings("error", message="Found missing adapter keys")
            return PeftModel.from_pretrained(model, adapter, is_trainable=trainable, local_files_only=True)
    except (RuntimeError, ValueError, KeyError, UserWarning) as error:
        raise InvalidInput(
            f"{adapter}: this adapter does not fit the base model in {base}; it belongs to another one: "
            f"{_first_line(error)}"
        ) from error


def _check(folder: Path, name: str) -> None:
    """Refuses what may not be loaded, before anything of it is."""
    adapter = is_adapter(folder)
    if not adapter and not (folder / "config.json").exists():
        raise InvalidInput(f"{name}: holds neither a model (config.json) nor an adapter ({ADAPTER})")
    if not (folder / ADAPTER_WEIGHTS).exists() if adapter else not any(folder.glob("*.safetensors")):
        pickled = sorted(path.name for kind in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.glob(kind))
        raise InvalidInput(
            f"{name}: holds pickle weights ({pickled[0]}), which can run code when they are loaded; "
            "convert them to safetensors first"
            if pickled
            else f"{name}: holds no weights ({ADAPTER_WEIGHTS if adapter else '*.safetensors'})"
        )
    if not adapter:
        hub.refuse_remote_code(folder, name)


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[:2]) if lines else type(error).__name__


if __name__ == "__main__":
    print(resolve(sys.argv[1] if len(sys.argv) > 1 else embedded.NAME))
