"""`teachback config show`: every setting, its value, where that came from; secrets masked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from services.configuration import masking
from services.configuration.origins import Origins
from services.settings import Settings

Form = Literal["table", "json", "yaml"]
_UNTOLD: Final = "default: "
"""What the description of a setting without a value says before it tells what holds then."""


def show(flags: Mapping[str, Any], form: Form) -> str:
    """The settings as a service started now with these flags would have them, None being no flag.

    As JSON or YAML they can be the file again: values that were masked are refused there until they are filled in or
    set in the environment. Raises ValueError, as `Settings` does, where they can't be.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    settings = Settings(**given)
    if form == "json":
        return json.dumps(document(settings), indent=2, ensure_ascii=False) + "\n"
    origins = Origins(given)
    return _yaml(settings, origins) if form == "yaml" else _table(settings, origins)


def document(settings: Settings) -> dict[str, Any]:
    """The settings as the file would say them, secrets masked."""
    told: dict[str, Any] = {}
    for path, value in masking.leaves(settings):
        inner = told
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        seen = masking.shown(path, value)
        inner[path[-1]] = str(seen) if isinstance(seen, Path) else seen
    return told


def _table(settings: Settings, origins: Origins) -> str:
    rows = [("setting", "value", "from")]
    for path, value in masking.leaves(settings):
        rows.append((".".join(path), _cell(path, masking.shown(path, value)), origins.of(path)))
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "".join(f"{name:{wide[0]}}  {value:{wide[1]}}  {source}\n" for name, value, source in rows)


def _cell(path: tuple[str, ...], value: Any) -> str:
    if value is None:
        description = Settings.model_fields[path[0]].description or "" if len(path) == 1 else ""
        _, said, untold = description.partition(_UNTOLD)
        return f"({untold})" if said else "-"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value not in ("", {}) else "-"


def _yaml(settings: Settings, origins: Origins) -> str:
    """One block a setting, where it came from as a comment before it."""
    blocks = []
    for name, value in document(settings).items():
        parts = [path for path, _ in masking.leaves(getattr(settings, name), (name,))]
        sources = " and ".join(dict.fromkeys(origins.of(path) for path in parts if origins.of(path) != "default"))
        body = yaml.safe_dump({name: value}, sort_keys=False, allow_unicode=True, width=10**9)
        blocks.append(f"# {sources or 'default'}\n{body}")
    return "".join(blocks)
