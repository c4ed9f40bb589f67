"""A program on a cluster that is begun anew: as often as it may be, and for the right reasons. The cluster is stood in
for by what it would answer; the real one is in tests/ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from services.errors import InvalidRequest, TrainingFailed, WrongState
from services.ray.cluster import Cluster, Died
from services.ray.order import Answer
from services.training import far

DONE = Answer(ended="done", event={"event": "done", "metrics": {}})
BUSY = Answer(ended="failed", reason="WRONG_STATE", message="another process trains into output already")
REFUSED = Answer(ended="failed", reason="INVALID_REQUEST", message="line 3: the row is too long")
LOST = Died("the node is gone")


class Answers:
    """Answers one after the other, as a cluster would."""

    def __init__(self, *answers: Answer | Died) -> None:
        self.answers = list(answers)

    async def resources(self) -> dict[str, float]:
        return {"cpus": 2.0, "gpus": 0.0}

    async def run(self, *_: Any, **__: Any) -> str:
        answer = self.answers.pop(0)
        if isinstance(answer, Died):
            raise answer
        return answer.model_dump_json()


async def run(folder: Path, answers: Answers) -> dict[str, Any]:
    async def note(_: dict[str, Any]) -> None: ...

    return await far.run(cast("Cluster", answers), "training.sft", [], folder, note)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(far, "LOOK", 0.01)


@pytest.mark.parametrize("before", [[], [LOST], [BUSY], [LOST, BUSY, BUSY], [LOST, LOST, LOST]])
async def test_what_died_or_found_another_at_work_is_begun_anew(tmp_path: Path, before: list[Answer | Died]) -> None:
    assert await run(tmp_path, Answers(*before, DONE)) == DONE.event


@pytest.mark.parametrize(
    ("answers", "error"),
    [([LOST] * 4, TrainingFailed), ([BUSY] * 4, WrongState), ([REFUSED], InvalidRequest)],
)
async def test_in_the_end_it_is_told(tmp_path: Path, answers: list[Answer | Died], error: type[Exception]) -> None:
    given = Answers(*answers)
    with pytest.raises(error):
        await run(tmp_path, given)
    assert given.answers == []
