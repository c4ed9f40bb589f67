"""The wheels hold all that the code reads beside itself, and work where no checkout is."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

USE = """
import sys
from pathlib import Path

import agents, services, teachback
from agents.prompting import prompt_hashes
from services.store.engine import migrate, open_engine

folder = Path(sys.argv[1])
for package in (agents, services, teachback):
    assert Path(package.__file__).is_relative_to(folder), package.__file__
assert prompt_hashes()
migrate(open_engine("sqlite://"))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both wheels, built and unpacked as an installer would."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, ROOT / "clients/python"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
            cwd=project,
            check=True,
            capture_output=True,
        )
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheels_hold_what_the_code_reads(installed: Path) -> None:
    for pattern in (
        "agents/prompts/*.md",
        "services/store/migrations/versions/*.py",
        "services/store/migrations/script.py.mako",
        "training/__init__.py",
        "teachback/py.typed",
        "teachback/v1/*_pb2_grpc.py",
        "teachback_server-*.dist-info/licenses/LICENSE",
        "teachback-*.dist-info/entry_points.txt",
    ):
        assert list(installed.glob(pattern)), pattern
    assert not list(installed.glob("tests*"))
    sources = {path.relative_to(ROOT) for path in (ROOT / "agents/prompts").rglob("*.md")}
    assert sources == {path.relative_to(installed) for path in installed.glob("agents/prompts/**/*.md")}


def test_the_wheels_work_where_no_checkout_is(installed: Path, tmp_path: Path) -> None:
    """Without `site`, so that the checkout, which is installed here for editing, is out of sight."""
    path = os.pathsep.join([str(installed), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": path}
    for command in (["-c", USE, str(installed)], ["-m", "teachback.cli", "--help"]):
        ended = subprocess.run(
            [sys.executable, "-S", *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
