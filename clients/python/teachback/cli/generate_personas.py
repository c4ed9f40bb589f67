"""`teachback generate personas`: from text chunks to chats in the voices of personas, split, figures, checkpoint."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from teachback.cli.budget import MaxCost
from teachback.cli.generate import Enhance, Evaluator, Seed, Student, Teacher, think
from teachback.cli.jobs import Json
from teachback.cli.where import Where, aside, left, say
from teachback.errors import BadInput

if TYPE_CHECKING:
    from teachback.persona_run import Run
    from teachback.wire import GenerateOptions


def generate_personas(
    ctx: typer.Context,
    input: Annotated[Path | None, typer.Option(help="The chunks, JSONL.")] = None,
    output: Annotated[Path | None, typer.Option(help="The chats to write, JSONL.")] = None,
    examples_per_chunk: Annotated[int, typer.Option(min=1, max=100, help="Chats for each chunk.")] = 2,
    max_chunks: Annotated[int | None, typer.Option(min=1, help="Only the first so many chunks.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Chunks between two checkpoints.")] = 50,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint where there is one.")] = False,
    split: Annotated[bool, typer.Option("--split/--no-split", help="Write X_train and X_val too.")] = True,
    train_ratio: Annotated[float, typer.Option(min=0.01, max=0.99, help="Share of the rows to train on.")] = 0.9,
    temperature: Annotated[float, typer.Option(min=0, max=2, help="Of the model that writes.")] = 0.8,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    stats: Annotated[bool, typer.Option("--stats", help="Print the figures at the end.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Tell more on the way.")] = False,
    lmstudio_url: Annotated[str, typer.Option(help="A local model server's address, as http://localhost:1234.")] = "",
    lmstudio_host: Annotated[str, typer.Option(envvar="LMSTUDIO_HOST", help="Its host.")] = "",
    lmstudio_port: Annotated[str, typer.Option(envvar="LMSTUDIO_PORT", help="Its port.")] = "",
    lmstudio_model: Annotated[str, typer.Option(help="The model it serves.")] = "",
    teacher: Teacher = "",
    evaluator: Evaluator = "",
    personas: Annotated[Path | None, typer.Option(help="Your personas: a YAML file, or a folder of them.")] = None,
    write_personas: Annotated[
        Path | None, typer.Option(help="Copy the packaged personas into this folder, to edit and add to.")
    ] = None,
    min_length: Annotated[int, typer.Option(min=1, help="Characters of an answer at least.")] = 50,
    max_length: Annotated[int, typer.Option(min=0, help="Characters of an answer at most; 0: no limit.")] = 0,
    allow_word: Annotated[list[str] | None, typer.Option(help="A word that is no anachronism here.")] = None,
    in_flight: Annotated[int, typer.Option(min=1, max=1000, help="Chats asked for at once.")] = 10,
    max_cost: MaxCost = None,
    seed: Seed = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse the whole file where any chunk is bad.")] = False,
    enhance: Enhance = False,
    student: Student = "",
    json: Json = False,
) -> None:
    """Make a question and a persona's answer from each chunk: X.jsonl, X_train, X_val, X_checkpoint and X_stats."""
    from teachback.chunk_files import Files
    from teachback.lmstudio import Server
    from teachback.persona_run import Run

    if write_personas:
        copy_personas(write_personas)
        return
    if input is None or output is None:
        raise BadInput("say what to read and what to write: --input chunks.jsonl --output theme.jsonl")
    server = Server(lmstudio_url, lmstudio_host, lmstudio_port, lmstudio_model)
    chosen: dict[str, Any] = {"examples_per_chunk": examples_per_chunk, "min_length": min_length}
    chosen |= {"max_chunks": max_chunks} if max_chunks else {}
    chosen |= {"max_length": max_length} if max_length else {}
    chosen |= {"allowed_words": allow_word} if allow_word else {}
    chosen |= {"personas_yaml": read_personas(personas)} if personas else {}
    options: GenerateOptions = {"personas": chosen, "temperature": temperature, "batch_size": in_flight, "seed": seed}
    if evaluator:
        options["evaluator"] = evaluator
    if max_cost is not None:
        options["max_cost"] = max_cost
    run = Run(input, Files(output), options, batch_size, resume, train_ratio if split else None, strict, verbose)
    run.check()
    if dry_run:
        put_plan(
            run, teacher or (f"{server.base} (not asked yet)" if server.wanted else "the service's own"), max_chunks
        )
        return
    where: Where = ctx.obj
    if server.wanted and not teacher:
        from teachback import lmstudio

        if where.server:
            raise BadInput("--server names a service, whose operator decides on its models; leave --lmstudio-... out")
        teacher = lmstudio.use(server, say)
    if teacher:
        options["teacher"] = teacher
    run.tell_old(say)
    with where.open() as session:
        told = attend(session, run)
        if enhance:
            models = {"student": student, "teacher": teacher, "evaluator": evaluator}
            think(session, session.client.job(run.job_name), output, models)
    if json:
        from teachback.cli.show import put_json

        put_json(told)
    elif stats:
        put_stats(told)


