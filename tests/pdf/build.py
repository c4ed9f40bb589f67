"""Writes small PDFs by hand: lines of Courier at given places, an image, a password."""

from __future__ import annotations

import hashlib
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

WIDTH, HEIGHT = 480, 640
EM = 0.6
"""Width of each of Courier's characters, in font sizes."""
_PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


@dataclass
class Page:
    """A page to be: `lines` are (x, distance from the top, size, text)."""

    lines: list[tuple[float, float, float, str]] = field(default_factory=list)
    image: bool = False

    def put(self, text: str, x: float, top: float, size: float = 10) -> None:
        """One line of text."""
        self.lines.append((x, top, size, text))

    def block(self, lines: list[str], x: float = 60, top: float = 100, leading: float = 14) -> float:
        """Lines below each other; returns where the next one would stand."""
        for number, line in enumerate(lines):
            self.put(line.lstrip(" "), x + EM * 10 * (len(line) - len(line.lstrip(" "))), top + number * leading)
        return top + len(lines) * leading


def wrapped(text: str, columns: int = 60, indent: str = "   ") -> list[str]:
    """A paragraph as its lines, the first one indented."""
    return textwrap.wrap(text, columns, initial_indent=indent, break_on_hyphens=False)


def write(path: Path, pages: list[Page], password: str = "") -> Path:
    """The PDF, encrypted (RC4, 40 bits) where a password is given."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b""]
    objects[2] = b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>"
    image = b"\xff"
    objects.append(
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>"
        b"\nstream\n" + image + b"\nendstream"
    )
    lock = _Lock(password) if password else None
    kids = []
    for page in pages:
        number = len(objects) + 1
        kids.append(f"{number} 0 R")
        said = b"".join(
            f"BT /F1 {size} Tf 1 0 0 1 {x:.2f} {HEIGHT - top:.2f} Tm (".encode() + _escaped(text) + b") Tj ET\n"
            for x, top, size, text in page.lines
        )
        said += b"q 300 0 0 400 60 60 cm /I1 Do Q\n" if page.image else b""
        said = lock.shut(said, number + 1) if lock else said
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents {number + 1} 0 R "
            "/Resources << /Font << /F1 3 0 R >> /XObject << /I1 4 0 R >> >> >>".encode()
        )
        objects.append(f"<< /Length {len(said)} >>\nstream\n".encode() + said + b"\nendstream")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    locked = lock.entry() if lock else b""
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R ".encode() + locked + b">>\n"
    path.write_bytes(out + f"startxref\n{start}\n%%EOF\n".encode())
    return path


def _escaped(text: str) -> bytes:
    said = text.encode("cp1252")
    return said.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


class _Lock:
    """The standard security handler in its oldest form."""

    _ID = b"0123456789abcdef"

    def __init__(self, password: str) -> None:
        user = (password.encode() + _PAD)[:32]
        self._owner = _rc4(_md5(user)[:5], user)
        self._key = _md5(user + self._owner + (0xFFFFFFFC).to_bytes(4, "little") + self._ID)[:5]

    def shut(self, data: bytes, number: int) -> bytes:
        """A stream of object `number`, encrypted."""
        return _rc4(_md5(self._key + number.to_bytes(3, "little") + b"\0\0")[:10], data)

    def entry(self) -> bytes:
        """What the trailer says of it."""
        told = {"O": self._owner, "U": _rc4(self._key, _PAD)}
        values = " ".join(f"/{name} <{value.hex()}>" for name, value in told.items())
        lock = f"/Encrypt << /Filter /Standard /V 1 /R 2 {values} /P -4 >> "
        return f"/ID [<{self._ID.hex()}> <{self._ID.hex()}>] {lock}".encode()


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _rc4(key: bytes, data: bytes) -> bytes:
    box = list(range(256))
    j = 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    i = j = 0
    out = bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)
