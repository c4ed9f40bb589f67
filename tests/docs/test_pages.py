"""What the pages claim is compared with what the code says: the drawing, the example, the tables, the links."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from teachback.cli.app import app
from typer.core import TyperGroup

from agents.models import BARE_NAMES, ModelSettings
from graphs.enhance import build
from services.errors import TABLE
from services.settings import Settings
from tests.docs.conftest import PATIENCE, Reader
from tests.docs.pages import PAGES, ROOT, blocks, code, section, table

pytestmark = pytest.mark.timeout(PATIENCE + 60)
GOLDEN = ROOT / "tests/graphs/enhance.mmd"
README = ROOT / "README.md"


def test_the_readme_shows_the_graph_as_it_is() -> None:
    """The drawing itself is held in tests/graphs."""
    if os.environ.get("UPDATE_GOLDEN") == "1":
        drawing = build().get_graph().draw_mermaid()
        shown = re.sub(r"(?<=```mermaid\n).*?(?=```)", lambda _: drawing, README.read_text(), flags=re.DOTALL)
        README.write_text(shown)
    assert [block.text for block in blocks("mermaid")] == [GOLDEN.read_text()], "UPDATE_GOLDEN=1 renews it"


def test_the_readmes_row_is_what_comes_out(reader: Reader) -> None:
    out = reader.folder / "shown.jsonl"
    source = ROOT / "examples/qa_sample.jsonl"
    ended = reader.run("teachback", "enhance-thinking", source, out, "--student", "offline/student")
    assert ended.returncode == 0, ended.stderr
    row = json.loads(out.read_text().splitlines()[3])
    outcomes = json.loads((reader.folder / "shown.jsonl.stats.json").read_text())["outcomes"]
    told = section("README.md", "Before and after")
    first, last = row["metadata"]["thinking_iterations_detail"]
    for text in (row["metadata"]["original_thinking"], first["thinking"], first["hint"], last["thinking"]):
        assert f"| {text.replace(chr(10), '<br>')} |" in told
    assert first["critique"] in told
    assert last["thinking"] == row["metadata"]["thinking"]
    counts = [
        int(n) for n in re.findall(r"\b\d+\b(?= (?:rows there|converge|after hints|stall))", " ".join(told.split()))
    ]
    assert counts == [24, outcomes["converged_first_try"], outcomes["converged"], outcomes["stalled"]]


def test_the_number_of_example_rows_is_told_right() -> None:
    named = [ROOT / "examples" / f"{name}_sample.jsonl" for name in ("qa", "installer")]
    rows = sum(len(path.read_text().splitlines()) for path in named)
    assert set(re.findall(r"(\d+) rows of", README.read_text())) == {str(rows)}


def test_every_setting_is_told() -> None:
    rows = {code(name)[0]: default for name, default, _ in table("docs/service.md", "Settings")}
    fields = {f"TEACHBACK_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert rows.keys() == fields.keys()
    for name, field in fields.items():
        if isinstance(field.default, (str, int)):
            assert code(rows[name]) == [str(field.default)], name


def test_every_field_of_a_model_is_told() -> None:
    rows = {code(name)[0]: default for name, default, _ in table("docs/models.md", "Limits, addresses, prices")}
    assert rows.keys() == ModelSettings.model_fields.keys()
    for name, field in ModelSettings.model_fields.items():
        if field.default is not None:
            assert code(rows[name]) == [str(field.default)], name


def test_the_file_of_settings_shown_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = [block for block in blocks("yaml") if block.page == "docs/models.md"]
    (tmp_path / "teachback.yaml").write_text(shown.text)
    monkeypatch.setenv("TEACHBACK_CONFIG", str(tmp_path / "teachback.yaml"))
    settings = Settings()
    assert settings.teacher == "openai/gpt-4o"
    assert settings.models["openai/ours-*"].input_price == 0.2


def test_every_rule_for_a_bare_name_is_told() -> None:
    told = {one.partition("/")[0] for _, name in table("docs/models.md", "Names") for one in code(name)}
    assert {provider for _, provider in BARE_NAMES} <= told


def test_every_route_is_told(reader: Reader) -> None:
    paths = httpx.get(f"{reader.env['TEACHBACK_URL']}/openapi.json", timeout=30).json()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert {code(route)[0] for route, _ in table("docs/service.md", "REST")} == routes


def test_every_error_is_told() -> None:
    told = [tuple(cell.strip("`") for cell in row) for row in table("docs/service.md", "Errors")]
    assert told == [(row.reason, str(row.http), row.grpc.name) for _, row in TABLE]


# ---------------------------------------------------------------- the command line
GROUPS = ("", "jobs", "datasets", "generate", "passages", "schema", "train", "pipeline", "config", "access")


def _verbs() -> dict[str, set[str]]:
    """Every verb ("jobs list") with its options."""
    group: Any = typer.main.get_command(app)
    found: dict[str, set[str]] = {}

    def walk(command: Any, name: str) -> None:
        if isinstance(command, TyperGroup):
            for inner in command.commands.values():
                walk(inner, f"{name} {inner.name}".strip())
        found[name] = {o for p in command.params for o in (*p.opts, *p.secondary_opts) if o.startswith("--")}

    walk(group, "")
    return found


def test_every_verb_and_option_is_told() -> None:
    told = {
        " ".join(word for word in code(usage)[0].split() if word == word.lower()): set(code(options))
        for usage, _, options in table("docs/command-line.md", "The command line")
    }
    assert told == {name: options - {"--help"} for name, options in _verbs().items() if name not in GROUPS}


def test_commands_in_the_pages_exist() -> None:
    """Those in the text too, which nobody runs."""
    verbs = _verbs()
    spans = [span for page in PAGES for span in code(page.read_text())]
    lines = [line for block in blocks("bash") for line in block.text.replace("\\\n", " ").splitlines()]
    seen = 0
    for text in (*spans, *lines):
        # Options that stand before the verb belong to the whole command line. VERB stands for any.
        for first, rest in re.findall(r"(?:^|\$\()teachback((?: --[a-z-]+ \S+)*) ([a-z].*)", text):
            words = rest.partition("|")[0].split()
            name = " ".join(words[:2]) if words[0] in GROUPS else words[0]
            assert name in verbs, text
            assert {word for word in words if word.startswith("--")} <= verbs[name], text
            assert set(re.findall(r"--[a-z-]+", first)) <= verbs[""], text
            seen += 1
    assert seen > 25


# ---------------------------------------------------------------- links
def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_links_lead_somewhere() -> None:
    seen = 0
    for page in [*PAGES, ROOT / "deploy/README.md", ROOT / "training/README.md"]:
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
            file, _, anchor = target.partition("#")
            path = (page.parent / file).resolve()
            assert path.exists(), f"{page.name}: {target}"
            if anchor:
                headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
                assert anchor in map(_anchor, headings), f"{page.name}: {target}"
            seen += 1
    assert seen > 20
