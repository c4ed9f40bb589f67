"""`make bench`: bare HTTP, graph and gateway, the whole service, side by side in one run; and what starts cost.

`--rounds N` repeats and takes medians (3); `--memory` adds the 100,000 rows that show whether memory stays flat, in
some minutes. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import service
from tests.bench.workload import EXAMPLES, LATENCY, WARMING
from tests.support import postgres

BARS = {"engine_cpu_x": 4.0, "engine_wall_x": 1.25, "service_cpu_x": 6.0, "service_wall_x": 1.5, "makers_cpu_x": 4.0}
TRAINING_BARS = {"sft_step_x": 1.1, "dpo_step_x": 1.1}
"""Step time of the trainer beside TRL's own; measured where `make install-train` has been."""
POSTGRES_BARS = {"postgres_cpu_x": 1.3}
"""CPU of the service on PostgreSQL beside the one on SQLite; measured where PostgreSQL is installed."""
YARDSTICK = {"engine": "bare", "service": "bare", "makers": "bare chats", "generate": "bare chats"}
"""What is measured, and the bare calls that it is measured by."""
ENV = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def endpoint(latency: float) -> Iterator[int]:
    """The far model in a process of its own; yields its port."""
    command = [sys.executable, "-m", "tests.bench.endpoint", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENV) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def measured(module: str, port: int, *words: str) -> dict[str, Any]:
    """Runs one of the runners in a process of its own."""
    command = [sys.executable, "-m", f"tests.bench.{module}", str(port), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENV)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def median(runs: list[dict[str, Any]], field: str) -> float:
    """The median of a field over the rounds."""
    return statistics.median(float(r[field]) for r in runs)


def help_seconds() -> float:
    """What `teachback --help` takes, the best of five."""

    def once() -> float:
        began = time.perf_counter()
        command = [str(Path(sys.executable).with_name("teachback")), "--help"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=ENV)
        return time.perf_counter() - began

    return min(once() for _ in range(5))


def training_figures() -> dict[str, float]:
    """What `tests.bench.training` finds in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.training"]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=ENV)
    return dict(json.loads(told.stdout.splitlines()[-1]))


def one_round(port: int, runs: dict[str, list[dict[str, Any]]]) -> None:
    """Measures everything once."""
    runs["bare"].append(measured("bare", port))
    runs["engine"].append(measured("engine", port))
    with service.running(port) as one:
        service.enhance(one, WARMING)  # the first remote model imports LiteLLM
        runs["service"].append(service.enhance(one, EXAMPLES) | {"started": one.started})
    if "postgres" in runs:
        with service.running(port, "postgres") as one:
            service.enhance(one, WARMING)
            runs["postgres"].append(service.enhance(one, EXAMPLES))
    runs["bare chats"].append(measured("bare", port, "chats"))
    runs["makers"].append(measured("makers", port))
    with service.running(port) as one:
        service.generate(one, WARMING)
        runs["generate"].append(service.generate(one, EXAMPLES))


def table(runs: dict[str, list[dict[str, Any]]], figures: dict[str, float]) -> Table:
    """What a reader sees. The ratios are to bare calls, that of postgres to the service on SQLite."""
    shown = Table(title=f"{EXAMPLES} examples, calls of {LATENCY * 1000:.0f} ms; thinking enhanced, then chats made")
    for column in ("", "calls", "wall s", "CPU ms a call", "x wall", "x CPU"):
        shown.add_column(column, justify="left" if not column else "right")
    for name, kind in runs.items():
        calls = kind[0]["calls"]
        wall, cpu = median(kind, "wall"), median(kind, "cpu") / calls * 1000
        x = [figures.get(f"{name}_{w}_x", 1.0) for w in ("wall", "cpu")]
        shown.add_row(name, str(calls), f"{wall:.2f}", f"{cpu:.3f}", f"{x[0]:.2f}", f"{x[1]:.2f}")
    return shown


def main() -> None:
    """Prints a table, then one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    here = importlib.util.find_spec("trl") is not None
    parser.add_argument("--training", action=argparse.BooleanOptionalAction, default=here)
    asked = parser.parse_args()
    console = Console(stderr=True)
    names = ["bare", "engine", "service", "bare chats", "makers", "generate"]
    if both := postgres.programs() is not None:
        names.insert(3, "postgres")
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    figures: dict[str, float] = {}
    with endpoint(LATENCY) as port:
        for number in range(asked.rounds):  # interleaved, so that a noisy minute hits all of them
            console.print(f"round {number + 1} of {asked.rounds}")
            one_round(port, runs)
    for name, yardstick in (YARDSTICK | ({"postgres": "service"} if both else {})).items():
        for what in ("cpu", "wall"):
            pairs = zip(runs[name], runs[yardstick], strict=True)
            figures[f"{name}_{what}_x"] = round(statistics.median(r[what] / b[what] for r, b in pairs), 2)
    figures["service_peak_mib_over_idle"] = round(
        median(runs["service"], "peak_mib") - median(runs["service"], "idle_mib"), 1
    )
    figures["service_ready_s"] = round(median(runs["service"], "started"), 2)
    figures["help_s"] = round(help_seconds(), 2)
    if asked.memory:
        with endpoint(0.0) as port:
            peaks = []
            for examples in (1_000, 100_000):
                console.print(f"memory over {examples} rows")
                with service.running(port) as one:
                    service.enhance(one, WARMING)
                    peaks.append(service.enhance(one, examples)["peak_mib"])
            figures["mib_100k_rows_over_1k"] = round(peaks[1] - peaks[0], 1)
    if both and importlib.util.find_spec("ray"):
        console.print("rows on the workers of Ray, beside the service on PostgreSQL")
        with endpoint(LATENCY) as port:
            figures |= measured("spread", port)
    bars = BARS | (TRAINING_BARS if asked.training else {}) | (POSTGRES_BARS if both else {})
    if asked.training:
        console.print("steps of the trainer beside TRL's")
        figures |= training_figures()
    console.print(table(runs, figures))
    missed = [f"{k} {figures[k]} > {bar}" for k, bar in bars.items() if figures[k] > bar]
    console.print(f"bars missed: {', '.join(missed)}" if missed else "every bar is met")
    print(json.dumps({"calls": runs["bare"][0]["calls"], "rounds": asked.rounds, **figures}))


if __name__ == "__main__":
    main()
