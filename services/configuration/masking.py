"""What of the settings nobody may see, and what stands in its place."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, SecretStr

MASK: Final = "***"
"""As SQLAlchemy writes it in an address."""

_USER = re.compile(r"(://[^:/@?#]*):(.*)@", re.DOTALL)
"""user:password@, up to the last @: a password may hold one that nobody has escaped."""
_KEY_AS_USER = re.compile(r"^(https?://)[^:/@?#]+@")
_NAMED = re.compile(
    r"((?:^|[?&;\s])(?!sslkey)[\w.-]*(?:passw|pwd|secret|token|key|sig|credential)[\w.-]*\s*=\s*)([^&;#\s]+)", re.I
)
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


def address(text: str) -> str:
    """An address, or any other text, without the passwords and keys in it."""
    return _NAMED.sub(rf"\1{MASK}", _KEY_AS_USER.sub(rf"\1{MASK}@", _USER.sub(rf"\1:{MASK}@", text)))


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every single value of the settings with its path, as ("models", "openai/*", "timeout"), in their order."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from leaves(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from leaves(inner, (*path, str(name)))
    else:
        yield path, value


def shown(path: tuple[str, ...], value: Any) -> Any:
    """A value as it may be seen: a token as the mask, an address without its password."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if path[-1] == "api_key_env" and value and not is_variable(value):
        return MASK  # somebody has put the key itself there
    return address(value) if isinstance(value, str) else value


def is_variable(name: str) -> bool:
    """Whether this names an environment variable: one that is set, or a name as such names are written."""
    return name in os.environ or _VARIABLE.fullmatch(name) is not None


def masked(settings: BaseModel) -> str | None:
    """The first setting that holds the mask where a secret belongs, as "models.openai/*.api_base"; None as a rule."""
    for path, value in leaves(settings):
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text == MASK or (isinstance(text, str) and any(m in text for m in (f":{MASK}@", f"/{MASK}@", f"={MASK}"))):
            return ".".join(path)
    return None


def secrets(settings: BaseModel) -> set[str]:
    """Every secret in the settings: tokens, and what an address holds of passwords and keys."""
    found: set[str] = set()
    for _, value in leaves(settings):
        if isinstance(value, SecretStr):
            found.add(value.get_secret_value())
        elif isinstance(value, str):
            found.update(match[2] for match in (*_USER.finditer(value), *_NAMED.finditer(value)))
    return found - {""}
