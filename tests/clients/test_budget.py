"""Money runs out, the run stops with what it has, and the same command with more money goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from teachback.cli.progress import dollars

from tests.clients.conftest import OFFLINE, Cli, qa_row, read_rows, stop, write_rows
from tests.support.farmodel import FarModel
from tests.support.rows import row, write
from tests.support.service import environment, far_settings

FAR = ("--student", "openai/far", "--teacher", "openai/far", "--evaluator", "openai/far")
# US dollars a million tokens: a call costs some cents, and its reservation a little more.
PRICE = (100.0, 100.0)


def test_a_paused_run_goes_on_with_more_money(tmp_path: Path) -> None:
    source, out, home = tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "home"
    write(source, [row(n, 1) for n in range(12)])
    with FarModel(price=PRICE) as far:
        settings = far_settings(far, input_price=PRICE[0], output_price=PRICE[1])
        told = environment(tmp_path, TEACHBACK_HOME=str(home), TEACHBACK_MODELS=settings)

        def enhance(most: float) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "teachback.cli", "enhance-thinking", str(source), str(out), *FAR]
            command += ["--batch-size", "1", "--max-cost", str(most), "--json"]
            return subprocess.run(
                command, env=told, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=90
            )

        try:
            none = enhance(0.001)
            assert none.returncode == 1, none.stderr
            assert "at most $0.001" in none.stderr
            assert sorted(path.name for path in tmp_path.glob("out*")) == [], "no row is done, so there is no output"

            short = enhance(1.0)
            assert "was paused and goes on" in short.stderr
            assert short.returncode == 1, short.stderr
            assert "paused" in short.stderr
            assert "--max-cost" in short.stderr
            stats = json.loads(short.stdout)
            assert stats["state"] == "paused"
            assert 0 < stats["cost"] <= 1.0
            assert stats["job"] == json.loads(none.stdout)["job"]
            some = read_rows(out)
            assert 0 < len(some) == sum(stats["outcomes"].values()) < 12

            enough = enhance(100.0)
            assert enough.returncode == 0, enough.stderr
            assert json.loads(enough.stdout)["job"] == stats["job"]
            assert read_rows(out)[: len(some)] == some
            assert len(read_rows(out)) == 12
            assert set(far.answered.values()) == {1}, "no call was paid twice"
        finally:
            stop(home)


@pytest.mark.parametrize("most", ["0", "-1"])
@pytest.mark.parametrize("verb", [("submit",), ("enhance-thinking", "out.jsonl"), ("jobs", "resume")])
def test_a_budget_of_nothing_is_no_budget(cli: Cli, tmp_path: Path, verb: tuple[str, ...], most: str) -> None:
    """On the wire 0 means no limit, which is the last thing that somebody wants who writes it."""
    source = write_rows(tmp_path / "in.jsonl", [qa_row(1, 1)])
    rest = ["none"] if verb[0] == "jobs" else [*OFFLINE]
    named = [verb[0], str(source), *verb[1:]] if verb[0] != "jobs" else [*verb]
    refused = cli(*named, *rest, "--max-cost", most)
    assert refused.returncode == 2
    assert "not above 0. Leave it out for no limit" in " ".join(refused.stderr.replace("│", " ").split())


def test_a_budget_is_told_in_as_many_digits_as_it_has() -> None:
    assert [dollars(amount) for amount in (1, 0.5, 12.345, 0.001, 0.00025)] == [
        "$1.00",
        "$0.50",
        "$12.345",
        "$0.001",
        "$0.00025",
    ]
