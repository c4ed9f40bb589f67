"""From a workspace's files to a finished pipeline and its files: what `teachback pipeline run` does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from teachback import training_run
from teachback.client import Client
from teachback.enhancing import Say
from teachback.errors import BadInput
from teachback.stats import write_json
from teachback.training_files import TrainingFiles
from teachback.v1 import job_pb2

STAGES: Final = ("generate", "sft", "preferences", "dpo", "quantize", "evaluate")


@dataclass(frozen=True)
class Wish:
    """What of a pipeline is wanted; `options` are fields of a PipelineSpec beside its rows and stages."""

    files: TrainingFiles
    stages: tuple[str, ...] = STAGES
    force: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


def spec(client: Client, wish: Wish, say: Say) -> dict[str, Any]:
    """The fields of a PipelineSpec that starts from the files as they are now; they are uploaded where need be.

    Raises BadInput where the rows are not there.
    """
    files = wish.files
    if not files.data.train.is_file():
        raise BadInput(f"there is no {files.data.train}: name the stage generate too, or write the rows there")
    fields: dict[str, Any] = {
        "name": files.name,
        "dataset": training_run.rows(client, files.data.train, say),
        "stages": [stage for stage in wish.stages if stage != "generate"],
        "force": [stage for stage in wish.force if stage in wish.stages and stage != "generate"],
        **wish.options,
    }
    if files.data.validation.is_file() and files.data.validation.stat().st_size:
        fields["validation"] = training_run.rows(client, files.data.validation, say)
    if files.schema.is_file():
        fields["cli_schema"] = training_run.rows(client, files.schema, say, "schema")
    if "preferences" not in wish.force and files.edited(files.preferences):
        say(f"{files.preferences} is there: its pairs are taken, none are made")
        fields["preferences"] = training_run.rows(client, files.preferences, say)
    return fields


class Harvest:
    """Fetches what each stage has left as soon as it is done. Call it with every state of the pipeline's job."""

    def __init__(self, files: TrainingFiles, say: Say) -> None:
        self._files, self._say = files, say
        self.stages: dict[str, dict[str, Any]] = {}

    def __call__(self, client: Client, job: job_pb2.Job) -> None:
        """Looks for stages that are new in the report."""
        told: dict[str, dict[str, Any]] = json.loads(job.report_json or "{}").get("stages", {})
        for stage, how in told.items():
            if self.stages.get(stage) == how:
                continue
            self.stages[stage] = how
            self._say(f"{stage}: {how['outcome']}" + (f" ({how['job']})" if "job" in how else ""))
            if "job" in how:
                self._fetch(client, stage, how["job"])
        if told:
            self._files.models.mkdir(parents=True, exist_ok=True)
            write_json(self._files.report, {"job": job.name, "name": self._files.name, "stages": told})

    def _fetch(self, client: Client, stage: str, job: str) -> None:
        files = self._files
        if stage == "preferences":
            client.job(job).export(files.preferences)
            files.wrote(files.preferences)
        elif stage == "quantize":
            # Beside the folders of the models: the file itself, its Modelfile, and what was found when it was checked.
            training_run.fetch(client, job, files.models, self._say, lambda path: "/" not in path)
        elif stage != "generate":
            training_run.fetch(client, job, files.folder(stage), self._say)


def chosen(text: str, option: str) -> tuple[str, ...]:
    """Stages from a list with commas, in their order. Raises BadInput for one that does not exist."""
    named = [name.strip() for name in text.split(",") if name.strip()]
    if wrong := [name for name in named if name not in STAGES]:
        raise BadInput(f"{option}: {', '.join(wrong)} is no stage; there are {', '.join(STAGES)}")
    return tuple(stage for stage in STAGES if stage in named)


def rows_in(path: Path) -> int:
    """Lines of a file; 0 where there is none."""
    try:
        with path.open("rb") as file:
            return sum(1 for line in file if line.strip())
    except OSError:
        return 0
