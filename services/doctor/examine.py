"""All checks, one after the other, and how they are told."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from services.configuration import masking, names
from services.doctor import access, cluster, gpu, machine, parts, storage
from services.doctor.findings import Finding, ok, problem, warning
from services.settings import Settings, explained

_SECRET: Final = ("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
"""What the names of variables end in whose values nobody may see."""
_GUESSED: Final = 4
"""Characters; what is shorter is no secret, and would be found in every word."""


def examine(flags: Mapping[str, Any]) -> Iterator[Finding]:
    """Every finding as it is made, those that take longest last. No finding holds a secret."""
    try:
        settings: Settings | None = Settings(**{name: value for name, value in flags.items() if value is not None})
        wrong = ""
    except ValueError as error:
        settings, wrong = None, explained(error)
    secrets = _secrets(settings)
    for finding in _all(settings, wrong):
        yield _without(finding, secrets)


def report(flags: Mapping[str, Any], *, as_json: bool) -> int:
    """Prints what was found: one line each as it comes, or one JSON document. Returns the exit code."""
    found: list[Finding] = []
    for finding in examine(flags):
        found.append(finding)
        if not as_json:
            print(_line(finding), flush=True)
    healthy = all(finding.status != "problem" for finding in found)
    if as_json:
        json.dump({"ok": healthy, "findings": [dataclasses.asdict(f) for f in found]}, sys.stdout, indent=2)
        print()
    return 0 if healthy else 1


def _all(settings: Settings | None, wrong: str) -> Iterator[Finding]:
    if settings is None:
        yield problem("settings", wrong, "mend them; what hangs on them was not looked at")
    else:
        source = os.environ.get("TEACHBACK_CONFIG")
        yield ok(
            "settings", f"good{f', with the file {source}' if source else ''}; `teachback config show` prints them"
        )
        for sentence in names.ignored(os.environ, Settings.model_fields):
            yield warning("settings", sentence, "unset it, or write the right name")
        yield access.token(settings)
        yield access.tls(settings)
        yield from access.ports(settings)
        yield machine.disk(settings)
        yield machine.clock(settings)
        yield from _database(settings)
        yield from storage.artifacts(settings)
    for check in _ANYWHERE:
        yield check()
    yield cluster.ray(settings)
    if settings is not None:
        from services.doctor.models import models

        yield from models(settings)


_ANYWHERE: Final[tuple[Callable[[], Finding], ...]] = (
    machine.memory,
    gpu.gpu,
    parts.trainer,
    parts.converter,
)


def _database(settings: Settings) -> Iterable[Finding]:
    from services.doctor.database import database  # SQLAlchemy and Alembic: after the first lines are out

    return database(settings)


def _secrets(settings: Settings | None) -> list[str]:
    """What must not be told, the longest first: one may hold another."""
    found = {value for name, value in os.environ.items() if name.upper().endswith(_SECRET)}
    if settings is not None:
        found |= masking.secrets(settings)
        with suppress(OSError, ValueError):  # its own check tells what is wrong with it
            found.add(settings.bearer() or "")
    return sorted((value for value in found if len(value) >= _GUESSED), key=len, reverse=True)


def _without(finding: Finding, secrets: list[str]) -> Finding:
    found, advice = finding.found, finding.advice
    for secret in secrets:
        found, advice = found.replace(secret, masking.MASK), advice.replace(secret, masking.MASK)
    return dataclasses.replace(finding, found=found, advice=advice)


def _line(finding: Finding) -> str:
    told = f"{finding.status:8} {finding.check}: {finding.found}"
    return f"{told}\n{'':8} -> {finding.advice}" if finding.advice else told
