"""From passages to files that a training begins from, by the command line and the API, as a user does it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from teachback import Client
from teachback.errors import BadInput, TeachbackError
from teachback.reviewing import Review, fault, read_examples
from teachback.service import Endpoint

from graphs.recipes.passages.templates import packaged
from tests.clients.conftest import Cli, read_rows

SAMPLE = Path(__file__).parents[2] / "agents/templates/sample_passages.md"
AS_IS = "keep"


def example(number: int) -> dict[str, Any]:
    return {"instruction": f"Experience {number}", "input": "", "output": f"I wake {number}."}


def test_passages_become_examples_and_are_found_again(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "passages.md").write_text(SAMPLE.read_text())
    done = cli("generate", "passages", "--templates", "1,2,3", "--state", "-o", "raw.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    rows = read_rows(tmp_path / "raw.jsonl")
    assert [next(iter(row)) for row in rows] == ["instruction", "conversations", "messages"] * 3
    assert {row["metadata"]["template"] for row in rows} == {"1", "2", "3"}
    report = json.loads(done.stdout)
    assert [share["examples"] for share in report["passages"].values()] == [3, 3, 3]
    assert "33.3%  1: The keeper hears nothing" in done.stderr
    before = (tmp_path / "raw.jsonl").read_bytes()
    assert cli("generate", "passages", "--templates", "1,2,3", "--state", "-o", "raw.jsonl").returncode == 0
    assert (tmp_path / "raw.jsonl").read_bytes() == before


def test_templates_of_ones_own(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "passages.md").write_text(SAMPLE.read_text())
    own = '## TEMPLATE 6: SHORT\n\n[PASTE_PASSAGE]\n\nFirst person, 60-90 words, [core_phenomenology]. {"output": ""}\n'
    (tmp_path / "own.md").write_text(own)
    done = cli("generate", "passages", "--templates", "6", "--templates-file", "own.md", "-o", "raw.jsonl")
    assert done.returncode == 0, done.stderr
    rows = read_rows(tmp_path / "raw.jsonl")
    assert len(rows) == 3
    assert all(60 <= len(row["output"].split()) <= 90 for row in rows)
    wrong = cli("generate", "passages", "--templates", "9", "-o", "raw.jsonl")
    assert wrong.returncode != 0
    assert "there is no template 9" in wrong.stderr


def test_a_block_that_asks_for_a_template_that_is_not_there(cli: Cli, client: Client, tmp_path: Path) -> None:
    said = "asks for template 9; the file has 1, 2, 3, 4, 5"
    passages = tmp_path / "passages.md"
    passages.write_text(SAMPLE.read_text().replace("templates:** 1,", "templates:** 9, 1,", 1))
    checked = cli("passages", "check", "passages.md")
    assert (checked.returncode, said in checked.stderr, "2 passages can be used" in checked.stderr) == (2, True, True)
    made = cli("generate", "passages", "-o", "raw.jsonl")
    assert made.returncode != 0
    assert f"passages: 1: The keeper hears nothing {said}" in made.stderr
    with pytest.raises(BadInput, match="asks for template 9"):
        client.generate([passages], passages={})
    nine = "## TEMPLATE 9: MINE\n\n[PASTE_PASSAGE]\n\nFirst person.\n"
    (tmp_path / "mine.md").write_text(packaged() + nine)
    assert cli("passages", "check", "passages.md", "--templates-file", "mine.md").returncode == 0


def test_blocks_are_counted_and_not_their_faults(cli: Cli, tmp_path: Path) -> None:
    parts = SAMPLE.read_text().replace("**Core phenomenology:**", "**Core:**", 1).split("**Applicable templates:** ")
    tail = parts[-1]
    (tmp_path / "passages.md").write_text("**Applicable templates:** ".join(parts[:-1]) + tail.split("\n", 1)[1])
    done = cli("generate", "passages", "--templates", "1", "-o", "raw.jsonl")
    assert "1 of 3 blocks cannot be used and are left out:" in done.stderr
    assert len(read_rows(tmp_path / "raw.jsonl")) == 2, "a template was chosen in place of the line that is missing"
    lacking = cli("generate", "passages", "-o", "raw.jsonl")
    assert 'has no "**Applicable templates:**" or nothing behind it' in lacking.stderr
    strict = cli("generate", "passages", "--templates", "1", "--strict", "-o", "raw.jsonl")
    assert strict.stderr.count("passages.md, line") == 1, strict.stderr


def test_the_trial_is_one_command(cli: Cli, tmp_path: Path) -> None:
    done = cli("passages", "trial", "-o", "out")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    raw = json.loads((out / "training_examples_raw.json").read_text())
    curated = json.loads((out / "training_examples_curated.json").read_text())
    assert (len(raw), len(curated)) == (15, 10)
    assert all(one in raw for one in curated)
    assert {one["metadata"]["passage"][0] for one in curated} == {"1", "2", "3"}
    assert len(read_rows(out / "training_data.jsonl")) == len(read_rows(out / "training_data_chatml.jsonl")) == 10
    for row in read_rows(out / "training_data.jsonl"):
        assert row["output"]
        assert row["output"] not in row["input"]


def test_a_review_is_kept_at_every_step(cli: Cli, tmp_path: Path) -> None:
    raw, out = tmp_path / "raw.jsonl", tmp_path / "curated.jsonl"
    raw.write_text("".join(json.dumps(example(n)) + "\n" for n in (1, 2, 3, 3, 4)))
    review = Review(raw, out)
    review.decide(0, "keep")
    review.decide(1, "drop")
    review.decide(2, "edit", example(30))
    assert read_rows(out) == [example(1), example(30)]
    again = Review(raw, out)  # the same command, later
    assert again.next() == 3
    assert again.undo() == 2
    assert again.counts() == {"keep": 1, "edit": 0, "drop": 1, "left": 3}
    with pytest.raises(BadInput, match="must not be empty"):
        again.decide(2, "edit", {"instruction": "x", "output": ""})
    raw.write_text("".join(json.dumps(example(n)) + "\n" for n in (9, 2, 1)))  # grown and sorted anew
    assert Review(raw, out).counts() == {"keep": 1, "edit": 0, "drop": 1, "left": 1}
    raw.write_text("{")
    with pytest.raises(BadInput, match=r"raw\.jsonl:1 is no JSON"):
        Review(raw, out)


@pytest.mark.parametrize(
    ("edited", "complaint"),
    [
        ([], "JSON object"),
        ({}, '"instruction" and "output"'),
        ({"messages": [1]}, "turn 1 has to be an object"),
        ({"messages": [{"content": "x"}]}, "does not say who speaks"),
        ({"messages": [{"role": "user", "content": " "}]}, "says nothing"),
        (example(1), ""),
    ],
)
def test_an_edit_that_is_no_example_is_told(edited: Any, complaint: str) -> None:
    assert complaint in fault(edited) if complaint else fault(edited) == ""


def test_review_and_export_by_the_command_line(environment: dict[str, str], cli: Cli, tmp_path: Path) -> None:
    import subprocess
    import sys

    array = [example(n) for n in (1, 2, 3)]
    (tmp_path / "raw.json").write_text(json.dumps(array))
    editor = tmp_path / "editor.sh"
    editor.write_text("#!/bin/sh\nsed -i 's/I wake 2/I wake twice/' \"$1\"\n")
    editor.chmod(0o755)

    def reviewed(keys: str) -> str:
        command = [sys.executable, "-m", "teachback.cli", "review", "raw.json", "-o", "curated.jsonl"]
        done = subprocess.run(
            command, env=environment | {"EDITOR": str(editor), "VISUAL": str(editor)}, cwd=tmp_path,
            input="".join(f"{key}\n" for key in keys), capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stderr

    assert "keep 1, edit 1, drop 0, left 1" in reviewed("keq")
    assert "keep 1, edit 1, drop 1, left 0" in reviewed("kud")
    kept = read_rows(tmp_path / "curated.jsonl")
    assert [row["output"] for row in kept] == ["I wake 1.", "I wake twice."]
    assert read_examples(tmp_path / "raw.json") == array

    one = cli("export", "curated.jsonl", "-", "--as", "chatml")
    assert [json.loads(line)["messages"][-1]["content"] for line in one.stdout.splitlines()] == [
        "I wake 1.", "I wake twice.",
    ]  # fmt: skip
    folder = cli("export", "curated.jsonl", "training", "--as", "training", "--base-model", "org/model")
    assert folder.returncode == 0, folder.stderr
    assert json.loads((tmp_path / "training/training_examples_curated.json").read_text()) == kept
    assert "org/model" in (tmp_path / "training/config.yml").read_text()
    (tmp_path / "bad.jsonl").write_text('{"text": "x"}\n')
    bad = cli("export", "bad.jsonl", "-", "--as", "alpaca")
    assert bad.returncode != 0
    assert "example 1 is left out" in bad.stderr


def test_review_over_the_api(client: Client, service: Endpoint, tmp_path: Path) -> None:
    job = client.generate(SAMPLE, passages={"templates": ["1"]}, idempotency_key="reviewed")
    job.wait()
    first, second, third = job.examples("accepted")
    path = f"{service.rest}/v1/{first.name}:review" if str(service.rest).startswith("http") else ""
    headers = {"Authorization": f"Bearer {service.token}"}
    edited = example(7)
    shown = job.review(first.name, "edit", edited)
    assert (shown.review, json.loads(shown.edited_json)) == ("edit", edited)
    job.review(second.name, "drop")
    out = tmp_path / "out.jsonl"
    job.export(out)
    assert json.loads(third.made_json)["metadata"]["labels"] == list(third.labels), "a file says who spoke"
    assert read_rows(out) == [edited, json.loads(third.made_json)]
    assert job.review(second.name, None).review == ""  # taken back
    job.export(out)
    assert read_rows(out) == [edited, json.loads(second.made_json), json.loads(third.made_json)]
    with pytest.raises(TeachbackError, match="edited_json is no example"):
        job.review(third.name, "edit", {"text": "x"})
    with pytest.raises(TeachbackError, match="goes with the verdict edit"):
        job.review(third.name, "keep", edited)
    if path:
        with httpx.Client(headers=headers, timeout=30) as http:
            assert http.post(path, json={"verdict": "keep"}).json()["review"] == "keep"
            assert http.post(path, json={"verdict": "maybe"}).status_code in (400, 422)
            rows = http.get(f"{service.rest}/v1/{job.name}/export", params={"reviewed_only": True}).text
            assert [json.loads(line) for line in rows.splitlines()] == [json.loads(first.made_json)]
