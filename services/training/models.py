"""Where the model that a request names is. No path of a caller's is ever taken."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from services.errors import InvalidRequest, WrongState
from services.jobs.work import Kit
from services.store.ids import tail
from services.store.jobs import JobStore
from services.training.artifacts import Artifacts
from services.training.specs import DpoSpec, SftSpec
from services.views import JobState

# No part may begin with a dot or a hyphen: "../x" would be a path, and "-x" an option.
_HUB: Final = re.compile(r"[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*", re.ASCII)
TRAINED: Final = ("sft", "dpo")
"""Kinds of jobs whose output is a model in Hugging Face's form."""


def check(name: str, kit: Kit, field: str, kinds: tuple[str, ...] = TRAINED) -> None:
    """Whether a request may name this model. An empty name is the service's own choice.

    Raises InvalidRequest for what is no model's name, NotFound, WrongState for a job that has not succeeded.
    """
    if name.startswith("jobs/"):
        job = kit.store.get(name)
        if job.spec.kind_name not in kinds:
            raise InvalidRequest(
                f"{field}: {name} is a job of kind {job.spec.kind_name}, and one of {' or '.join(kinds)} is needed"
            )
        if job.state is not JobState.SUCCEEDED:
            raise WrongState(f"{field}: {name} is {job.state.value}; its model can be used once it has succeeded")
    elif name not in ("", kit.settings.base_model) and not _HUB.fullmatch(name):
        raise InvalidRequest(
            f"{field}: {name[:80]!r} names no model; write jobs/ID of a training, embedded/smollm2-135m, or a name on "
            "the hub as meta-llama/Llama-3.2-1B-Instruct (no path)"
        )


def located(name: str, kit: Kit) -> str:
    """What a program is given for a model: a job's folder (or its GGUF file) relative to its own, or the name.

    Raises WrongState where the job's files are gone.
    """
    own = kit.settings.base_model
    if name in ("", own):
        folder = Path(own).expanduser()
        return str(folder.absolute()) if folder.exists() else own  # the operator may name a path
    if not name.startswith("jobs/"):
        return name
    output = brought(name, kit.store, kit.artifacts)
    if not output.is_dir():
        raise WrongState(f"{name} has no model any more: its files are gone")
    found = next(iter(sorted(output.glob("*.gguf"))), output)
    return str(Path("..") / found.relative_to(output.parents[1]))


def brought(name: str, store: JobStore, artifacts: Artifacts) -> Path:
    """The folder that a job has left its model in, on this disk. Raises ArtifactsGone.

    An adapter finds the model that it belongs to beside it: where the files are in a store, that comes too.
    """
    output = artifacts.here(tail(name, "jobs"))
    kind = store.get(name).spec.kind
    if artifacts.objects and isinstance(kind, SftSpec | DpoSpec) and kind.model.startswith("jobs/"):
        brought(kind.model, store, artifacts)
    return output


def labels(names: list[str], kit: Kit) -> list[str]:
    """What to call models side by side: what a job did ("sft"), a file's name, the end of a name; all differ."""
    called: list[str] = []
    for name in names:
        told = name.rstrip("/").rpartition("/")[2]
        if name.startswith("jobs/"):
            told = kit.store.get(name).spec.kind_name
            if told == "quantize":
                told = Path(located(name, kit)).stem
        again = sum(one == told or one.startswith(f"{told} (") for one in called)
        called.append(f"{told} ({again + 1})" if again else told)
    return called


def title(name: str, kit: Kit) -> str:
    """What a file of this model is called where nobody says: of a job its base model's name and its kind."""
    if not name.startswith("jobs/"):
        return (name or kit.settings.base_model).rstrip("/").rpartition("/")[2]
    spec = kit.store.get(name).spec
    under = spec.kind.model if isinstance(spec.kind, SftSpec | DpoSpec) else ""
    while under.startswith("jobs/"):  # what was trained in several turns is of the last kind
        kind = kit.store.get(under).spec.kind
        under = kind.model if isinstance(kind, SftSpec | DpoSpec) else ""
    return f"{title(under, kit)}-{spec.kind_name}"
