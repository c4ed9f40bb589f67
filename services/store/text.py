"""Text that any database takes."""

from __future__ import annotations


def storable(text: str) -> str:
    """The text without what can't be stored. A model may say anything; PostgreSQL stores no NUL, and no database a lone
    surrogate."""
    return text if text.isascii() and "\0" not in text else text.replace("\0", "").encode(errors="replace").decode()
