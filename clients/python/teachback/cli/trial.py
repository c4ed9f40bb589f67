"""`teachback passages trial`: the whole way in small, from three passages to files that a training begins from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from teachback.cli.budget import MaxCost
from teachback.cli.exporting import write_folder
from teachback.cli.generate import BatchSize, Evaluator, Seed, Teacher, attend
from teachback.cli.generate_passages import options_of, tell
from teachback.cli.schema import read_text, service_module
from teachback.cli.where import Where, say
from teachback.errors import BadInput

if TYPE_CHECKING:
    from teachback.client import JobHandle


def trial(
    ctx: typer.Context,
    passages: Annotated[
        Path | None, typer.Argument(metavar="PASSAGES.md", help="Your passages; the first three are taken.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to write.")] = Path("trial"),
    keep: Annotated[int, typer.Option(min=1, help="How many of the examples to keep, the best rated.")] = 10,
    count: Annotated[int, typer.Option("--passages", min=1, help="How many passages to take.")] = 3,
    templates_file: Annotated[
        Path | None, typer.Option(help="Templates of your own. Default: the packaged ones.")
    ] = None,
    state: Annotated[
        bool, typer.Option("--state", help="Ask for emotional state and certainty, and check them.")
    ] = False,
    base_model: Annotated[str, typer.Option(help="The model in the trainers' files.")] = "",
    teacher: Teacher = "",
    evaluator: Evaluator = "",
    batch_size: BatchSize = 10,
    max_cost: MaxCost = None,
    seed: Seed = 0,
) -> None:
    """Try it all: 3 passages under 5 templates, the 10 best rated examples, and every file a training needs.

    What is kept is chosen by rating alone; `teachback review` on the raw examples puts your own judgement in its place.
    """
    service, formats = service_module("services.passages"), service_module("services.formats.files")
    text = read_text(passages) if passages else service.sample()
    try:
        chosen = service.first(text, count)
    except ValueError as error:
        raise BadInput(f"{passages}: {error}") from error
    templates = read_text(templates_file) if templates_file else service.templates()
    source = output / "passages.md"
    write_folder(output, {"passages.md": chosen, "elicitation_templates.md": templates})
    numbers = ",".join(service.template_numbers(templates))
    options = options_of(numbers, templates_file, state, teacher, evaluator, batch_size, max_cost, 3, seed)
    where: Where = ctx.obj
    with where.open() as session:
        job = attend(session, [source], options)
        rated = _rated(job)
    report = job.report
    tell(report)
    raw = [example for example, _ in rated]
    best = _best(rated, keep)
    files, _ = formats.folder(raw, curated=False)
    kept, refused = formats.folder(best, curated=True, base_model=base_model)
    files = {"training_examples_raw.json": files["training_examples_raw.json"], **kept}
    files["raw.jsonl"] = "".join(json.dumps(example, ensure_ascii=False) + "\n" for example in raw)
    files["report.json"] = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    write_folder(output, files)
    for number, reason in refused:
        say(f"example {number} is left out: {reason}")
    say(files["how_much_data.txt"].rstrip())
    say(f"{output}: {len(raw)} examples made, the best {len(best)} kept; {', '.join(sorted(files))}")
    say(f"choose yourself: teachback review {output / 'raw.jsonl'} -o {output / 'curated.jsonl'}")


def _rated(job: JobHandle) -> list[tuple[dict[str, Any], float]]:
    """The accepted examples in their order with the score of their last attempt."""
    found = []
    for example in job.examples("accepted", rounds=True):
        score = example.turns[-1].score if example.turns and example.turns[-1].HasField("score") else 0.0
        found.append((json.loads(example.made_json), score))
    return found


def _best(rated: list[tuple[dict[str, Any], float]], keep: int) -> list[dict[str, Any]]:
    """The best rated, in their order; of equal ratings, passages and templates that have fewest so far go first."""
    left = list(range(len(rated)))
    taken: list[int] = []
    while left and len(taken) < keep:
        origins = [rated[at][0].get("metadata", {}) for at in taken]

        def rank(at: int, origins: list[dict[str, Any]] = origins) -> tuple[float, int, int]:
            here = rated[at][0].get("metadata", {})
            same = sum(o.get(k) == here.get(k) for o in origins for k in ("passage", "template"))
            return -rated[at][1], same, at

        taken.append(min(left, key=rank))
        left.remove(taken[-1])
    return [rated[at][0] for at in sorted(taken)]
