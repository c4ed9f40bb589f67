"""The child: `python -m services.pdf FILE BYTES`, password on stdin; a line of JSON a page, then text or error."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path


def main() -> None:
    """Reads the file within its limits and says on stdout how it goes."""
    path, memory = Path(sys.argv[1]), int(sys.argv[2])
    password = sys.stdin.readline().rstrip("\n")
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable()  # pdfminer tells every oddity of every font
    from services.pdf.book import read_book
    from services.pdf.errors import PdfError

    def say(**told: object) -> None:
        print(json.dumps(told), flush=True)

    at = {"page": 0, "pages": 0}

    def page_read(page: int, pages: int) -> None:
        at.update(page=page, pages=pages)
        say(**at)

    try:
        text, notes = read_book(path, password, page_read)
    except PdfError as error:
        say(error=str(error))
    except (MemoryError, RecursionError):
        say(error=f"page {at['page'] + 1} of {at['pages']} needs more than {memory // 2**20} MiB of memory")
    else:
        say(text=text, notes=notes)


main()
