"""Every PDF that other people made and that is at hand: its text, or why there is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.pdf import PdfError, extract

FOLDER = Path(__file__).parents[3] / "shared/data/pdf"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="extra data: other people's PDFs are not here")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("empty", "empty"),
        ("grayscale-image", "only images"),
        ("malformed-from-issue-932", "only images on its 1 page"),
        ("password-example", "encrypted"),
    ],
)
def test_no_text(name: str, said: str) -> None:
    with pytest.raises(PdfError, match=f"{name}.pdf: .*{said}"):
        extract(FOLDER / f"{name}.pdf")


@pytest.mark.parametrize(
    ("name", "pages", "holds"),
    [
        ("pdflatex-4-pages", 4, "Hello, here is some text without a meaning. This text should show what"),
        ("multicolumn", 3, "Donec nonummy pellentesque ante. Phasellus adipiscing"),
        ("scotus-transcript-p1", 1, "came on for oral argument before the Supreme Court"),
        ("crazyones", 1, "they have no respect for the status quo. You can quote them, disagree"),
        ("issue-33-lorem-ipsum", 2, "Ipsum labore ut consectetur."),
        ("Seige_of_Vicksburg_Sample_OCR", 6, "it became too conspicuous and dangerous for use."),
    ],
)
def test_text(name: str, pages: int, holds: str) -> None:
    found = extract(FOLDER / f"{name}.pdf")
    assert found.pages == pages
    assert holds in found.text
    assert not re.search(r"^(?:\W*\d{1,3}\W*|.*SIEGE OF VICKSB.*)$", found.text, re.M), "a page number or running head"
    # A caption stands between the halves of one word of the scan.
    assert len(re.findall(r"[a-z]-\n", found.text)) <= name.startswith("Seige")
    assert max(map(len, re.findall(r"\w+", found.text))) < 25, "words are glued"


def test_the_password_that_its_makers_tell() -> None:
    assert "Backup4all" in extract(FOLDER / "password-example.pdf", "test").text
