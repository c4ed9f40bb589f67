"""Making chats: graph, recipe and gateway, no service around. `python -m tests.bench.makers PORT [PROFILE]`."""

from __future__ import annotations

import asyncio
import cProfile
import json
import sys
import time
from collections.abc import Iterator
from itertools import islice

import uvloop

from agents.evaluator import Evaluator
from agents.gateway import Gateway
from agents.line import Line
from agents.models import Catalog, ModelSettings
from agents.teacher import Teacher
from graphs.generate import Makers, build, generate
from graphs.recipes.base import Made, Slot
from services import collector
from tests.bench import chats
from tests.bench.workload import AT_ONCE, EXAMPLES, WARMING, cpu_seconds


async def run(port: int, profile: str | None) -> None:
    """Prints wall and CPU seconds and the number of calls."""
    model = "openai/bench"
    settings = ModelSettings(api_base=f"http://127.0.0.1:{port}/v1", input_price=0.1, output_price=0.4)
    gateway, graph, recipe = Gateway(Catalog({"openai/*": settings})), build(), chats.recipe()
    await gateway.resolve(model)
    line = Line(gateway)
    makers = Makers(Teacher(line, model), Evaluator(line, model), recipe)

    async def worker(work: Iterator[Slot]) -> None:
        for slot in work:
            made = await generate(graph, slot, makers)
            assert made.outcome is Made.ACCEPTED, made

    await worker(islice(recipe.slots(), WARMING))
    collector.settle()
    profiler = cProfile.Profile()
    wall, cpu = time.perf_counter(), cpu_seconds()
    if profile:
        profiler.enable()
    work = recipe.slots()
    await asyncio.gather(*(worker(work) for _ in range(AT_ONCE)))
    if profile:
        profiler.disable()
        profiler.dump_stats(profile)
    print(json.dumps({"wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu, "calls": chats.calls(EXAMPLES)}))
    await gateway.close()


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
