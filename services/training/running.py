"""A training at work: its rows written to files, its program run as a child, what that says made the job's events."""

from __future__ import annotations

import asyncio
import json
import math
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from sqlalchemy import Connection, update

from services.errors import InvalidRequest, NotInstalled
from services.jobs.work import Kit
from services.store.ids import tail
from services.store.tables import jobs
from services.training import far, launcher, models, programs
from services.training.inputs import Source, write, write_split
from services.training.keeping import Keeper
from services.training.launcher import Event
from services.training.specs import DpoSpec, EvaluateSpec, QuantizeSpec, SftSpec, TrainingProgress
from services.training.told import line
from services.training.tracing import Told
from services.views import Job, Progress, Spec
from training import configs
from training.errors import InvalidInput
from training.quantization import types

TRAININGS: Final = (SftSpec, DpoSpec, QuantizeSpec, EvaluateSpec)
"""Kinds of jobs that a program does; of these only so many are at work at once."""
EACH: Final = 1.0
"""Seconds between two steps that are recorded; the last one of a stage always is."""
LONGEST: Final = 16_384
"""Characters of an event's message."""
_NEEDED: Final = ("torch", "transformers", "peft", "trl", "psutil")
_SEED: Final = 42
"""Of the split, where the training names no other: the programs' own default."""


def check_installed() -> None:
    """Raises NotInstalled where the programs can't run here."""
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise NotInstalled(
            f"the trainer is not installed here (no {', '.join(missing)}): `pip install 'teachback-server[train]'` in "
            "the service's environment, or `make install-train` in a checkout; then start the service again"
        )


async def check(spec: Spec, kit: Kit) -> None:
    """Whether a training can begin. Raises NotInstalled, NotFound, InvalidRequest or WrongState."""
    if kit.cluster is None:  # else it is there that they are wanted, and the program says what is missing
        check_installed()
    await asyncio.to_thread(_check, spec, kit)


def _check(spec: Spec, kit: Kit) -> None:
    source = Source(kit)
    if isinstance(spec, SftSpec | DpoSpec):
        kind: Literal["rows", "pairs"] = "rows" if isinstance(spec, SftSpec) else "pairs"
        _check_options(spec)
        models.check(spec.model, kit, "model")
        source.check(spec.dataset, kind, "dataset")
        if spec.validation:
            source.check(spec.validation, kind, "validation")
    elif isinstance(spec, QuantizeSpec):
        _check_type(spec)
        models.check(spec.model, kit, "model")
        for field in ("imatrix_dataset", "fidelity_dataset"):
            if name := getattr(spec, field):
                source.check(name, "rows", field)
    elif isinstance(spec, EvaluateSpec):
        for number, name in enumerate(spec.models):
            models.check(name, kit, f"models[{number}]", (*models.TRAINED, "quantize"))
        source.check(spec.dataset, "rows", "dataset")
        if spec.cli_schema and (held := kit.datasets.get(spec.cli_schema).kind) != "schema":
            raise InvalidRequest(f"cli_schema: {spec.cli_schema} holds {held}; upload the schema as kind schema")


def _check_options(spec: SftSpec | DpoSpec) -> None:
    """Raises InvalidRequest for options that the program of this spec has not, or that don't go together."""
    config = programs.program(spec, [spec.model or "the/default"], validation=False).config
    try:
        configs.validate(configs.SftConfig if isinstance(spec, SftSpec) else configs.DpoConfig, config)
    except InvalidInput as error:
        raise InvalidRequest(f"training: {error}") from None


def _check_type(spec: QuantizeSpec) -> None:
    """Raises InvalidRequest for a quantization that llama.cpp does not know, or that needs rows to weigh by."""
    try:
        found = types.file_type(spec.quantization or "q4_k_m")
    except InvalidInput as error:
        raise InvalidRequest(f"quantization: {error}") from None
    if found.needs_imatrix and not spec.imatrix_dataset:
        raise InvalidRequest(
            f"quantization: {found.name} is of no use without an importance matrix; name rows as imatrix_dataset, "
            "or take a type with more bits"
        )


