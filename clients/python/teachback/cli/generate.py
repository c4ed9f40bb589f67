"""`teachback generate ...`: the group, and what its commands have in common."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from teachback.cli.attending import shown
from teachback.cli.where import say

if TYPE_CHECKING:
    from teachback.client import JobHandle
    from teachback.session import Session
    from teachback.v1 import job_pb2
    from teachback.wire import GenerateOptions

app = typer.Typer(no_args_is_help=True)

Teacher = Annotated[str, typer.Option(help="Model that writes, as provider/model. Default: the service's.")]
Evaluator = Annotated[str, typer.Option(help="Model that rates what rules can't. Default: the service's.")]
BatchSize = Annotated[int, typer.Option(min=1, max=1000, help="Examples in flight at once.")]
Attempts = Annotated[int, typer.Option(min=1, max=20, help="Attempts at an example before it is dropped.")]
Enhance = Annotated[
    bool, typer.Option("--enhance", help="Then work on the thinking of every example, into OUTPUT.thinking.jsonl.")
]
Student = Annotated[str, typer.Option(help="With --enhance: the model that thinks. Default: the service's.")]
Seed = Annotated[int, typer.Option(help="Decides every draw; the same seed plans the same.")]


def attend(
    session: Session,
    sources: Sequence[Path],
    options: GenerateOptions,
    *,
    resume: bool = True,
    strict: bool = False,
    also: Callable[[JobHandle, job_pb2.Job], None] | None = None,
) -> JobHandle:
    """Starts or finds the job, shows it until it is done, and returns it with its report.

    `also` is called with every state that is shown. Ctrl-C leaves it (exit code 130): the job goes on, and the same
    command takes it up again. Raises JobEnded where it is not done.
    """
    from teachback import enhancing, making

    def start() -> JobHandle:
        return making.start(session.client, sources, options, say, resume=resume, strict=strict)

    job = shown(session, start, ", ".join(str(path) for path in sources), also)
    enhancing.check_done(job.job)
    return job


def think(
    session: Session,
    job: JobHandle,
    output: Path,
    models: Mapping[str, str],
    *,
    without: Collection[int] = (),
) -> None:
    """The thinking of what was made, by the loop: from OUTPUT.messages.jsonl to OUTPUT.thinking.jsonl.

    What was made is given, and the thinking explains it: there is no one right answer that it could be found by.
    `models`: those named for the loop's roles. `without`: places of rows that stay as they are, as those held out.
    """
    from teachback import enhancing
    from teachback.cli.enhance import attend as attend_enhance
    from teachback.cli.show import put_stats
    from teachback.files import replacing

    made = io.BytesIO()
    job.export(made, format="messages")
    rows = output.with_name(f"{output.stem}.messages.jsonl")
    with replacing(rows) as file:
        for place, line in enumerate(made.getvalue().splitlines()):
            if place not in without:
                file.write(json.dumps(_given(json.loads(line)), ensure_ascii=False).encode() + b"\n")
    options = {role: model for role, model in models.items() if model} | {"style": "qa"}
    out = output.with_name(f"{output.stem}.thinking.jsonl")
    stats, enhanced = attend_enhance(session, enhancing.Run([rows], out, options))  # type: ignore[arg-type]
    enhancing.check_done(enhanced.job)
    put_stats(stats)


def _given(row: dict[str, Any]) -> dict[str, Any]:
    """A chat as a request whose response is given."""
    *asked, last = row["messages"]
    return {**row, "messages": asked, "expected_response": {"type": "text", "response": last["content"]}}
