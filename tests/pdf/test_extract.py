"""A whole PDF to text: what the printer added goes, what the author wrote stays as it was."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.pdf import PdfError, extract
from services.pdf.book import read_book
from tests.pdf.build import EM, Page, wrapped, write

MORNING = (
    "She woke before the house did and lay listening to the pipes. For a while she could not have said where she "
    "was, and it seemed to her that the not knowing was pleasant, that it held her up as water does. Then the "
    "name of the town came back, and with it the letter, and the day began."
)
EVENING = (
    "Towards evening the rain stopped. He went down to the quay without a coat and counted the lamps along it, "
    "as he had done when he was a boy, and lost count at the same one, where the wall turns to the harbour and the "
    "light of the next lamp falls on nothing."
)
NIGHT = "Nothing came of it. He had thought that something would come of it, and all night he turned that over."


def text_of(path: Path) -> str:
    """The text of a PDF, read here, for a child takes a second to start."""
    return read_book(path, "", lambda _, __: None)[0]


def test_a_book_of_pages(tmp_path: Path) -> None:
    pages = []
    body = [wrapped(text) for text in (MORNING, EVENING, NIGHT)] * 4
    lines = [line for paragraph in body for line in paragraph]
    share = -(-len(lines) // 6)
    for number in range(6):
        page = Page()
        if number % 2:
            page.put(f"{number + 41}", 60, 40, 8)
            page.put("THE HARBOUR WALL", 180, 40, 8)
        else:
            page.put("A YEAR IN THE TOWN", 180, 40, 8)
            page.put(f"{number + 41}", 400, 40, 8)
        page.put("Printed for the author", 170, 600, 7)
        page.block(lines[number * share : (number + 1) * share])
        pages.append(page)
    heard: list[tuple[int, int]] = []
    found = extract(write(tmp_path / "book.pdf", pages), page_read=lambda page, of: heard.append((page, of)))
    assert heard == [(n, 6) for n in range(1, 7)]
    assert found.text == "\n\n".join([MORNING, EVENING, NIGHT] * 4) + "\n"
    assert (found.pages, found.notes) == (6, [])


@pytest.mark.parametrize("style", ["{}", "- {} -", "Page {} of 5", "[{}]"])
@pytest.mark.parametrize("top", [40, 610])
def test_page_numbers_on_first_and_last_lines(style: str, top: float, tmp_path: Path) -> None:
    pages = [Page() for _ in range(5)]
    for number, page in enumerate(pages, 1):
        page.put(style.format(number), 220, top)
        page.block(["   1812 was a hard year, as everybody said then.", *wrapped(NIGHT), "   In town 12 were left."])
    text = text_of(write(tmp_path / "b.pdf", pages))
    assert text.count("1812 was a hard year") == text.count("12 were left") == 5
    assert not re.search(r"^\W*(Page )?\d+( of 5)?\W*$", text, re.M)


def test_roman_numbers_and_numbers_that_are_none(tmp_path: Path) -> None:
    pages = [Page() for _ in range(4)]
    for number, page in enumerate(pages):
        page.put(["iv", "v", "vi", "vii"][number], 220, 610)
        page.put(["1805", "1807", "1812", "1825"][number], 220, 60)
        page.block(wrapped(MORNING))
    text = text_of(write(tmp_path / "b.pdf", pages))
    assert re.findall(r"^\w+$", text, re.M) == ["1805", "1807", "1812", "1825"]


def test_chapter_headings_stay(tmp_path: Path) -> None:
    pages = [Page() for _ in range(6)]
    for number, page in enumerate(pages):
        page.put(f"CHAPTER {['I', 'II', 'III', 'IV', 'V', 'VI'][number]}", 200, 60)
        page.block(wrapped(MORNING))
    text = text_of(write(tmp_path / "b.pdf", pages))
    assert re.findall(r"^CHAPTER (\w+)$", text, re.M) == ["I", "II", "III", "IV", "V", "VI"]


def test_hyphens_within_and_across_pages(tmp_path: Path) -> None:
    first, second = Page(), Page()
    first.block(
        [
            "   It was a well-known house, and everybody remembered the",
            "harbour below it. She thought of it as of some well-",
            "known song, half forgotten, and for a moment she remem-",
            "bered the words. There was an Anglo-",
            "Saxon stone, and a garden in which nothing grew, and a won-",
        ]
    )
    second.block(["derful view over the water, as far as the other shore."])
    text = text_of(write(tmp_path / "b.pdf", [first, second]))
    assert text == (
        "It was a well-known house, and everybody remembered the harbour below it. She thought of it as of some "
        "well-known song, half forgotten, and for a moment she remembered the words. There was an Anglo-Saxon stone, "
        "and a garden in which nothing grew, and a wonderful view over the water, as far as the other shore.\n"
    )


def test_two_columns_under_a_title(tmp_path: Path) -> None:
    page = Page()
    page.put("ON MEMORY, AND ON WHAT IT LEAVES OUT OF THE DAY", 90, 60, 12)
    page.block(wrapped(MORNING, 32), x=40, top=110)
    page.block(wrapped(EVENING, 32), x=260, top=113)  # the baselines of the columns need not agree
    page.put("7", 235, 615)
    text = text_of(write(tmp_path / "b.pdf", [page, _columns("8"), _columns("9")]))
    assert text.startswith(f"ON MEMORY, AND ON WHAT IT LEAVES OUT OF THE DAY\n\n{MORNING}\n\n{EVENING}\n\n{MORNING}")
    assert "7" not in text


def _columns(number: str) -> Page:
    page = Page()
    page.block(wrapped(MORNING, 32), x=40, top=60)
    page.block(wrapped(EVENING, 32), x=260, top=60)
    page.put(number, 235, 615)
    return page


def test_a_table_is_read_row_by_row(tmp_path: Path) -> None:
    page = Page()
    page.block(wrapped(MORNING))
    for n in range(8):
        for column, cell in enumerate((f"Lamp {n}", f"lit at {n}", f"{n} hours")):
            page.put(cell, 60 + column * 130, 240 + n * 14)
    text = text_of(write(tmp_path / "b.pdf", [page]))
    assert re.search(r"Lamp 0 lit at 0 0 hours\s+Lamp 1 lit at 1 1 hours", text)


def test_tight_lines_keep_their_spaces(tmp_path: Path) -> None:
    page = Page()
    at = 60.0
    for word in ("here", "is", "a", "line", "whose", "spaces", "are", "narrow"):
        page.put(word, at, 100)
        at += EM * 10 * len(word) + 2.2
    assert text_of(write(tmp_path / "b.pdf", [page])) == "here is a line whose spaces are narrow\n"


def test_dialogue_and_spaced_paragraphs(tmp_path: Path) -> None:
    page = Page()
    below = page.block(
        ["   “Who is it?”", "   “Nobody,” she said, and after a while, when the steps had", "gone: “Nobody at all.”"]
    )
    page.block(
        ["Next day it was as if it had never been said by anybody,", "and they spoke of the weather."], top=below + 14
    )
    text = text_of(write(tmp_path / "b.pdf", [page]))
    assert text.split("\n\n") == [
        "“Who is it?”",
        "“Nobody,” she said, and after a while, when the steps had gone: “Nobody at all.”",
        "Next day it was as if it had never been said by anybody, and they spoke of the weather.\n",
    ]


def test_a_page_without_text_is_named_and_does_no_harm(tmp_path: Path) -> None:
    page = Page()
    page.block(wrapped(MORNING))
    found = extract(write(tmp_path / "b.pdf", [page, Page(image=True), page]))
    assert found.notes == ["no text on page 2"]
    assert found.text.count("She woke before") == 2


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_bytes(b""), r"the file is empty \(0 bytes\)"),
        (lambda path: path.write_text("PASSAGES\n" * 40), "no PDF, or broken"),
        (lambda path: write(path, [Page(image=True), Page(image=True)]), "only images on its 2 pages .* OCR"),
        (lambda path: write(path, [Page()]), "no text on any page"),
        (lambda path: path.write_bytes(write(path, [_columns("1")]).read_bytes()[:900]), "broken"),
        (lambda path: path.mkdir(), "is no file"),
        (lambda _: None, "there is no such file"),
        (lambda path: write(path, [_columns("1")], "sesame"), "is encrypted; give its password with --password"),
    ],
)
def test_files_without_text_say_so_by_name(make: object, said: str, tmp_path: Path) -> None:
    path = tmp_path / "the book.pdf"
    make(path)  # type: ignore[operator]
    with pytest.raises(PdfError, match=f"the book.pdf: .*{said}"):
        extract(path)


def test_passwords(tmp_path: Path) -> None:
    path = write(tmp_path / "locked.pdf", [_columns("1")], "sesame")
    assert MORNING in extract(path, "sesame").text
    with pytest.raises(PdfError, match=r"locked.pdf: the password is wrong"):
        extract(path, "simsim")


def test_limits_of_the_child(tmp_path: Path) -> None:
    path = write(tmp_path / "b.pdf", [_columns("1")] * 3)
    with pytest.raises(PdfError, match=r"b.pdf: .*(memory|stopped)"):
        extract(path, memory=20 * 2**20)
    with pytest.raises(PdfError, match=r"b.pdf: the first page took longer than 0 s"):
        extract(path, page_seconds=0.05)
