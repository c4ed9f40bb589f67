"""The private service: found again, started anew where its settings changed, and clear about why it does not start."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from teachback import Client
from teachback.errors import TeachbackError, Unreachable
from teachback.service import ensure

from tests.clients.conftest import stop


@pytest.fixture
def own_home(tmp_path: Path) -> Iterator[Path]:
    """The data folder of a private service of the test's own."""
    yield tmp_path / "home"
    stop(tmp_path / "home")


def test_it_is_started_once_and_found_again_until_its_settings_change(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda _: ensure(own_home), range(2))
    assert first == second == ensure(own_home)
    note = own_home / "service.json"
    assert note.stat().st_mode & 0o777 == 0o600
    assert json.loads(note.read_text())["pid"] == first.pid

    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-3141")
    changed = ensure(own_home)
    assert changed.pid != first.pid, "a key that was set since would not be known to the service that runs"
    assert ensure(own_home).pid == changed.pid
    with Client(changed.grpc, changed.token) as client:
        assert list(client.jobs()) == []
    for file in own_home.iterdir():
        assert b"sk-canary-3141" not in file.read_bytes()


def test_why_it_did_not_start_is_said(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHBACK_MAX_RUNNING_JOBS", "0")
    with pytest.raises(Unreachable, match=r"(?s)service\.log ends:.*max_running_jobs"):
        ensure(own_home)


def test_a_client_without_the_service_says_what_to_install(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "services.main", raising=False)
    monkeypatch.setitem(sys.modules, "services", None)
    with pytest.raises(TeachbackError, match="pip install teachback-server"):
        ensure(own_home)
