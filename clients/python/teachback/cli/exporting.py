"""Examples of a job or a file as the rows of a training format, or as a folder that a training begins from."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from teachback.cli.schema import read_text, service_module
from teachback.cli.where import Where, say
from teachback.errors import BadInput, OutputError, TeachbackError
from teachback.files import check_output, replacing

if TYPE_CHECKING:
    from teachback import wire
    from teachback.client import JobHandle

_LABELLED: Final = '"labels": ["'


def export(
    where: Where,
    source: str,
    out: str,
    as_: str,
    *,
    tag: wire.Tag,
    rows: dict[str, bool],
    validation_ratio: float,
    base_model: str,
) -> None:
    """Writes `source`, a job's name or a file, to `out`; `rows`: which of a job's. Raises TeachbackError."""
    formats = service_module("services.formats.files")
    path = Path(source)
    as_ = "chatml" if as_ == "messages" else as_
    _check(path, out, as_, tag)
    if path.is_file():
        text = read_text(path)
    else:
        with where.open() as session:
            text = _of_job(session.client.job(source), tag, rows)
    examples = load(formats, text, source)
    if as_ == "training":
        files, refused = formats.folder(
            examples,
            curated=path.is_file() and "raw" not in path.name,
            validation_ratio=validation_ratio,
            base_model=base_model,
            tag=tag,
        )
        write_folder(Path(out), files)
        say(files["how_much_data.txt"].rstrip())
        say(f"{out}: {', '.join(sorted(files))}")
    else:
        count, rendered, refused = _rendered(formats, examples, as_, source, tag)
        if out == "-":
            sys.stdout.buffer.write(rendered)
            sys.stdout.flush()
        else:
            with replacing(Path(out)) as file:
                file.write(rendered)
            say(f"{out}: {count} rows, {len(rendered)} bytes")
    for number, reason in refused:
        say(f"{source}: example {number} is left out: {reason}")
    if examples and len(refused) == len(examples):
        raise TeachbackError(f"{source} holds no example that could be written")


def _check(path: Path, out: str, as_: str, tag: wire.Tag) -> None:
    if as_ == "training" and out == "-":
        raise BadInput("a training folder has several files; name a folder to write")
    if as_ == "source":
        raise BadInput(f"{path} is a file already; say --as alpaca, chatml, sharegpt, trl, openai or training")
    if tag == "reasoning_content":
        raise BadInput(f"only --as messages of a job has a field for the thinking; {as_} takes --tag think or thinking")
    if as_ != "training" and out != "-":
        check_output(Path(out), [path] if path.is_file() else [])


def _of_job(job: JobHandle, tag: wire.Tag, rows: dict[str, bool]) -> str:
    """The rows of a job, those of the loop with the thinking that it has come to in the assistant's turn."""
    loop = job.refresh().spec.WhichOneof("kind") == "enhance"
    told = io.BytesIO()
    job.export(told, format="messages" if loop else "source", thinking_tag=tag, **rows)
    text = told.getvalue().decode()
    if loop and (count := text.count(_LABELLED)):
        say(f"{count} rows were made by offline models or with their help, which trainers' formats can't say")
    return text


def _rendered(formats: Any, examples: list[Any], as_: str, source: str, tag: wire.Tag) -> tuple[int, bytes, list[Any]]:
    """How many rows, their bytes, and what is left out. Raises BadInput."""
    try:
        if pairs := formats.pairs(examples, as_):
            return len(examples), pairs.encode(), []
    except ValueError as error:
        raise BadInput(f"{source}: {error}") from error
    told, refused = formats.conversations(examples, tag)
    return len(told), formats.jsonl(told, as_).encode(), refused


def load(formats: Any, text: str, source: str) -> list[Any]:
    """The examples of a file's text. Raises BadInput."""
    try:
        examples: list[Any] = formats.load(text)
    except ValueError as error:
        raise BadInput(f"{source}: {error}") from error
    if not examples:
        raise BadInput(f"{source} holds no examples")
    return examples


def write_folder(folder: Path, files: dict[str, str]) -> None:
    """Writes files by name. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}") from error
    for name, text in files.items():
        with replacing(folder / name) as file:
            file.write(text.encode())
