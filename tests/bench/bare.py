"""The yardstick: the same calls in a plain loop over one aiohttp session. `python -m tests.bench.bare PORT [chats]`."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator

import aiohttp

from agents.prompting import render
from agents.question import Question, Turn
from tests.bench import chats
from tests.bench.workload import AT_ONCE, EXAMPLES, PAD, WARMING, cpu_seconds, need, reference


def bodies(ident: int) -> Iterator[dict[str, object]]:
    """The requests the loop makes for an example, rendered beforehand: the yardstick is charged for HTTP alone."""
    text = f"{PAD} What does entry {ident} say? [[id={ident} need={need(ident)}]]"
    question = Question(turns=(Turn(role="user", content=text),))
    hint = "Read the end of the line once more, where the material stands."
    for number in range(1, need(ident) + 1):
        common = {"question": question, "answer_kind": "text", "format": "iterative"}
        yield _body(render("attempt_solve", thinking="", hints=[hint] * (number - 1), **common).messages())
        seen = {"thinking": PAD, "answer": f"draft {number} of entry {ident}", "reference": reference(ident)}
        yield _body(render("judge_solve", question=question, known=None, **seen).messages())
        if number < need(ident):
            rest = {"known": False, "critique": "The wood is missing.", "hints": [hint] * (number - 1), "level": number}
            yield _body(render("coach_solve", question=question, **seen, **rest).messages())
    yield _body(render("verify_solve", question=question, answer_kind="text", thinking=PAD).messages())


def _body(messages: list[dict[str, str]]) -> dict[str, object]:
    return {"model": "m", "temperature": 0.5, "max_tokens": 300, "messages": messages}


async def run(port: int, workload: str) -> None:
    """Prints wall and CPU seconds and the number of calls."""
    if workload == "chats":
        work = [[_body(messages) for messages in prompts] for prompts in chats.prompts()]
    else:
        work = [list(bodies(i)) for i in range(EXAMPLES)]
    url, made = f"http://127.0.0.1:{port}/v1/chat/completions", 0
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector, headers={"Authorization": "Bearer none"}) as session:

        async def worker(queue: Iterator[list[dict[str, object]]]) -> None:
            nonlocal made
            for requests in queue:
                for body in requests:
                    async with session.post(url, json=body) as response:
                        text = (await response.json())["choices"][0]["message"]["content"]
                        assert text
                        made += 1

        await worker(iter(work[:WARMING]))
        made = 0
        queue = iter(work)
        wall, cpu = time.perf_counter(), cpu_seconds()
        await asyncio.gather(*(worker(queue) for _ in range(AT_ONCE)))
        print(json.dumps({"wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu, "calls": made}))


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
