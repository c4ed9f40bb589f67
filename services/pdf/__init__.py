"""PDF to text: what `teachback passages extract` runs. The reading itself happens in a child process with limits."""

from services.pdf.child import Extracted, extract
from services.pdf.errors import PdfError

__all__ = ["Extracted", "PdfError", "extract"]
