"""The log: JSON, a line an event, with the ids of the trace that each belongs to."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.service import ROOT
from tests.telemetry.conftest import CALLER, Observed

SPEAK = """
import logging
import structlog
from opentelemetry.sdk.trace import TracerProvider
from services import logs

logs.configure()
with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("s") as span:
    print(format(span.get_span_context().trace_id, "032x"), format(span.get_span_context().span_id, "016x"))
    structlog.get_logger().info("ours", number=1)
    logging.getLogger("a.library").warning("theirs: %s", "two")
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger("a.library").exception("it broke")
logging.getLogger("a.library").info("nobody wants to know")
structlog.get_logger().info("apart")
"""


def test_a_jobs_lines_carry_the_callers_trace(observed: Observed) -> None:
    lines = [
        json.loads(line) for line in observed.service.log().splitlines() if not line.startswith("Teachback serves")
    ]
    mine = [line for line in lines if line.get("job") == observed.job.name]
    assert [line["event"] for line in mine] == ["a job begins", "a job ends"]
    (run,) = [s for s in observed.collector.named("job ") if s.attributes["teachback.job"] == observed.job.name]
    assert {(line["trace_id"], line["span_id"]) for line in mine} == {(CALLER[0], run.id)}
    assert (mine[1]["state"], mine[1]["reason"], mine[1]["run"]) == ("succeeded", "", 1)
    assert "trace_id" not in next(line for line in lines if line["event"] == "serving")


def test_libraries_write_into_the_same_log() -> None:
    ended = subprocess.run([sys.executable, "-c", SPEAK], cwd=ROOT, capture_output=True, text=True, check=True)
    trace, span = ended.stdout.split()
    ours, theirs, broken, apart = (json.loads(line) for line in ended.stderr.splitlines())
    assert (ours["event"], ours["level"], ours["number"]) == ("ours", "info", 1)
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("theirs: two", "warning", "a.library")
    assert "ZeroDivisionError" in broken["exception"]
    for line in (ours, theirs, broken):
        assert (line["trace_id"], line["span_id"]) == (trace, span)
        assert line["timestamp"]
    assert "trace_id" not in apart
