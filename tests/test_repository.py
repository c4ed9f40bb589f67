"""Rules of the repository: what may stand where, how long a file may be, what no file may say."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"proto", "clients", "services", "graphs", "agents", "training", "deploy"}
BESIDE = {"docs", "examples", "tests", "requirements", ".ci"}
SINGLE = {
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "justfile",
    "pyproject.toml",
    ".gitignore",
}
LONGEST = 600
"""Lines of a file; one with more holds more than one idea."""
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$|^requirements/|^LICENSE$|\.jsonl$")
HOSTS = {
    "127.0.0.1",
    "10.0.0.7",  # stands for a server of the operator's
    "api.openai.com",
    "json-schema.org",  # names the standard that a schema follows
    "www.apache.org",
}
"""Hosts that an address may name, beside those that are set aside for examples."""
EXAMPLES = re.compile(r"(^|\.)(example|test|invalid|example\.(org|com|net))$")


@cache
def files() -> tuple[str, ...]:
    """What git knows of, and what it would take in."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return tuple(sorted(name for name in set(listed) if (ROOT / name).is_file()))


def texts() -> dict[str, str]:
    """Every file's text by its name."""
    return {name: (ROOT / name).read_text("utf-8", "replace") for name in files()}


def test_the_top_level_holds_what_it_may() -> None:
    assert {name.partition("/")[0] for name in files()} == FOLDERS | BESIDE | SINGLE


def test_no_file_is_too_long(capsys: pytest.CaptureFixture[str]) -> None:
    lengths = {name: text.count("\n") for name, text in texts().items() if not GENERATED.search(name)}
    modules = {name: length for name, length in lengths.items() if name.endswith(".py") and length}
    with capsys.disabled():
        print(f"\n{len(modules)} modules, median {statistics.median(modules.values()):.0f} lines,", end=" ")
        print("longest {} ({})".format(*max(modules.items(), key=lambda item: item[1])))
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_addresses_name_no_strange_host() -> None:
    strange: dict[str, set[str]] = {}
    for name, text in texts().items():
        for host in re.findall(r"\w+://(?:[^\s/@\"'`]*@)?([a-z0-9][a-z0-9.-]*\.[a-z]{2,}|\d+(?:\.\d+){3})", text):
            if host not in HOSTS and not EXAMPLES.search(host):
                strange.setdefault(name, set()).add(host)
    assert strange == {}


def test_lock_files_pin_by_hash_and_hold_no_address() -> None:
    locks = [name for name in files() if re.match(r"requirements/.*\.txt$", name)]
    assert {Path(name).stem for name in locks} == {
        *("core", "train", "ray", "dev", "model", "convert", "torch", "cuda", "deploy", "uv")
    }
    for name in locks:
        text = (ROOT / name).read_text()
        assert not re.search(r"://|file:|^-|(^|\s)/", text, re.MULTILINE), name
        pins = re.split(r"\n(?=\S)", text.strip())
        assert all(re.match(r"[\w.-]+==\S+", pin) and "--hash=sha256:" in pin for pin in pins), name


def test_core_is_a_part_of_dev() -> None:
    """One resolution: what the demo installs is what the tests ran with."""

    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+==[^\s;\\]+)", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE))

    assert pins("core") <= pins("dev")


def test_floors_hold() -> None:
    _run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")


def test_stubs_are_fresh() -> None:
    _run(sys.executable, "-m", "tests.stubs", "--check")


def _run(*command: str) -> None:
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
