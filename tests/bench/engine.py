"""Graph and gateway alone, no service around them. `python -m tests.bench.engine PORT [PROFILE]`."""

from __future__ import annotations

import asyncio
import cProfile
import json
import sys
import time
from collections.abc import Iterator

import uvloop

from agents.evaluator import Evaluator
from agents.gateway import Gateway
from agents.line import Line
from agents.models import Catalog, ModelSettings
from agents.student import Student
from agents.teacher import Teacher
from graphs.enhance import build, enhance
from graphs.state import Cast, Rules
from services import collector
from services.datasets.shapes import parse
from tests.bench.workload import AT_ONCE, EXAMPLES, WARMING, calls, cpu_seconds, need, row


async def run(port: int, profile: str | None) -> None:
    """Prints wall and CPU seconds and the number of calls."""
    model = "openai/bench"
    settings = ModelSettings(api_base=f"http://127.0.0.1:{port}/v1", input_price=0.1, output_price=0.4)
    gateway, graph = Gateway(Catalog({"openai/*": settings})), build()
    await gateway.resolve(model)
    line = Line(gateway)
    cast = Cast(Student(line, model), Teacher(line, model), Evaluator(line, model), Rules())

    async def worker(work: Iterator[int]) -> None:
        for ident in work:
            result = await enhance(graph, parse(row(ident)).task, cast)
            assert len(result.rounds) == need(ident), result

    await worker(iter(range(WARMING)))
    collector.settle()
    work = iter(range(EXAMPLES))
    profiler = cProfile.Profile()
    wall, cpu = time.perf_counter(), cpu_seconds()
    if profile:
        profiler.enable()
    await asyncio.gather(*(worker(work) for _ in range(AT_ONCE)))
    if profile:
        profiler.disable()
        profiler.dump_stats(profile)
    print(json.dumps({"wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu, "calls": calls(EXAMPLES)}))
    await gateway.close()


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
