"""What a program tells while it works: one JSON object a line on stdout, and nothing else there."""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

from pydantic import BaseModel

from training import configs
from training.errors import InvalidInput, Missing, OutOfResource, TrainingError

__all__ = ["Finished", "InvalidInput", "Missing", "OutOfResource", "TrainingError", "emit", "main"]

Config = TypeVar("Config", bound=BaseModel)

_out: IO[str] | None = None
"""Where events go once `main` has taken stdout for them; until then they go to sys.stdout as it is."""


class Finished(NamedTuple):
    """What a program has made: the folder (or file) under its final name, and the figures about it."""

    output_dir: Path
    metrics: dict[str, Any]


def emit(event: str, **fields: Any) -> None:
    """Prints `{"event": event, ...}`. Of several processes of one training only the first one speaks.

    Numbers that JSON doesn't know (NaN, infinities) become null.
    """
    if os.environ.get("RANK", "0") != "0":
        return
    line = json.dumps({"event": event, **_plain(fields)}, ensure_ascii=False)
    print(line, file=_out or sys.stdout, flush=True)


def main(program: str, config: type[Config], run: Callable[[Config], Finished], argv: Sequence[str]) -> int:
    """Runs a program from the command line: `--config x.yaml field.sub=value ...`; returns its exit status.

    Events: `start` with the whole config, then those of the program, then `done`, or `error` with `code` (`invalid`,
    `missing`, `resource`, `internal`) and `message`. What libraries print goes to stderr, and so does the traceback of
    an error that nobody foresaw. Exit status: 0; 2 for bad settings, rows or models; 1 for all else.
    """
    _keep_stdout()
    try:
        settings = configs.load(config, argv, program=program)
        emit("start", program=program, config=settings.model_dump(mode="json"))
        finished = run(settings)
    except TrainingError as error:
        emit("error", code=error.code, message=str(error))
        return error.exit_status
    except (MemoryError, OSError) as error:
        return _out_of_resource(error)
    except Exception as error:  # noqa: BLE001 - the last line of defence: told in the one form its caller reads
        if type(error).__name__ == "OutOfMemoryError":  # torch's, without loading torch for programs that don't
            return _out_of_resource(error)
        traceback.print_exc()
        emit("error", code="internal", message=f"{type(error).__name__}: {error}")
        return 1
    emit("done", output_dir=str(finished.output_dir), metrics=finished.metrics)
    return 0


def _out_of_resource(error: BaseException) -> int:
    traceback.print_exc()
    emit("error", code="resource", message=f"{type(error).__name__}: {error}")
    return 1


def _keep_stdout() -> None:
    """Keeps stdout for events: whatever else writes to it, C libraries and child processes included, gets stderr."""
    global _out  # noqa: PLW0603 - the process has one stdout
    if _out is None:
        sys.stdout.flush()
        _out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value
