"""A process that calls one model without a pause: `python -m tests.limits.caller URL BASE AT_ONCE SECONDS SETTINGS`.

URL is the database's, BASE the model's server; SETTINGS are those of the model, as JSON. It prints "ready", begins at a
line on stdin, and prints how many calls came back. It calls as the gateway does, without LiteLLM, whose import takes
seconds.
"""

from __future__ import annotations

import asyncio
import sys
import time

import aiohttp

from agents.models import ModelSettings
from services.limits.shared import SharedLimits
from services.store.engine import open_engine

CALL = {"model": "far", "messages": [{"role": "user", "content": "Say something."}], "max_tokens": 16}


async def main() -> None:
    """Calls until the time is over."""
    url, base, at_once, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    limits = SharedLimits(open_engine(url))
    limiter = limits("openai/far", ModelSettings.model_validate_json(sys.argv[5]))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    until, made = time.monotonic() + seconds, 0

    async def one(session: aiohttp.ClientSession) -> None:
        nonlocal made
        while time.monotonic() < until:
            async with limiter.slot(100), session.post(f"{base}/chat/completions", json=CALL) as reply:
                await reply.read()
            made += 1

    async with aiohttp.ClientSession() as session:
        callers = [asyncio.create_task(one(session)) for _ in range(at_once)]
        await asyncio.wait(callers, timeout=seconds)
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
    await limits.close()
    print(made, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
