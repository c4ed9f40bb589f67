"""A training that several nodes share, through Ray Train: a worker on each runs the program in a child of its own.

The programs meet as torchrun's do, at an address of the first one's node, and the first one speaks for all. Where a
worker or a program dies, Ray Train starts all of them anew, and they go on from the last whole checkpoint, which is on
the disk that they share.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ray import train, util
from ray.train.collective import broadcast_from_rank_zero

# Ray Train's own trainers for torch set up torch in the worker; here it is the child that has it.
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from services import logs
from services.errors import InvalidRequest, TrainingFailed, named
from services.ray import training
from services.ray.order import Answer, Program, failed

DEATHS: Final = 3
"""How often they are begun anew."""


class Died(Exception):
    """A program that ended as it may where another one, or a node, has died; it says how."""


def answer(program: Program) -> Answer:
    """Runs the program on as many nodes as it asks for; returns how it went."""
    try:
        folder = training.shared_folder(program)
    except InvalidRequest:
        return training.answer(program)  # which meets the same, and tells it
    said, notes = _said(folder, program), folder / f"{program.told}.ray"
    shared = DataParallelTrainer(
        part,
        train_loop_config={"program": program.model_dump_json()},
        scaling_config=train.ScalingConfig(num_workers=program.nodes, use_gpu=program.gpu, placement_strategy="SPREAD"),
        run_config=train.RunConfig(
            name=program.job_id,
            storage_path=str(notes),
            failure_config=train.FailureConfig(max_failures=DEATHS),
        ),
    )
    try:
        shared.fit()
        return _read(said)
    except train.TrainingFailedError as error:
        if said.exists():
            return _read(said)
        return failed(TrainingFailed(_last(error)))
    finally:
        shutil.rmtree(notes, ignore_errors=True)
        said.unlink(missing_ok=True)


def part(told: dict[str, Any]) -> None:
    """What each of the workers does."""
    logs.configure()
    program = Program.model_validate_json(told["program"])
    context = train.get_context()
    rank = context.get_world_rank()
    meeting = broadcast_from_rank_zero(_meeting() if rank == 0 else None)
    said = _said(training.shared_folder(program), program)
    if said.exists():  # one of them has found what no new start can mend
        return
    place = {
        "RANK": str(rank),
        "LOCAL_RANK": "0" if program.gpu else str(context.get_local_rank()),  # it sees no GPU but its own
        "WORLD_SIZE": str(context.get_world_size()),
        **meeting,
    }
    found = training.answer(program, place)
    if found.ended == "failed" and named(found.reason) in (None, TrainingFailed):
        raise Died(found.message)
    if rank == 0 or found.ended != "done":
        half = said.with_suffix(f".{rank}")
        half.write_text(found.model_dump_json(), encoding="utf-8")
        half.replace(said)


def _meeting() -> Mapping[str, str]:
    """Where the programs meet: a port of this node that nobody has."""
    address = util.get_node_ip_address()
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as free:
        free.bind((address, 0))
        return {"MASTER_ADDR": address, "MASTER_PORT": str(free.getsockname()[1])}


def _said(folder: Path, program: Program) -> Path:
    return folder / f"{program.told}.answer"


def _read(said: Path) -> Answer:
    return Answer.model_validate_json(said.read_text(encoding="utf-8"))


def _last(error: Exception) -> str:
    """What the first of those that died has said."""
    deaths: Mapping[int, Exception] = getattr(error, "worker_failures", {})
    lowest = min(deaths, default=None)
    told = str(error) if lowest is None else str(deaths[lowest])
    return f"begun anew {DEATHS} times on several nodes, and it died again: {told}"
