"""kill -9 wherever it falls: no row lost, none twice, no finished call paid again, and up again at once.

The far model lives in this process, the service in one of its own: it is killed while calls are in flight, at points
drawn over the whole run, and started again on the same data folder until the job is done. `-s` prints where they fell.
"""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest

from tests.support.crash import Fall, check, kill, total_calls
from tests.support.farmodel import FarModel
from tests.support.rows import mixed, write
from tests.support.service import Service


def survive(tmp_path: Path, rows: int, kills: int, seed: int) -> None:
    """Runs one job through so many kills, of the program as its user starts it: how soon it is up again is measured."""
    draw = random.Random(seed)
    path = write(tmp_path / "rows.jsonl", mixed(rows))
    total = total_calls(rows)
    points = [1 + int((number + draw.random()) * (total - 1) / kills) for number in range(kills)]
    reached, wanted = threading.Event(), [0]

    def watch(asked: int) -> None:
        if asked >= wanted[0]:
            reached.set()

    falls: list[Fall] = []
    with FarModel(delay=0.03) as far, Service(tmp_path / "data", far, forked=False) as service:
        far.on_request = watch
        job = service.submit(path)
        for number, point in enumerate(points):
            wanted[0] = max(point, len(far.asked) + draw.randint(1, 8))  # at work again, if only just
            reached.clear()
            watch(len(far.asked))
            assert reached.wait(120), f"request {wanted[0]} never came"
            time.sleep(draw.uniform(0, 0.06))

            def again(number: int = number) -> float:
                if number % 5 == 4:  # and once more while it is starting
                    service.spawn()
                    time.sleep(draw.uniform(0.1, 3.0))
                    service.kill()
                return service.start()

            falls.append(kill(service, far, again))
            job = service.client.job(job.name)
        began = time.monotonic()
        check(far, service, job, path, falls)
        print(f"\n{kills} kills over {total} calls of {rows} rows:")
        for fall in falls:
            print(
                f"  at request {fall.asked:4d}: {fall.in_flight:2d} in flight, {len(fall.finished):4d} finished,"
                f" ready again after {fall.ready:.1f} s"
            )
        print(
            f"  {far.repeats} answers repeated of at most {sum(f.unrecorded for f in falls)} that were under way,"
            f" 0 of {total} finished ones; the last stretch took {time.monotonic() - began:.1f} s"
        )


@pytest.mark.timeout(400)
def test_ten_kills(tmp_path: Path) -> None:
    survive(tmp_path, rows=60, kills=10, seed=11)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_hundred_kills(tmp_path: Path) -> None:
    survive(tmp_path, rows=300, kills=100, seed=100)
