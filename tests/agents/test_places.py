"""Places for examples: never more at work than there are, and nobody's wait keeps one empty."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from agents.places import Places, wait


class Table:
    """Notes who is at work."""

    def __init__(self, count: int) -> None:
        self.places, self.at_work, self.most, self.order = Places(count), 0, 0, list[str]()

    async def work(self, name: str, seconds: float = 0.01) -> None:
        """A call that is under way so long."""
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        self.order.append(name)
        await asyncio.sleep(seconds)
        self.at_work -= 1

    async def example(self, name: str, pause: float | None = None) -> None:
        """One call, or two with a wait between them."""
        async with self.places.one():
            await self.work(name)
            if pause is not None:
                await wait(pause)
                await self.work(f"{name} again")


async def test_while_one_waits_another_works_and_they_are_never_too_many() -> None:
    table = Table(2)
    await asyncio.gather(*(table.example(str(n), pause=0.03) for n in range(6)))
    assert table.most == 2
    assert table.order[:4] == ["0", "1", "2", "3"]  # while 0 and 1 wait
    assert sorted(table.order) == sorted([*"012345", *(f"{n} again" for n in range(6))])


async def test_who_comes_back_goes_before_who_begins() -> None:
    table = Table(1)
    async with asyncio.TaskGroup() as group:
        group.create_task(table.example("first", pause=0.005))
        for name in ("second", "third", "fourth"):
            group.create_task(table.example(name))
    assert table.order == ["first", "second", "first again", "third", "fourth"]


async def test_without_places_a_wait_is_a_wait() -> None:
    began = asyncio.get_running_loop().time()
    await wait(0.02)
    assert asyncio.get_running_loop().time() - began >= 0.02


@pytest.mark.parametrize("moment", ["waiting for a place", "at work", "aside", "coming back"])
async def test_who_is_cancelled_leaves_no_place_empty(moment: str) -> None:
    table = Table(1)
    holds: dict[str, Callable[[], Awaitable[None]]] = {
        "waiting for a place": lambda: table.work("holder", 0.05),
        "coming back": lambda: table.work("holder", 0.05),
    }

    async def holder() -> None:
        async with table.places.one():
            await holds[moment]()

    pause = {"aside": 5.0, "coming back": 0.005}.get(moment)
    if moment == "waiting for a place":
        other = asyncio.create_task(holder())
        await asyncio.sleep(0)
    victim = asyncio.create_task(table.example("victim", pause))
    if moment == "coming back":
        await asyncio.sleep(0)
        other = asyncio.create_task(holder())
    await asyncio.sleep({"at work": 0.005}.get(moment, 0.03))
    victim.cancel()
    with pytest.raises(asyncio.CancelledError):
        await victim
    if moment in holds:
        await other
    async with asyncio.timeout(1):
        await asyncio.gather(*(table.example(str(n)) for n in range(3)))
    assert table.order[-3:] == ["0", "1", "2"]
    assert "victim again" not in table.order


async def test_a_place_that_was_given_the_moment_its_taker_is_cancelled_goes_on_to_the_next() -> None:
    table = Table(1)

    async def until(gate: asyncio.Event) -> None:
        async with table.places.one():
            await gate.wait()

    gate = asyncio.Event()
    first = asyncio.create_task(until(gate))
    await asyncio.sleep(0)
    second, third = (asyncio.create_task(table.example(name)) for name in ("second", "third"))
    await asyncio.sleep(0)
    gate.set()
    await first  # it has handed its place to the second, who has not run since
    second.cancel()
    async with asyncio.timeout(1):
        await third
    assert table.order in (["third"], ["second", "third"])
