"""`teachback schema ...`: whether a command line's schema can be used, and which ones there are."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

from teachback.cli.jobs import Json
from teachback.cli.where import say
from teachback.errors import BadInput, TeachbackError

app = typer.Typer(no_args_is_help=True)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The schema, as YAML.")],
    json: Json = False,
) -> None:
    """Read a schema, tell what is ambiguous in it, and how many examples it needs."""
    text = read_text(file)
    try:
        found = service_module("services.schemas").check(text, str(file))
    except ValueError as error:
        raise BadInput(str(error)) from None
    if json:
        from teachback.cli.show import put_json

        put_json(found)
        return
    print(f"{found['cli']}: {found['commands']} commands, {found['subcommands']} subcommands,", end=" ")
    print(f"{found['arguments']} arguments, {found['flags']} flags")
    for one in found["ambiguous_aliases"]:
        print(f"ambiguous: {one['command']} {one['alias']} can mean {' or '.join(one['subcommands'])}")
    needed = found["advice"]
    print(f"examples: {needed['examples']} or more: {needed['calls']} calls (50 a subcommand)", end=" ")
    print(f"and {needed['clarifications']} that have to be asked about")


@app.command("list")
def list_schemas(
    workspace: Annotated[Path, typer.Option(help="The folder that holds schemas/ and training/.")] = Path(),
    json: Json = False,
) -> None:
    """List the workspace's schemas, and how many rows have been made of each."""
    from teachback.cli.show import put_json, put_table
    from teachback.training_data import TrainingData

    found = []
    for path in sorted((workspace / "schemas").glob("*.yaml")):
        try:
            data = TrainingData(workspace, path.stem)
        except BadInput as error:
            say(f"{path}: {error}")
            continue
        found.append(
            {"name": path.stem, "schema": str(path), "train": _rows(data.train), "validation": _rows(data.validation)}
        )
    if not found:
        say(f"there is no schema in {workspace / 'schemas'}")
    if json:
        for one in found:
            put_json(one)
    else:
        put_table(("name", "schema", "train", "validation"), (tuple(one.values()) for one in found))


def read_text(path: Path) -> str:
    """A user's text file. Raises BadInput."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8; save the file as UTF-8") from error


def service_module(name: str) -> Any:
    """A module of the service, which checks and plans. Raises TeachbackError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "services":
            raise
        raise TeachbackError("the service is not installed here: pip install teachback-server") from error


def _rows(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return 0
