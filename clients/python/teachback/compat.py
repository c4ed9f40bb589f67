"""Enhancement as a Python object: one config, one coroutine, a dict of numbers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from teachback import enhancing, wire
from teachback.errors import BadInput
from teachback.session import Session
from teachback.stats import Stats
from teachback.tls import Tls

# These say by themselves where a model runs; any other local student is on the operator's own server.
LOCAL_PROVIDERS = frozenset(
    {"offline", "embedded", "local", "ollama", "ollama_chat", "lm_studio", "hosted_vllm", "vllm", "llamafile"}
)


@dataclass(frozen=True)
class StudentTeacherConfig:
    """Who plays, and how long.

    With `use_local_student` a bare name or one of a model hub means a model on the operator's own server
    ("local/NAME"); without it, names go to the service as they are. Raises BadInput for a number that can't be.
    """

    student_model: str = "unsloth/Phi-3.5-mini-instruct"
    teacher_model: str = "gpt-4o-mini"
    evaluator_model: str = ""
    max_iterations: int = 3
    use_local_student: bool = True
    batch_size: int = 10
    style: wire.Style = "qa"
    thinking_format: wire.ThinkingFormat = "iterative"
    max_cost: float | None = None

    def __post_init__(self) -> None:
        """Raises BadInput for numbers that the service would take for "not given"."""
        if self.max_iterations < 1:
            raise BadInput(f"max_iterations is {self.max_iterations}; at least one round is needed")
        wire.check_budget(self.max_cost)

    @property
    def student(self) -> str:
        """The student's name as the service wants it."""
        name = self.student_model
        if not self.use_local_student or name.split("/")[0] in LOCAL_PROVIDERS:
            return name
        return f"local/{name}"


class ThinkingEnhancer:
    """Enhances the thinking of a file of examples; the work is done by a service, a private one by default."""

    def __init__(
        self,
        config: StudentTeacherConfig | None = None,
        server: str = "",
        token: str | None = None,
        tls: Tls | None = None,
    ) -> None:
        """`server` is host:port, or https://host:port, of a service that runs; none: a private one is started."""
        self.config = config or StudentTeacherConfig()
        self._server, self._token, self._tls = server, token, tls

    async def enhance_dataset(
        self, input_path: str | Path, output_path: str | Path, max_samples: int | None = None
    ) -> Stats:
        """Works until every row has an outcome, writes `output_path` and returns the numbers of the run.

        Called again with the same files it goes on where it was. Raises JobEnded where the job ends before its rows
        do, and the other errors of `teachback.errors`.
        """
        session = await asyncio.to_thread(Session, self._server, self._token, tls=self._tls)
        run = enhancing.Run([Path(input_path)], Path(output_path), self._options(max_samples))
        try:
            return await asyncio.to_thread(_work, session, run)
        finally:
            session.close()  # also ends the thread's calls where this coroutine was cancelled; the job goes on

    def _options(self, max_samples: int | None) -> wire.EnhanceOptions:
        config = self.config
        options = wire.EnhanceOptions(
            student=config.student,
            teacher=config.teacher_model,
            evaluator=config.evaluator_model,
            max_iterations=config.max_iterations,
            batch_size=config.batch_size,
            style=config.style,
            thinking_format=config.thinking_format,
        )
        if max_samples is not None:
            options["max_samples"] = max_samples
        if config.max_cost is not None:
            options["max_cost"] = config.max_cost
        return options


def _work(session: Session, run: enhancing.Run) -> Stats:
    started = enhancing.start(session.client, run, lambda _: None)
    job = enhancing.follow(started.job, enhancing.checkpointing(started, lambda _: None), session.reconnect)
    stats = enhancing.finish(started, job)
    enhancing.check_done(job.job)
    return stats
