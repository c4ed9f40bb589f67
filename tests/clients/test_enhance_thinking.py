"""`teachback enhance-thinking`, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from teachback import Client

from tests.clients.conftest import OFFLINE, Cli, installer_row, qa_row, read_rows, write_rows
from tests.support.service import ROOT

pytestmark = pytest.mark.usefixtures("service")


def test_rows_come_back_with_stats_and_the_same_command_finds_the_same_job(
    cli: Cli, client: Client, tmp_path: Path
) -> None:
    rows = [qa_row(3, 10 + n % 4) for n in range(8)]  # each row stands twice
    source, out = write_rows(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"

    first = cli("enhance-thinking", source, out, *OFFLINE)
    assert first.returncode == 0, first.stderr
    made = read_rows(out)
    assert [row["messages"] for row in made] == [row["messages"] for row in rows]
    assert [row["metadata"]["source_row"] for row in made] == [row["metadata"]["source_row"] for row in rows]
    assert all(row["metadata"]["original_thinking"] == "Add them." for row in made)
    numbers = dict(line.split() for line in first.stdout.splitlines())
    assert numbers["total_examples"] == "8"
    outcomes = ("converged_first_try", "converged", "stalled", "exhausted", "failed", "reused")
    assert sum(int(numbers[outcome]) for outcome in outcomes) == 8
    stats = json.loads((tmp_path / "out.jsonl.stats.json").read_text())
    assert stats["total_examples"] == 8
    assert json.loads((tmp_path / ".thinking_checkpoint.json").read_text()) == {
        "processed": 8,
        "success": 8,
        "errors": 0,
    }
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".thinking_checkpoint.json",
        "in.jsonl",
        "out.jsonl",
        "out.jsonl.stats.json",
    ]

    before, jobs = out.read_bytes(), [job.name for job in client.jobs()]
    again = cli("enhance-thinking", source, out, *OFFLINE)
    assert again.returncode == 0, again.stderr
    assert out.read_bytes() == before
    assert [job.name for job in client.jobs()] == jobs


def test_json_is_all_there_is_on_stdout(cli: Cli, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [qa_row(5, 6), qa_row(7, 8)])
    done = cli("enhance-thinking", source, tmp_path / "out.jsonl", *OFFLINE, "--json", "--samples", "1")
    assert done.returncode == 0, done.stderr
    stats = json.loads(done.stdout)
    assert (stats["total_examples"], stats["state"]) == (1, "succeeded")
    assert len(read_rows(tmp_path / "out.jsonl")) == 1
    assert stats["job"] in done.stderr


def test_a_third_file_adds_its_rows_and_pays_for_no_other(cli: Cli, client: Client, tmp_path: Path) -> None:
    one = write_rows(tmp_path / "one.jsonl", [installer_row("sda"), installer_row("sdb")])
    two = write_rows(tmp_path / "two.jsonl", [installer_row("nvme0n1"), installer_row("sda")])
    three = write_rows(tmp_path / "three.jsonl", [installer_row("vdc"), installer_row("vdd")])
    out = tmp_path / "training_with_thinking.jsonl"
    options = (*OFFLINE, "--style", "installer", "--json")

    first = cli("enhance-thinking", one, two, out, *options)
    assert first.returncode == 0, first.stderr
    before = read_rows(out)

    second = cli("enhance-thinking", one, two, three, out, *options)
    assert second.returncode == 0, second.stderr
    stats = json.loads(second.stdout)
    assert (stats["total_examples"], stats["outcomes"]["reused"]) == (6, 4)
    rows = read_rows(out)
    assert [row["system_context"] for row in rows] == [
        installer_row(disk)["system_context"] for disk in ("sda", "sdb", "nvme0n1", "sda", "vdc", "vdd")
    ]
    assert rows[:4] == before
    job = client.job(stats["job"])
    assert {example.file for example in job.examples() if example.outcome != "reused"} == {"three.jsonl"}


def test_an_output_made_elsewhere_is_gone_on_with(cli: Cli, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [installer_row("sdx"), installer_row("sdy"), installer_row("sdz")])
    foreign, known = installer_row("old1", annotated=True), installer_row("sdy", annotated=True)
    out = write_rows(tmp_path / "out.jsonl", [known, foreign])

    done = cli("enhance-thinking", source, out, *OFFLINE, "--style", "installer", "--json")
    assert done.returncode == 0, done.stderr
    stats = json.loads(done.stdout)
    assert (stats["total_examples"], stats["outcomes"]["reused"]) == (3, 1)
    rows = read_rows(out)
    assert rows[0] == foreign, "a row that stands in no source is not lost"
    assert [row["messages"][0]["content"] for row in rows[1:]] == ["wipe sdx", "wipe sdy", "wipe sdz"]
    assert rows[2] == known

    fresh = cli("enhance-thinking", source, out, *OFFLINE, "--style", "installer", "--json", "--no-resume")
    assert fresh.returncode == 0, fresh.stderr
    assert json.loads(fresh.stdout)["outcomes"]["reused"] == 0
    assert len(read_rows(out)) == 3


def test_what_did_not_converge_is_worked_on_again_by_others(cli: Cli, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", read_rows(ROOT / "examples/qa_sample.jsonl")[:8])
    options = (tmp_path / "out.jsonl", *OFFLINE, "--json")
    told = [json.loads(cli("enhance-thinking", source, *options, "--iterations", str(n)).stdout) for n in (1, 1, 4)]
    first, same, more = (one["outcomes"] for one in told)
    converged = first["converged_first_try"]
    assert first == same
    assert first["exhausted"] == 8 - converged > 0
    assert more["reused"] == converged
    assert more["converged"] > 0


def test_torn_lines_of_an_earlier_output_are_kept_in_a_copy(cli: Cli, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [installer_row("sdq"), installer_row("sdr")])
    out = write_rows(tmp_path / "out.jsonl", [installer_row("sdq", annotated=True)])
    torn = out.read_text() + json.dumps(installer_row("sdr", annotated=True))[:60]
    out.write_text(torn)
    done = cli("enhance-thinking", source, out, *OFFLINE, "--style", "installer", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcomes"]["reused"] == 1
    assert (tmp_path / "out.jsonl.bak").read_text() == torn
    assert len(read_rows(out)) == 2


def test_bad_rows_are_told_and_strict_refuses_them(cli: Cli, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [qa_row(21, 2), {"messages": []}, qa_row(22, 2)])
    done = cli("enhance-thinking", source, tmp_path / "out.jsonl", *OFFLINE, "--json")
    assert done.returncode == 0, done.stderr
    assert "in.jsonl:2:" in done.stderr
    assert json.loads(done.stdout)["bad_rows"] == 1
    assert json.loads((tmp_path / ".thinking_checkpoint.json").read_text()) == {
        "processed": 3,
        "success": 2,
        "errors": 1,
    }
    assert len(read_rows(tmp_path / "out.jsonl")) == 2

    refused = cli("enhance-thinking", source, tmp_path / "strict.jsonl", *OFFLINE, "--strict")
    assert refused.returncode == 2
    assert not (tmp_path / "strict.jsonl").exists()


def test_accept_prints_each_check_and_its_exit_code_agrees(cli: Cli, tmp_path: Path) -> None:
    # A bare sum that needs no hint: right at once, so the average cannot be above 1.0.
    source = write_rows(tmp_path / "in.jsonl", [qa_row(1, 2)])
    done = cli("enhance-thinking", source, tmp_path / "out.jsonl", *OFFLINE, "--accept", "seed")
    checks = [line for line in done.stdout.splitlines() if line.startswith(("pass", "FAIL"))]
    assert len(checks) == 5
    assert done.returncode == (1 if any(line.startswith("FAIL") for line in checks) else 0)


def test_rows_go_to_stdout_with_nothing_beside_them(cli: Cli, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [qa_row(23, 2), qa_row(24, 2)])
    piped = cli("enhance-thinking", source, "-", *OFFLINE)
    assert piped.returncode == 0, piped.stderr
    assert [json.loads(line)["messages"] for line in piped.stdout.splitlines()] == [
        row["messages"] for row in read_rows(source)
    ]
    assert "total_examples" in piped.stderr
    assert list(tmp_path.iterdir()) == [source]
    assert cli("enhance-thinking", source, "-", *OFFLINE).stdout == piped.stdout, "the same command is the same work"
    for option in (["--json"], ["--accept", "seed"]):
        refused = cli("enhance-thinking", source, "-", *OFFLINE, *option)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert option[0] in refused.stderr


@pytest.mark.parametrize(
    ("source", "out", "says"),
    [
        ("in.jsonl", "in.jsonl", "both source and output"),
        ("in.jsonl", "missing/out.jsonl", "mkdir"),
        ("in.jsonl", "/proc/out.jsonl", "cannot be written"),
        ("in.jsonl", ".", "not a plain file"),
        ("none.jsonl", "out.jsonl", "is not a file"),
        ("none.jsonl", "-", "is not a file"),
        ("empty.jsonl", "out.jsonl", ""),
    ],
)
def test_what_cannot_work_is_refused_before_any_work(
    cli: Cli, client: Client, tmp_path: Path, source: str, out: str, says: str
) -> None:
    write_rows(tmp_path / "in.jsonl", [qa_row(2, 2)])
    (tmp_path / "empty.jsonl").touch()
    jobs = len(list(client.jobs()))
    refused = cli("enhance-thinking", source, out, *OFFLINE)
    assert refused.returncode == 2
    assert refused.stderr.startswith("teachback: ")
    assert says in refused.stderr
    assert refused.stdout == ""
    assert len(list(client.jobs())) == jobs


def test_a_model_nobody_knows_is_refused(cli: Cli, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [qa_row(4, 4)])
    refused = cli("enhance-thinking", source, tmp_path / "out.jsonl", "--student", "no-such-model", *OFFLINE[2:])
    assert refused.returncode == 2
    assert "no-such-model" in refused.stderr
