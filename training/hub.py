"""Models from the hub: fetched once, without pickle and without code."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from training.errors import InvalidInput, Missing

_FILES: Final[dict[str, Any]] = {
    "allow_patterns": ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"],
    # The same weights once more, in their maker's own form.
    "ignore_patterns": ["consolidated*", "original/*"],
}
_SECONDS: Final = 5


def snapshot(name: str) -> Path:
    """The folder of a hub model: what is here already, else fetched. Raises Missing within seconds, never retries."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        try:
            found = Path(snapshot_download(name, **_FILES, local_files_only=True))
            if _whole(found):
                return found
        except LocalEntryNotFoundError:
            pass
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
            raise Missing(
                f"{name}: is not on this machine, and HF_HUB_OFFLINE forbids fetching it; name a folder, "
                "or fetch it where there is a network"
            )
        return Path(snapshot_download(name, **_FILES, etag_timeout=_SECONDS))
    except HFValidationError as error:
        raise Missing(f"{name}: is no folder here and no name that the hub can have: {error}") from None
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        if status in (401, 403):
            why = "does not exist on the hub, or is gated: accept its licence there and run `hf auth login`"
        elif status == 404:
            why = "is no folder here, and the hub does not know it; check the spelling"
        else:
            why = f"could not be fetched from the hub (HTTP {status})"
        raise Missing(f"{name}: {why}") from error
    except (OSError, RuntimeError, ValueError) as error:  # whatever the network does: DNS, refused, cut off
        why = type(error.__cause__ or error).__name__
        raise Missing(
            f"{name}: is not on this machine, and the hub can't be reached ({why}); name a folder, or try again with "
            "a network"
        ) from error


def refuse_remote_code(folder: Path, name: str) -> None:
    """Raises InvalidInput where a model can't be loaded without running code that comes with it."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInput(f"{name}: config.json is not JSON: {error}") from None
    if not isinstance(config, dict) or "auto_map" not in config:
        return
    from transformers import CONFIG_MAPPING

    if config.get("model_type") not in CONFIG_MAPPING:
        raise InvalidInput(
            f"{name}: needs code that comes with the model (trust_remote_code), which is never run; "
            "choose a model that transformers knows by itself"
        )


def _whole(folder: Path) -> bool:
    """Whether a cached snapshot has its configuration and every file of weights that its index names."""
    if not any((folder / file).exists() for file in ("config.json", "adapter_config.json")):
        return False
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return any(folder.glob("*.safetensors"))
    named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    return all((folder / file).exists() for file in named)
