"""Money runs out, the run stops with what it has, and the same command with more money goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.clients.conftest import read_rows, stop
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
            short = enhance(1.0)
            assert short.returncode == 1, short.stderr
            assert "paused" in short.stderr
            assert "--max-cost" in short.stderr
            stats = json.loads(short.stdout)
            assert stats["state"] == "paused"
            assert 0 < stats["cost"] <= 1.0
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
