"""From a PDF to a checked passages.md, as its user goes."""

from __future__ import annotations

from pathlib import Path

from teachback import Client

from tests.clients.conftest import Cli, read_rows
from tests.pdf.build import Page, wrapped, write
from tests.recipes.candidates.book import INNER, book


def test_from_a_pdf_to_passages(cli: Cli, client: Client, tmp_path: Path) -> None:
    lines = [line for paragraph in book().strip().split("\n\n") for line in [*wrapped(paragraph)]]
    pages = []
    for number, start in enumerate(range(0, len(lines), 32), 1):
        page = Page()
        page.put(str(number), 220, 40)
        page.block(lines[start : start + 32])
        pages.append(page)
    write(tmp_path / "book.pdf", pages)

    extracted = cli("passages", "extract", "book.pdf", "-o", "book.txt")
    assert extracted.returncode == 0, extracted.stderr
    assert f"page {len(pages)} of {len(pages)}" in extracted.stderr
    text = (tmp_path / "book.txt").read_text()
    assert all(inner in text for inner in INNER)

    assert "is a PDF" in cli("passages", "propose", "book.pdf").stderr
    proposed = cli("passages", "propose", "book.txt", "--count", "6", "-o", "passages.md")
    assert proposed.returncode == 0, proposed.stderr
    passages = tmp_path / "passages.md"
    assert passages.read_text().count("## PASSAGE") == 6
    kept = passages.read_bytes()
    refused = cli("passages", "propose", "book.txt", "--count", "6", "-o", "passages.md")
    assert (refused.returncode, "--force" in refused.stderr) == (2, True), "an edited file is not written over"
    assert cli("passages", "propose", "book.txt", "--count", "6", "-o", "passages.md", "--force").returncode == 0
    assert passages.read_bytes() == kept

    checked = cli("passages", "check", "passages.md", "--source", "book.txt")
    assert (checked.returncode, "6 passages can be used" in checked.stderr) == (0, True)
    passages.write_text(passages.read_text().replace("Martha woke", "Martha awoke"))
    wrong = cli("passages", "check", "passages.md", "--source", "book.txt")
    assert wrong.returncode == 2
    assert "passages.md:7: the quote leaves the source" in wrong.stderr
    assert cli("passages", "check", "passages.md").returncode == 0, "without the source nothing is known to be wrong"

    made = cli("generate", "passages", "--source", "book.txt", "--templates", "1", "-o", "raw.jsonl")
    assert made.returncode == 0, made.stderr
    assert "passages.md:7: the quote leaves the source" in made.stderr
    assert len(read_rows(tmp_path / "raw.jsonl")) == 5

    dataset = client.upload([tmp_path / "book.txt", passages], kind="passages")
    assert (dataset.item_count, dataset.bad_row_count) == (5, 1)
    assert client.upload([passages], kind="passages").item_count == 6


def test_a_book_in_which_nothing_is_felt(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("The clerk sold nine barrels and went home at six.\n\n" * 40)
    found = cli("passages", "propose", "book.txt", "--count", "2")
    assert found.returncode == 1
    assert "gave no passage" in found.stderr
    assert not (tmp_path / "passages.md").exists()


def test_templates(cli: Cli) -> None:
    printed = cli("passages", "templates").stdout
    assert printed.count("\n## TEMPLATE") == 5
    assert "[PASTE_PASSAGE]" in printed


def test_a_pdf_without_text(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "scan.pdf", [Page(image=True)])
    found = cli("passages", "extract", "scan.pdf", "-o", "scan.txt")
    assert (found.returncode, "scan.pdf: has only images" in found.stderr) == (2, True)
    assert not (tmp_path / "scan.txt").exists()
    write(tmp_path / "locked.pdf", [Page(lines=[(60, 60, 10, "Nobody at home.")])], "sesame")
    assert "--password" in cli("passages", "extract", "locked.pdf", "-o", "locked.txt").stderr
    assert cli("passages", "extract", "locked.pdf", "-o", "locked.txt", "--password", "sesame").returncode == 0
    assert (tmp_path / "locked.txt").read_text() == "Nobody at home.\n"