def attend(session: Any, run: Run) -> dict[str, Any]:
    """Works the run through; its figures. Ctrl-C leaves it (exit code 130), and --resume takes it up again."""
    from teachback.cli.progress import Display

    try:
        with Display() as display:
            aside(lambda: run.work(session, display.show, say))
    except KeyboardInterrupt:
        say(f"\nleft; {run.job_name or 'nothing'} goes on, and --resume takes it up again")
        left()
    return run.finish(say)


def read_personas(path: Path) -> str:
    """The text of a persona file, or of all in a folder. Raises BadInput."""
    try:
        files = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]
        texts = [file.read_text(encoding="utf-8") for file in files]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the personas in {path} cannot be read: {error}") from error
    if not texts:
        raise BadInput(f"{path} holds no .yaml file")
    return "\n---\n".join(texts)


def copy_personas(folder: Path) -> None:
    """Copies the packaged personas; a file that is there already is left as it is. Raises BadInput."""
    found = importlib.util.find_spec("agents")
    places = list(found.submodule_search_locations or []) if found else []
    packaged = sorted(Path(places[0], "personas").glob("*.yaml")) if places else []
    if not packaged:
        raise BadInput("the service is not installed here, and the personas come with it: pip install teachback-server")
    folder.mkdir(parents=True, exist_ok=True)
    new = [file for file in packaged if not (folder / file.name).exists()]
    for file in new:
        shutil.copyfile(file, folder / file.name)
    kept = len(packaged) - len(new)
    say(f"{len(new)} personas written to {folder}{f', {kept} that were there left as they are' if kept else ''}")


def put_plan(run: Run, teacher: str, max_chunks: int | None) -> None:
    """What a run would do, on stdout."""
    from teachback import chunk_files

    good, bad = 0, list[str]()
    titles: dict[str, int] = {}
    for line, row in chunk_files.chunks(run.source):
        if isinstance(row, str):
            bad.append(f"  {run.source}:{line}: {row}")
            continue
        good += 1
        titles[chunk_files.key(row)[0]] = titles.get(chunk_files.key(row)[0], 0) + 1
    used = min(good, max_chunks or good)
    each = run.options["personas"]["examples_per_chunk"]
    print(f"{good} chunks of {len(titles)} source{'s'[: len(titles) != 1]} in {run.source}, {len(bad)} lines unusable")
    print(*bad[:5], sep="\n", end="\n" if bad else "")
    print(f"{used} chunks x {each} = {used * each} examples, written by {teacher}")
    print(f"files: {', '.join(str(path) for path in run.written())}")
    run.tell_old(print)
    print("dry run: nothing was sent, nothing was written")


def put_stats(told: dict[str, Any]) -> None:
    """The figures as lines, on stdout."""
    for name, value in told.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for inner, count in value.items():
                print(f"  {inner}\t{count}")
        else:
            print(f"{name}\t{value}")
