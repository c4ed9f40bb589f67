"""The personas: who may answer, in which voice, under which system message."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

FOLDER: Final = Path(__file__).resolve().parents[3] / "agents" / "personas"
MOST: Final = 500

Said = Annotated[str, Field(min_length=1, max_length=2000)]


class Persona(BaseModel):
    """One voice. The file's own comment in docs/personas.md tells each field's use."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w-]{0,63}$")]
    category: Annotated[str, Field(pattern=r"^[\w -]{1,64}$")]
    system: Annotated[str, Field(min_length=20, max_length=4000)]
    """The system message of every example in this voice, and what its writer is shown."""
    voice: Said
    """How it speaks, for the one who writes it and the one who rates it."""
    images: tuple[Said, ...] = ()
    """Words it thinks in."""
    openings: tuple[Said, ...] = ()
    turns: tuple[Said, ...] = ()
    closings: tuple[Said, ...] = ()
    """Sentences in its manner: how it begins, what it comes round to, how it ends."""


@cache
def packaged() -> tuple[Persona, ...]:
    """The personas of agents/personas, by category as they stand in docs/personas.md, then by name."""
    return read_personas("\n---\n".join(p.read_text(encoding="utf-8") for p in sorted(FOLDER.glob("*.yaml"))))


def read_personas(text: str) -> tuple[Persona, ...]:
    """Personas from YAML: documents one after another, or a list. Raises ValueError, naming persona and field."""
    try:
        found = [row for part in yaml.load_all(text, _PlainLoader) for row in _rows(part)]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ValueError(f"the personas are no YAML that can be read: {' '.join(str(error).split())}") from None
    if not found:
        raise ValueError("no persona is given")
    if len(found) > MOST:
        raise ValueError(f"{len(found)} personas are given; {MOST} are the most")
    personas = tuple(_persona(number, row) for number, row in enumerate(found, start=1))
    names = [p.name for p in personas]
    if twice := next((n for n in names if names.count(n) > 1), ""):
        raise ValueError(f"two personas are named {twice!r}")
    return personas


class _PlainLoader(yaml.SafeLoader):
    """Without aliases: a few lines of them grow into gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("aliases (*name) are not read here; write the text out")
        return super().compose_node(parent, index)


def _rows(part: Any) -> list[Any]:
    return part if isinstance(part, list) else [] if part is None else [part]


def _persona(number: int, row: Any) -> Persona:
    who = row.get("name", f"number {number}") if isinstance(row, dict) else f"number {number}"
    try:
        return Persona.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the whole"
        raise ValueError(f"persona {who}: {field}: {first['msg']}") from None
