"""From files to a finished training job and its files: what `train`, `quantize`, `evaluate` and `pipeline` share.

The same call finds the same job again: done, its files are fetched; failed or paused, it goes on.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from teachback import enhancing, files, trainer, wire
from teachback.client import Client, JobHandle
from teachback.enhancing import Say
from teachback.errors import BadInput
from teachback.stats import state_of, write_json
from teachback.training_files import digest
from teachback.v1 import job_pb2

NOTE = "teachback.json"
"""In a folder of fetched files: the job that they are of, so that the folder can stand for the job."""


def rows(client: Client, source: str | Path, say: Say, kind: wire.Kind = "training") -> str:
    """The dataset of a file, uploaded where it is not known yet; names of datasets and jobs stand for themselves.

    Raises BadInput where there is no such file or no row of it can be used.
    """
    text = str(source)
    if text.startswith(("datasets/", "jobs/")):
        return text
    dataset = enhancing.upload(client, [Path(source)], False, kind)
    enhancing.tell_bad_rows(client, dataset, say)
    return dataset.name


def model(source: str) -> str:
    """What a request names a model: the job whose fetched files a folder or file is, or the name as it is."""
    path = Path(source)
    folder = path if path.is_dir() else path.parent
    if not source or not path.exists():
        return source
    try:
        told: str = json.loads((folder / NOTE).read_text())["job"]
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(
            f"{source} was not fetched from a job, and a service loads models by name: give jobs/ID or a hub name"
        ) from None
    return told


def start(
    client: Client, kind: str, fields: dict[str, Any], say: Say, *, resume: bool = True, again: bool = False
) -> JobHandle:
    """Finds or creates the job of this work and sets it in motion. `resume=False`: a new job in any case.

    `again`: one that succeeded is left alone and done anew; its own stages are then what is taken over.
    Raises BadInput for settings that can't run, Conflict or NotFound for what they name.
    """
    spec = trainer.spec(kind, **fields)

    def begin(key: str) -> JobHandle:
        return client.create(spec, idempotency_key=key)

    if not resume:
        return begin(f"fresh-{uuid.uuid4()}")
    named = {name: value for name, value in sorted(fields.items()) if name not in enhancing.NOT_IN_KEY}
    key = f"{kind}-" + hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()
    number = 0
    while True:
        job = enhancing.find_or_create(client, begin, key if not number else f"{key}.{number}")
        state = job.job.state
        if again and state == job_pb2.JOB_STATE_SUCCEEDED:
            number += 1
            continue
        if state in (job_pb2.JOB_STATE_PAUSED, job_pb2.JOB_STATE_FAILED):
            was = state_of(job.job)
            job.resume(fields.get("max_cost"))
            say(f"{job.name} was {was} and goes on where it stopped")
        elif state == job_pb2.JOB_STATE_SUCCEEDED:
            say(f"{job.name} has done this before; its files are taken")
        return job


def estimated(client: Client, kind: str, fields: dict[str, Any]) -> str:
    """What a training needs, in words for people: memory, time, steps, parameters."""
    from teachback.cli.progress import duration, size

    told = client.estimate(trainer.spec(kind, **fields))
    parts = [f"{size(told.memory_bytes)} of the {size(told.available_bytes)} here"]
    if told.HasField("seconds"):
        parts.append(f"about {duration(told.seconds)}")
    parts.append(f"{told.steps} steps")
    parts.append(f"{told.trainable_parameters:,} of {told.parameters:,} parameters trained")
    return f"on {told.device}: {', '.join(parts)}"


def fetch(client: Client, job: str, folder: Path, say: Say, wanted: Callable[[str], bool] = lambda _: True) -> int:
    """Writes a job's files below a folder, each whole or not at all; those that are there already are left.

    Returns how many were written. Raises OutputError where one can't be.
    """
    written = 0
    for artifact in client.artifacts(job):
        to = trainer.place(artifact, folder)
        if not wanted(to.relative_to(folder).as_posix()):
            continue
        if to.is_file() and to.stat().st_size == artifact.size_bytes and digest(to) == artifact.sha256:
            continue
        files.make_folder(to.parent)
        with files.replacing(to) as file:
            checked = trainer.Checked(file)
            client.fetch(artifact.name, checked)
            checked.check(artifact)
        written += 1
    files.make_folder(folder)
    write_json(folder / NOTE, {"job": job})
    if written:
        say(f"{folder}: {written} files of {job}")
    return written
