"""What can be wrong with a dataset."""

from __future__ import annotations


class DatasetError(ValueError):
    """A row or a file that cannot be used. Its text is one line, names the field and says what to write instead."""
