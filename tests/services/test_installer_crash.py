"""The installer's rows through the command line, with the power cut at any moment and a file more each time.

Each source row comes out exactly once and in its order, what is finished is not done again, and every thinking that
was accepted keeps the rules of its style.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from teachback.service import running

from graphs.rules.style import style_complaints
from services.datasets.shapes import parse
from tests.support.ledger import calls, query
from tests.support.service import environment

SAMPLE = Path(__file__).parents[2] / "examples" / "installer_sample.jsonl"
OFFLINE = ("--student", "offline/student", "--teacher", "offline/teacher", "--evaluator", "offline/evaluator")


def source(path: Path, first: int, count: int) -> Path:
    """Rows after the sample's, each for a machine of its own; every ninth one stands there twice."""
    sample = SAMPLE.read_text().splitlines()
    lines = []
    for number in range(first, first + count):
        row = json.loads(sample[number % len(sample)])
        if "system_context" in row:
            row["system_context"] += f"\n- Hostname: node{number:04d}"
        else:
            row["messages"][-1]["content"] += f" (this is node{number:04d})"
        lines += [json.dumps(row)] * (2 if number % 9 == 0 else 1)
    path.write_text("\n".join(lines) + "\n")
    return path


class Home:
    """A data folder with its private service, and the command line that works on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder.parent
        self.env = environment(self.work, TEACHBACK_HOME=str(folder))

    def command(self, *sources: Path) -> list[str]:
        """`enhance-thinking` on these files, into out.jsonl."""
        files = [str(path) for path in sources]
        return [
            sys.executable, "-m", "teachback.cli", "enhance-thinking", *files, "out.jsonl",
            "--style", "installer", "--batch-size", "4", "--json", *OFFLINE,
        ]  # fmt: skip

    def run(self, *sources: Path) -> dict[str, Any]:
        """Runs it to its end; returns the stats."""
        ended = subprocess.run(
            self.command(*sources),
            cwd=self.work,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        stats: dict[str, Any] = json.loads(ended.stdout)
        return stats

    def cut(self, paid: int, *sources: Path) -> int:
        """Starts it and cuts the power, to the command line and to the service, once so many calls are recorded.

        Returns how many were in the end.
        """
        with subprocess.Popen(
            self.command(*sources), cwd=self.work, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            until = time.monotonic() + 100
            while self.paid() < paid and time.monotonic() < until:
                assert process.poll() is None, "it was done before the power was cut"
                time.sleep(0.005)
            process.kill()
        self.stop()
        return self.paid()

    @property
    def database(self) -> Path:
        return self.folder / "teachback.db"

    def paid(self) -> int:
        """How many calls are recorded."""
        with suppress(sqlite3.OperationalError):  # the tables are still to be made
            return int(query(self.database, "SELECT count(*) FROM calls")[0][0]) if self.database.exists() else 0
        return 0

    def stop(self) -> None:
        """kill -9 for the service."""
        if found := running(self.folder):
            os.kill(found.pid, signal.SIGKILL)
            with suppress(FileNotFoundError):
                while Path(f"/proc/{found.pid}/stat").read_text().split()[2] not in "ZX":
                    time.sleep(0.01)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """One with nothing in it."""
    made = Home(tmp_path / "home")
    yield made
    made.stop()


def check(out: Path, *sources: Path) -> int:
    """Compares an output with its sources; returns how many rows have a thinking."""
    wanted = [json.loads(line) for path in sources for line in path.read_text().splitlines()]
    got = [json.loads(line) for line in out.read_text().splitlines()]
    accepted = 0
    for row in got:
        thinking = row["expected_response"].pop("thinking", None)
        if thinking is None:
            continue
        accepted += 1
        task = parse(json.dumps(row)).task
        assert style_complaints("installer", task, thinking) == []
        assert 2 <= len(thinking.splitlines()) <= 4
    assert got == wanted
    return accepted


@pytest.mark.timeout(300)
def test_each_row_once_whatever_happens_and_a_file_more_costs_only_its_own_rows(tmp_path: Path, home: Home) -> None:
    draw = random.Random(7)
    one = source(tmp_path / "one.jsonl", 0, 150)
    two = source(tmp_path / "two.jsonl", 150, 100)
    three = source(tmp_path / "three.jsonl", 250, 40)
    out = tmp_path / "out.jsonl"
    fell = []
    for low in (1, 300, 600):
        fell.append(home.cut(draw.randrange(low, low + 300), one, two))
        if out.exists():  # an interrupted run may have written what was done; never half a row, never another row
            rows = [json.loads(line) for line in out.read_text().splitlines()]
            assert len(rows) <= 278
    before = {call[:-1]: call.created for call in calls(home.database)}
    stats = home.run(one, two)
    accepted = check(out, one, two)
    after = calls(home.database)
    kept = {call[:-1]: call.created for call in after}
    # What was recorded before the last cut stands as it was: it was not asked again.
    assert all(kept[place] == when for place, when in before.items())
    assert len(kept) == len(after)
    assert stats["total_examples"] == 278

    more = home.run(one, two, three)
    assert check(out, one, two, three) >= accepted
    assert more["total_examples"] == 278 + 45
    old = {call.item_id for call in after}
    fresh = [call for call in calls(home.database) if call.created > max(c.created for c in after)]
    assert fresh
    assert not {call.item_id for call in fresh} & old
    print(
        f"\ncut after {fell} of {len(after)} calls; {accepted} of 278 rows accepted; {len(fresh)} calls for file three"
    )
