"""A whole PDF as text: its pages' lines, less what the printer added, as paragraphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pdfplumber
from pdfminer.pdfdocument import PDFPasswordIncorrect, PDFTextExtractionNotAllowed
from pdfplumber.utils.exceptions import PdfminerException

from services.pdf.errors import PdfError
from services.pdf.furniture import without_furniture
from services.pdf.hyphens import Vocabulary
from services.pdf.lines import PageLines, read_page
from services.pdf.paragraphs import paragraphs

_SCANT: Final = 20
"""Characters a page on average: a file with images and less than this has its text in the images."""
_UNMAPPED: Final = 0.1
"""Part of the characters without a letter from which on the text is no text."""


def read_book(path: Path, password: str, page_read: Callable[[int, int], None]) -> tuple[str, list[str]]:
    """The text of a PDF and notes on it. Raises PdfError, whose message does not name the file yet."""
    pages = _pages(path, password, page_read)
    characters, images = sum(p.characters for p in pages), sum(p.images for p in pages)
    if not characters or (images and characters < _SCANT * len(pages)):
        what = f"only images on its {len(pages)} page{'s'[: len(pages) > 1]}" if images else "no text on any page"
        raise PdfError(f"has {what} ({characters} characters); run OCR on it first, as ocrmypdf does")
    unmapped = sum(p.unmapped for p in pages)
    if unmapped > _UNMAPPED * characters:
        raise PdfError(
            f"its fonts do not tell which letters they hold ({unmapped} of {characters} characters); run OCR"
        )
    notes = []
    if bare := [str(n) for n, p in enumerate(pages, 1) if not p.lines]:
        notes.append(f"no text on page{'s'[: len(bare) > 1]} {', '.join(bare)}")
    if unmapped:
        notes.append(f"{unmapped} characters have no letter in their font and were left out")
    kept = without_furniture([p.lines for p in pages])
    vocabulary = Vocabulary(line.text for lines in kept for line in lines)
    found = list(paragraphs(kept, vocabulary))
    if not found:
        raise PdfError("has nothing but page numbers and running heads")
    return "\n\n".join(found) + "\n", notes


def _pages(path: Path, password: str, page_read: Callable[[int, int], None]) -> list[PageLines]:
    pages: list[PageLines] = []
    try:
        with pdfplumber.open(path, password=password) as pdf:
            for page in pdf.pages:
                pages.append(read_page(page))
                page.close()
                page_read(len(pages), len(pdf.pages))
    except (MemoryError, RecursionError, PdfError):
        raise
    except Exception as error:  # a broken file makes pdfminer raise whatever it likes
        raise _named(error, len(pages), password) from error
    if not pages:
        raise PdfError("is broken: it has no pages")
    return pages


def _named(error: Exception, read: int, password: str) -> PdfError:
    cause = error.args[0] if isinstance(error, PdfminerException) and error.args else error
    if isinstance(cause, PDFPasswordIncorrect):
        return PdfError("the password is wrong" if password else "is encrypted; give its password with --password")
    if isinstance(cause, PDFTextExtractionNotAllowed):
        return PdfError("its owner does not allow that text is taken from it")
    where = f"page {read + 1} cannot be read" if read else "it is no PDF, or broken"
    return PdfError(f"{where}: {str(cause) or type(cause).__name__}")
