"""`python -m services.benchmark` and `teachback benchmark`: prints the sample task, or runs the benchmark."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from services.benchmark.errors import BenchmarkError, NoServer
from services.benchmark.plan import Plan, address, words
from services.benchmark.results import Results
from services.benchmark.run import run
from services.benchmark.sample import for_pasting, sample
from services.benchmark.table import clean, table


def main() -> None:
    """Reads the command line of the program."""
    parser = argparse.ArgumentParser(prog="python -m services.benchmark", description=__doc__)
    parser.add_argument("--auto-benchmark", action="store_true")
    parser.add_argument("--base-url")
    parser.add_argument("--models-filter")
    parser.add_argument("--benchmark-examples", type=int, default=2)
    parser.add_argument("--benchmark-max-tokens", type=int, default=2048)
    parser.add_argument("--evaluator-model")
    parser.add_argument("--benchmark-output", type=Path)
    parser.add_argument("--lms-cli-path", type=Path)
    parser.add_argument("--json", action="store_true", dest="as_json")
    sys.exit(benchmark(**vars(parser.parse_args())))


def benchmark(
    *,
    auto_benchmark: bool,
    base_url: str | None,
    models_filter: str | None,
    benchmark_examples: int,
    benchmark_max_tokens: int,
    evaluator_model: str | None,
    benchmark_output: Path | None,
    lms_cli_path: Path | None,
    as_json: bool,
) -> int:
    """Table or JSON on stdout, progress on stderr. The exit code: 0 something was measured, 1 nothing was, 2 bad input,
    3 no server answers, 130 stopped by Ctrl-C with what was measured so far shown.
    """
    if min(benchmark_examples, benchmark_max_tokens) < 1:
        _say("teachback: --benchmark-examples and --benchmark-max-tokens are at least 1")
        return 2
    if not auto_benchmark:
        print(for_pasting(sample(benchmark_examples)))
        _say(
            "Paste this into a chat window and read off tokens per second; --auto-benchmark measures a server's models."
        )
        return 0
    held: list[Results] = []
    code = 0
    try:
        plan = Plan(
            base_url=address(base_url),
            filters=words(models_filter),
            examples=benchmark_examples,
            max_tokens=benchmark_max_tokens,
            evaluator=evaluator_model,
            output=benchmark_output,
            lms=lms_cli_path,
        )
        asyncio.run(run(plan, _say, held.append))
    except KeyboardInterrupt:
        _say("stopped")
        code = 130
    except BenchmarkError as error:
        _say(f"teachback: {error}")
        code = 3 if isinstance(error, NoServer) else 2
    for results in held:
        print(results.model_dump_json() if as_json else table(results), flush=True)
        code = code or int(not results.ranked())
    return code


def _say(text: str) -> None:
    print(clean(text), file=sys.stderr, flush=True)
