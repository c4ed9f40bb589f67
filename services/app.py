"""One process: gRPC and REST on two ports over one set of handlers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from agents.embedded.process import EmbeddedServer
from agents.gateway import Gateway
from agents.models import Catalog
from services import openfiles
from services.access.access import Access
from services.access.guards import OPEN_PATHS
from services.errors import ArtifactsGone
from services.jobs.scheduler import Scheduler
from services.limits.shared import SharedLimits
from services.ray import cluster
from services.rest.app import build
from services.rest.certificates import CertificateAtTheDoor, ToldProtocol
from services.rest.connections import KEPT, BoundedProtocol
from services.rest.server import RestServer
from services.rpc import server as rpc
from services.service import Service
from services.settings import LOOPBACK, Settings
from services.store.datasets import sweep
from services.store.engine import migrate, open_engine, shared
from services.store.jobs import JobStore
from services.store.lock import alone
from services.store.writer import Writer
from services.telemetry import counts, exporting
from services.tls import SOON, Identity, load
from services.training.artifacts import Artifacts
from services.training.objects import Objects
from services.training.serving import Serving

log = structlog.get_logger()

IDLE = 30.0
"""Seconds without a job or a call after which a private service goes away."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the service listens."""

    grpc: str
    rest: str


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[tuple[Service, Addresses]]:
    """The whole service, serving. Raises RuntimeError where a port is taken or another service has the data folder."""
    settings.bearer()  # raises where one is missing, before anything is made
    cluster.check(settings)
    identity = load(settings)
    artifacts = await asyncio.to_thread(_artifacts, settings)
    _warn_of(settings, identity)
    openfiles.raise_limit()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(alone(settings))
        exported = exporting.begin(settings)
        stack.push_async_callback(asyncio.to_thread, exported.end)
        engine = open_engine(settings.database)
        stack.callback(engine.dispose)
        await asyncio.to_thread(migrate, engine)
        await asyncio.to_thread(sweep, engine)
        writer = Writer(engine)
        writer.start()
        stack.push_async_callback(writer.close)
        embedded = EmbeddedServer(threads=settings.embedded_threads)
        stack.push_async_callback(embedded.stop)

        async def start_embedded() -> tuple[str, str]:
            endpoint = await embedded.start()
            return endpoint.base_url, endpoint.api_key

        limit = settings.training_memory_limit or 0
        tuned = Serving(JobStore(engine, None), artifacts, limit)
        stack.push_async_callback(tuned.close)
        limits = SharedLimits(engine) if shared(engine) else None
        if limits:
            stack.push_async_callback(limits.close)
        gateway = Gateway(Catalog(settings.models, settings.local_api_base), start_embedded, tuned, limits)
        stack.push_async_callback(gateway.close)
        scheduler = Scheduler(engine, writer, gateway, settings, artifacts)
        stack.push_async_callback(scheduler.close)
        counts.watch(scheduler.queue)
        access = Access(engine, writer, settings, scheduler.projects)
        access.start()
        stack.push_async_callback(access.close)
        service = Service(scheduler, access)
        server, grpc_port = await rpc.start(service, settings.host, settings.grpc_port, identity)
        stack.push_async_callback(server.stop, 1.0)
        rest_port = await _start_rest(stack, build(service, exported), settings, identity)
        await scheduler.start()
        scheme = "https" if identity else "http"
        yield service, Addresses(_at(settings.host, grpc_port), f"{scheme}://{_at(settings.host, rest_port)}")


def _artifacts(settings: Settings) -> Artifacts:
    """Raises RuntimeError where there is a store for them and it can't be used."""
    root = settings.data_dir / "artifacts"
    if settings.artifacts_url is None:
        return Artifacts(root)
    try:
        objects = Objects(settings.artifacts_url)
        objects.check()
    except ArtifactsGone as error:
        raise RuntimeError(error.why) from None
    except ValueError as error:
        raise RuntimeError(str(error)) from None
    return Artifacts(root, objects)


def _warn_of(settings: Settings, identity: Identity | None) -> None:
    if identity is None and settings.host not in LOOPBACK:
        log.warning(
            "no TLS: tokens and rows travel in the clear; set tls_cert_file and tls_key_file, or put a proxy with TLS "
            "in front",
            host=settings.host,
        )
    if identity and identity.days < SOON:
        log.warning("the certificate ends soon", file=str(identity.cert_file), ends=identity.ends.isoformat())


async def _start_rest(
    stack: contextlib.AsyncExitStack, faces: FastAPI, settings: Settings, identity: Identity | None
) -> int:
    app: ASGIApp = faces
    secured = {"http": BoundedProtocol, **(identity.uvicorn_options() if identity else {})}
    if identity and identity.client_ca:
        app, secured = (
            CertificateAtTheDoor(app, OPEN_PATHS, faces.state.service.access.audit),
            {**secured, "http": ToldProtocol},
        )
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.rest_port,
        log_config=None,  # its lines go where all go (services/logs.py)
        log_level="warning",
        access_log=False,
        timeout_keep_alive=int(KEPT),
        timeout_graceful_shutdown=2,
        lifespan="off",
        ws="none",
        **secured,
    )
    server = RestServer(config)
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        sock = socket.create_server((settings.host, settings.rest_port), family=family, backlog=2048)
    except OSError as error:
        why = str(error.strerror).partition(" (while ")[0]
        raise RuntimeError(
            f"REST can't listen on {_at(settings.host, settings.rest_port)}: {why}; "
            "--rest-port names another port (0: any free one)"
        ) from error
    task = asyncio.create_task(server.serve([sock]))

    async def stop() -> None:
        server.should_exit = True
        await task

    stack.push_async_callback(stop)
    while not server.started:
        if task.done():
            raise RuntimeError(f"REST can't serve on {_at(settings.host, settings.rest_port)}")
        await asyncio.sleep(0.005)
    return int(sock.getsockname()[1])


def _at(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def serve(settings: Settings, *, private: bool) -> None:
    """Serves until a signal; a private service also goes when nobody has needed it for a while."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    async with running(settings) as (service, at):
        note = settings.data_dir / "service.json"
        if private:
            _announce(note, at, settings)
        log.info("serving", grpc=at.grpc, rest=at.rest, data=str(settings.data_dir))
        print(f"Teachback serves gRPC on {at.grpc} and REST on {at.rest}", flush=True)
        waiter = asyncio.create_task(_idle(service)) if private else None
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({stopped, *([waiter] if waiter else [])}, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, waiter):
            if task:
                task.cancel()
        if private:
            note.unlink(missing_ok=True)


def _announce(note: Path, at: Addresses, settings: Settings) -> None:
    token = settings.token.get_secret_value() if settings.token else None
    body = json.dumps({"pid": os.getpid(), "grpc": at.grpc, "rest": at.rest, "token": token})
    draft = note.with_suffix(f".{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(body)
    draft.replace(note)


async def _idle(service: Service) -> None:
    quiet, calls = 0.0, 0
    while quiet < IDLE:
        await asyncio.sleep(1.0)
        needed = service.scheduler.busy or service.in_flight or service.calls != calls
        quiet, calls = 0.0 if needed else quiet + 1.0, service.calls
