"""What can be wrong with a PDF."""

from __future__ import annotations


class PdfError(ValueError):
    """The file's text cannot be had; the message names the file and says what can be done."""
