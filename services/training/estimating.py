"""What a training needs of this machine, told by its own program before anything is started."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import yaml

from services.errors import TrainingFailed
from services.jobs.work import Kit
from services.training import launcher, running
from services.training.artifacts import Artifacts
from services.training.launcher import Event
from services.training.specs import DpoSpec, SftSpec, TrainingEstimate

_PREFIX: Final = "estimate-"
_LONGEST: Final = 2000


class Estimator:
    """One estimate at a time: each loads torch and reads all rows."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._root, self._turn = artifacts.root, asyncio.Lock()
        for left in self._root.glob(f"{_PREFIX}*"):  # by a service that was killed meanwhile
            shutil.rmtree(left, ignore_errors=True)

    async def estimate(self, spec: SftSpec | DpoSpec, kit: Kit) -> TrainingEstimate:
        """Memory, time and sizes. Raises what creating the job would raise, and what its program would say at once."""
        await running.check(spec, kit)
        told: list[Event] = []

        async def note(event: Event) -> None:
            if event["event"] == "estimate":
                told.append(event)

        async with self._turn:
            with ExitStack() as stack:
                folder = Path(stack.enter_context(await asyncio.to_thread(self._folder)))
                program = await asyncio.to_thread(self._write, spec, kit, folder)
                arguments = [program, "--config", "input/config.yaml"]
                limit = kit.settings.training_memory_limit or 0
                try:
                    await launcher.run("training.estimate", arguments, folder, note, memory_limit=limit)
                except TrainingFailed as error:  # its last lines are more than the trailers of a call can hold
                    raise TrainingFailed(_shortened(str(error))) from error
        if not told:
            raise TrainingFailed("the program ended without an estimate")
        fields = TrainingEstimate.model_fields
        return TrainingEstimate.model_validate({k: v for k, v in told[-1].items() if k in fields})

    def _folder(self) -> tempfile.TemporaryDirectory[str]:
        # Beside the jobs' folders: their models are found from here as they are from there.
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        return tempfile.TemporaryDirectory(prefix=_PREFIX, dir=self._root)

    def _write(self, spec: SftSpec | DpoSpec, kit: Kit, folder: Path) -> str:
        program = running.prepare(spec, kit, folder)
        (folder / "input/config.yaml").write_text(yaml.safe_dump(program.config), encoding="utf-8")
        return program.module.rpartition(".")[2]


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 4]} ... {text[-_LONGEST // 2 :]}"
