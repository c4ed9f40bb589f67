"""Writes the Python stubs of proto/ into clients/python, or, with --check, fails where those committed are stale."""

from __future__ import annotations

import filecmp
import sys
import tempfile
from importlib import resources
from pathlib import Path

from google.rpc import status_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = sorted((ROOT / "proto").rglob("*.proto"))
CLIENT = ROOT / "clients/python"


def generate(out: Path) -> None:
    """Runs protoc over every proto file. The proto path is the Python path, so no import has to be rewritten."""
    includes = [
        ROOT / "proto",
        Path(str(resources.files("grpc_tools") / "_proto")),
        Path(status_pb2.__file__).parents[2],
    ]
    args = ["protoc", *(f"-I{p}" for p in includes)]
    args += [f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}", *map(str, PROTOS)]
    if protoc.main(args) != 0:
        raise SystemExit("protoc refused the protos")


def stale(fresh: Path) -> list[str]:
    """Names of stubs that are missing, differ, or have no proto any more."""
    made = {p.relative_to(fresh) for p in fresh.rglob("*_pb2*.py*")}
    held = {p.relative_to(CLIENT) for p in (CLIENT / "teachback/v1").glob("*_pb2*.py*")}
    differs = {p for p in made & held if not filecmp.cmp(fresh / p, CLIENT / p, shallow=False)}
    return sorted(map(str, (made ^ held) | differs))


def main() -> None:
    """`python -m tests.stubs [--check]`."""
    if "--check" not in sys.argv:
        generate(CLIENT)
        return
    with tempfile.TemporaryDirectory() as tmp:
        generate(Path(tmp))
        if names := stale(Path(tmp)):
            raise SystemExit(f"stubs are stale, run `make proto`: {', '.join(names)}")


if __name__ == "__main__":
    main()