class Training:
    """One job of a program, as the scheduler has it at work."""

    def __init__(self, job: Job, spec: Spec, kit: Kit) -> None:
        assert isinstance(spec, TRAININGS)
        self._spec, self._kit, self._name, self._id = spec, kit, job.name, tail(job.name, "jobs")
        self._keeper: Keeper | None = None
        self._told = (job.progress.training or TrainingProgress()).model_copy(update={"stage": "loading"})
        self._eta: float | None = None
        self._recorded = 0.0
        self._heard = Told(job.spec.kind_name)

    def progress(self) -> Progress:
        """How far the program is."""
        told = self._told.model_copy()
        return Progress(total_examples=told.steps, done_examples=told.step, eta_seconds=self._eta, training=told)

    def pause(self) -> bool:
        """A program can't hold still: it is ended, and goes on from its last checkpoint."""
        return False

    def go_on(self) -> bool:
        """False: see `pause`."""
        return False

    async def stopped(self, by: Literal["pause", "cancel"]) -> None:
        """Nothing is left: the child has gone with `work`."""

    async def work(self) -> None:
        """Runs the program to its end, from its last checkpoint where there is one, and records its report.

        Raises what `launcher.run` raises, and InvalidRequest for rows that can't be used.
        """
        program = await asyncio.to_thread(self._prepare)
        run = await asyncio.to_thread(self._kit.store.runs, self._name)
        self._keeper = keeper = Keeper(self._kit.artifacts, self._id, run)
        try:
            done = await self._run(program)
            if self._kit.artifacts.objects:
                self._told.stage = "storing"
                await self._append("step", "what it leaves is being stored")
                await keeper.output()
        finally:
            await keeper.close()
        metrics = done.get("metrics") or {}
        self._told.step = self._told.steps
        await self._append("report", "the figures are written", report=json.dumps(metrics, ensure_ascii=False))

    async def _run(self, program: programs.Program) -> Event:
        with self._heard:
            cluster = self._kit.cluster
            return await (partial(far.run, cluster, nodes=self._nodes()) if cluster else launcher.run)(
                program.module,
                ["--config", "input/config.yaml"],
                self._kit.artifacts.folder(self._id),
                self._on_event,
                memory_limit=self._kit.settings.training_memory_limit or 0,
            )

    def _nodes(self) -> int:
        """Of Ray's: what trains can be shared, what converts or measures is done on one."""
        return self._kit.settings.training_nodes if isinstance(self._spec, SftSpec | DpoSpec) else 1

    def _prepare(self) -> programs.Program:
        kit, folder = self._kit, self._kit.artifacts.folder(self._id)
        kit.artifacts.resume(self._id)
        program = prepare(self._spec, kit, folder)
        text = yaml.safe_dump(program.config, sort_keys=False, allow_unicode=True)
        (folder / "input/config.yaml").write_text(text, encoding="utf-8")
        return program

    async def _on_event(self, event: Event) -> None:
        kind, told = event["event"], self._told
        before = told.stage
        self._take(event)
        self._heard.hear(told)
        last = 0 < told.steps <= told.step
        due = time.monotonic() - self._recorded >= EACH or told.stage != before or last
        if kind == "proof":
            await self._append("proof", str(event.get("text", "")))
        elif kind == "checkpoint" and self._keeper:
            self._keeper.checkpoint()
        elif kind in ("estimate", "eval") or (kind == "step" and due):
            await self._append("step", line(event))

    def _take(self, event: Event) -> None:
        """Takes the figures of an event over."""
        told = self._told
        match event["event"]:
            case "proof":
                told.stage = "proof"
            case "step":
                told.stage = str(event.get("stage", "train"))[:40]
                told.step, told.steps = _count(event.get("step")), _count(event.get("steps"))
                told.epoch = _number(event.get("epoch")) or told.epoch
                told.loss = _number(event.get("loss")) if "loss" in event else told.loss
                told.tokens_per_second = _number(event.get("tokens_per_second"))
                told.memory_bytes = _count(event.get("memory_bytes")) or None
                self._eta = _number(event.get("eta_seconds"))
            case "eval":
                told.eval_loss = _number(event.get("eval_loss"))

    async def _append(self, type_: str, message: str, **fields: Any) -> None:
        self._recorded = time.monotonic()
        progress = self.progress()
        body = {"message": message[:LONGEST], "progress": progress.model_dump(mode="json", exclude_defaults=True)}
        change = update(jobs).where(jobs.c.id == self._id).values(progress=progress.model_dump_json(), **fields)

        def write_too(connection: Connection) -> None:
            connection.execute(change)

        await self._kit.log.append(self._id, type_, body, also=write_too)


def prepare(spec: Spec, kit: Kit, folder: Path) -> programs.Program:
    """Writes what the program of a spec reads into `folder`/input, once; returns the program. Blocks."""
    (folder / "input").mkdir(exist_ok=True)
    source, validation = Source(kit), False

    def put(name: str, path: str, kind: Literal["rows", "pairs"] = "rows") -> None:
        write(source.read(name, kind, "dataset"), folder / path)

    if isinstance(spec, SftSpec):
        validation = True
        if spec.validation:
            put(spec.validation, programs.VALIDATION)
            put(spec.dataset, programs.TRAIN)
        else:
            seed = spec.training.seed if spec.training and spec.training.seed is not None else _SEED
            train, held = folder / programs.TRAIN, folder / programs.VALIDATION
            validation = write_split(lambda: source.read(spec.dataset, "rows", "dataset"), train, held, seed)
        named = [spec.model]
    elif isinstance(spec, DpoSpec):
        put(spec.dataset, programs.TRAIN, "pairs")
        if validation := bool(spec.validation):
            put(spec.validation, programs.VALIDATION, "pairs")
        named = [spec.model]
    elif isinstance(spec, QuantizeSpec):
        for name, path in ((spec.imatrix_dataset, programs.IMATRIX), (spec.fidelity_dataset, programs.FIDELITY)):
            if name:
                put(name, path)
        named = [spec.model]
    else:
        assert isinstance(spec, EvaluateSpec)
        put(spec.dataset, programs.TEST)
        if spec.cli_schema:
            schema = next(kit.datasets.items(tail(spec.cli_schema, "datasets")))
            (folder / programs.SCHEMA).write_text(schema.raw, encoding="utf-8")
        named = list(spec.models)
    located = [models.located(name, kit) for name in named]
    program = programs.program(spec, located, validation=validation)
    if isinstance(spec, QuantizeSpec):
        program.config["naming"]["name"] = spec.name or models.title(spec.model, kit)
    elif isinstance(spec, EvaluateSpec):
        program.config["labels"] = models.labels(named, kit)
    return program


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) and value >= 0 else 0
