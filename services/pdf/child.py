"""Reads a PDF in a child process: a hostile or broken file may cost memory and time, but only the child's."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from services.pdf.errors import PdfError

MEMORY: Final = 2 * 2**30
"""Bytes of address space that the child may take; a 1,500-page book takes less than a quarter."""
PAGE_SECONDS: Final = 120.0
"""Longest wait for the next page; a dense page takes a second."""


class Extracted(NamedTuple):
    """A PDF's text: paragraphs in one line each, apart by blank lines. `notes`: what its reader should know."""

    text: str
    pages: int
    notes: list[str]


def extract(
    path: Path,
    password: str = "",
    page_read: Callable[[int, int], object] | None = None,
    *,
    memory: int = MEMORY,
    page_seconds: float = PAGE_SECONDS,
) -> Extracted:
    """The text of a PDF; `page_read` hears the number of each page read, and how many there are. Raises PdfError."""
    if not path.is_file():
        raise PdfError(f"{path}: {'is no file' if path.exists() else 'there is no such file'}")
    if path.stat().st_size == 0:
        raise PdfError(f"{path}: the file is empty (0 bytes)")
    command = [sys.executable, "-m", "services.pdf", str(path.resolve()), str(memory)]
    home = Path(__file__).resolve().parents[2]  # also where the services are run from a checkout of another folder
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=home
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        watch = _Watch(child, page_seconds)
        errors: list[bytes] = []
        reader = threading.Thread(target=lambda pipe: errors.append(pipe.read()), args=[child.stderr], daemon=True)
        reader.start()
        child.stdin.write(password.encode() + b"\n")  # not an argument: those can be seen by everybody
        child.stdin.close()
        page, pages, ending = 0, 0, dict[str, object]()
        for line in child.stdout:
            watch.alive()
            told = json.loads(line)
            if "page" in told:
                page, pages = told["page"], told["pages"]
                if page_read:
                    page_read(page, pages)
            else:
                ending = told
        child.wait()
        watch.stop()
        reader.join()
    if "error" in ending:
        raise PdfError(f"{path}: {ending['error']}")
    if "text" in ending:
        return Extracted(str(ending["text"]), pages, list(map(str, ending["notes"])))  # type: ignore[call-overload]
    where = f"page {page + 1} of {pages}" if pages else "the first page"
    if watch.barked:
        raise PdfError(f"{path}: {where} took longer than {page_seconds:.0f} s")
    last = errors[0].decode(errors="replace").strip().rpartition("\n")[2]
    raise PdfError(f"{path}: reading stopped at {where} (exit code {child.returncode}{': ' + last if last else ''})")


class _Watch:
    """Kills the child when it has been silent for too long."""

    def __init__(self, child: subprocess.Popen[bytes], seconds: float) -> None:
        self._child, self._seconds = child, seconds
        self.barked = False
        self._timer = self._start()

    def alive(self) -> None:
        """Starts the wait anew."""
        self._timer.cancel()
        self._timer = self._start()

    def stop(self) -> None:
        """No more waiting."""
        self._timer.cancel()

    def _start(self) -> threading.Timer:
        timer = threading.Timer(self._seconds, self._bark)
        timer.daemon = True
        timer.start()
        return timer

    def _bark(self) -> None:
        self.barked = True
        self._child.kill()
