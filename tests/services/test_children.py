"""The service starts a child for the embedded model while calls come in: the child must not die of gRPC's threads."""

from __future__ import annotations

import subprocess
import sys

from tests.support.service import ROOT, environment

CHILDREN = 300
"""Of so many about four crashed before gRPC's fork handlers were switched off."""

SCRIPT = f"""
import services.main  # sets what has to be set before gRPC is loaded

import asyncio, sys
import grpc, uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

CALLER = '''
import sys, grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
while True:
    with grpc.insecure_channel(sys.argv[1]) as channel:
        for _ in range(20):
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
'''

async def main():
    server, status = grpc.aio.server(), health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    at = "127.0.0.1:" + str(server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    await status.set("", health_pb2.HealthCheckResponse.SERVING)
    caller = await asyncio.create_subprocess_exec(sys.executable, "-c", CALLER, at)
    await asyncio.sleep(1)
    pipes = dict(stdin=-1, stdout=-1, stderr=-1, start_new_session=True)
    ended = [await (await asyncio.create_subprocess_exec("true", **pipes)).wait() for _ in range({CHILDREN})]
    assert caller.returncode is None, "nobody called meanwhile"
    caller.kill()
    await caller.wait()
    await server.stop(1)
    print(sum(status != 0 for status in ended))

uvloop.run(main())
"""


def test_children_live_while_calls_come_in() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment(ROOT), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stdout.strip() == "0", f"{ended.stdout.strip()} of {CHILDREN} children crashed"
