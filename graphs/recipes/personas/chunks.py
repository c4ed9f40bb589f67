"""A text chunk as filters write it, in both spellings of its fields."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

LONGEST: Final = 20_000
"""Characters of a chunk: some ten book pages, and more than a prompt should hold."""
_FIELDS: Final = {"id": "chunk_id", "source_id": "work_id", "source_title": "work_title"}


class Chunk(BaseModel):
    """One piece of a source, and where it comes from. No field of its provenance is ever empty."""

    model_config = ConfigDict(frozen=True)

    id: int | str
    text: str
    source_id: int | str
    source_title: str
    keyword_counts: dict[str, int] = Field(default_factory=dict)
    """Theme -> how many of its words a filter counted; the theme "total" is their sum."""
    themes: list[str] = Field(default_factory=list)
    keywords: list[str] = Field(default_factory=list)


def read_chunk(raw: str) -> Chunk:
    """The chunk in one JSON object.

    `chunk_id`, `work_id` and `work_title` are read as `id`, `source_id` and `source_title`. A source named by one of
    its two fields alone is named by it in both. Raises ValueError, naming the field.
    """
    try:
        row = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the chunk is no JSON that can be read: {error}") from None
    if not isinstance(row, dict):
        raise ValueError("the chunk is no JSON object")
    source_id, title = _named(row, "source_id"), _named(row, "source_title")
    if source_id is None and title is None:
        raise ValueError("the chunk has no source_id (work_id) and no source_title (work_title)")
    if (chunk_id := _named(row, "id")) is None:
        raise ValueError("the chunk has no id (chunk_id)")
    return Chunk(
        id=chunk_id,
        text=_text(row),
        source_id=source_id if source_id is not None else str(title),
        source_title=str(title if title is not None else source_id),
        keyword_counts=_counts(row),
        themes=_words(row, "themes"),
        keywords=_words(row, "keywords"),
    )


def _named(row: dict[str, Any], field: str) -> int | str | None:
    """A name or number in either spelling; None where neither says anything."""
    for spelling in (field, _FIELDS[field]):
        value = row.get(spelling)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(f"{spelling} of the chunk is neither a text nor a whole number")
        if isinstance(value, int):
            return value
        if name := _clean(spelling, value).strip():
            return name
    return None


def _text(row: dict[str, Any]) -> str:
    text = row.get("text")
    if not isinstance(text, str) or not text.strip():
        raise ValueError("text of the chunk is missing or empty")
    if len(text) > LONGEST:
        raise ValueError(f"text of the chunk has {len(text)} characters; split it, {LONGEST} are the most")
    return _clean("text", text)


def _counts(row: dict[str, Any]) -> dict[str, int]:
    counts = row.get("keyword_counts") or {}
    if not isinstance(counts, dict) or any(isinstance(v, bool) or not isinstance(v, int) for v in counts.values()):
        raise ValueError("keyword_counts of the chunk is no object of whole numbers")
    return {_clean("keyword_counts", theme): count for theme, count in counts.items()}


def _words(row: dict[str, Any], field: str) -> list[str]:
    words = row.get(field) or []
    if not isinstance(words, list) or any(not isinstance(w, str) for w in words):
        raise ValueError(f"{field} of the chunk is no list of words")
    return [clean for w in words if (clean := " ".join(_clean(field, w).split()))]


def _clean(field: str, text: str) -> str:
    """The text, where it can be kept and shown anywhere."""
    if "\0" in text:
        raise ValueError(f"{field} of the chunk holds a NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{field} of the chunk holds half a character (a lone surrogate)") from None
    return text
