"""`teachback demo-train`: from a command line's schema to a small model that is proven better, and its GGUF file."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from teachback.cli.schema import service_module
from teachback.cli.where import Where, say
from teachback.errors import TeachbackError

if TYPE_CHECKING:
    from teachback.client import Client
    from teachback.training_files import TrainingFiles
    from teachback.v1 import job_pb2

NAME = "ship"
MODEL = "embedded/smollm2-135m"
RECIPE: dict[str, Any] = {
    "num": 800,
    "validation_ratio": 0.05,
    "quantization": "q4_k_m",
    "model": MODEL,
    "teacher": "offline/teacher",
    "evaluator": "offline/evaluator",
    "num_pairs": 8,
    "temperature": 1.4,
    "sft": {
        "max_steps": 260,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 1,
        "learning_rate": 1e-3,
        "lora_dropout": 0.0,
        "lora_target_modules": ["gate_proj", "up_proj", "down_proj"],
        "max_seq_length": 384,
    },
    "dpo": {
        "max_steps": 2,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 1,
        "learning_rate": 5e-6,
        "max_seq_length": 384,
    },
}
"""What is enough for so small a command line, so that two slow cores are done within minutes."""
REQUESTS = (
    ("please publish the new release on the beta channel", None),
    ("can you show me only the warnings in the log", {"ship": {"user": "nora", "directory": "~/work/lantern"}}),
    ("what's a good pizza place nearby?", None),
)
"""Asked of the finished file: none of them is among the rows."""

NEXT = """
The rows were written by rules, not by a model, so the phrasing is theirs: a real teacher is one option away. Next:

  make train name=mycli num=3000
      your own command line: its schema goes to schemas/mycli.yaml
  teachback pipeline run --name mycli --teacher gpt-4o-mini --model HuggingFaceTB/SmolLM2-360M-Instruct
      rows by a real teacher, a larger model to train
  ollama create {name} -f {modelfile}
      the file in Ollama"""


def demo_train(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for schema, rows and models.")] = Path("demo-train-out"),
) -> None:
    """Train a real, very small model for a small command line, offline, and show what it could before and after."""
    from teachback import enhancing, pipeline_run
    from teachback.cli.attending import attend
    from teachback.cli.comparison import put_comparison
    from teachback.training_files import TrainingFiles

    files = TrainingFiles(out, NAME)
    files.schema.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_schema(), files.schema)
    where: Where = ctx.obj
    _generate(ctx, files)
    options = {key: value for key, value in RECIPE.items() if key not in ("num", "validation_ratio")}
    with where.open() as session:
        wish = pipeline_run.Wish(files, options=options)
        harvest = _Told(pipeline_run.Harvest(files, say), files)
        fields = pipeline_run.spec(session.client, wish, say)
        job = attend(session, "pipeline", fields, again=True, also=harvest)
        harvest(session.client, job.job)
        enhancing.check_done(job.job)
    report = json.loads(job.job.report_json)["stages"]
    print("\nBefore and after, on rows that no training has seen:\n")
    put_comparison(report["evaluate"])
    _put_answers(files)
    print(f"\nLoss curve  {files.sft / 'loss.png'}")
    print(f"Comparison  {files.evaluation}")
    print(f"The file    {files.gguf(RECIPE['quantization'])}")
    print(NEXT.format(name=NAME, modelfile=files.gguf(RECIPE["quantization"]).with_suffix(".Modelfile")))


class _Told:
    """Fetches as a pipeline does, and shows the proof of what is trained once it is there."""

    def __init__(self, harvest: Any, files: TrainingFiles) -> None:
        self._harvest, self._files = harvest, files
        self._shown = False

    def __call__(self, client: Client, job: job_pb2.Job) -> None:
        self._harvest(client, job)
        proof = self._files.sft / "proof.txt"
        if not self._shown and "sft" in self._harvest.stages and proof.is_file():
            self._shown = True
            print("\nWhat was trained, decoded from its tokens (only what is marked counts in the loss):\n")
            print(proof.read_text().rstrip() + "\n", flush=True)


def _schema() -> Path:
    """The small command line's schema, beside the service's code. Raises TeachbackError where that is not there."""
    spec = importlib.util.find_spec("services")
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place).parent / "examples" / f"{NAME}.yaml"
        if path.is_file():
            return path
    raise TeachbackError("the schema is not here: run the demo from a checkout of the project, `make demo-train`")


def _generate(ctx: typer.Context, files: TrainingFiles) -> None:
    from teachback.cli.generate_commands import generate_commands

    num, ratio, teacher, evaluator = (RECIPE[name] for name in ("num", "validation_ratio", "teacher", "evaluator"))
    workspace = files.schema.parents[1]
    generate_commands(ctx, None, NAME, num, ratio, workspace, False, False, None, teacher, evaluator, 50, None, 3, 0)
    print("Rows to train on, such as:\n")
    with files.data.train.open(encoding="utf-8") as rows:
        for _, line in zip(range(3), rows, strict=False):
            row = json.loads(line)
            told = f"   (knows {json.dumps(row['context'], ensure_ascii=False)})" if row["context"] else ""
            print(f"  {row['instruction']}{told}\n    {row['output']}")
    print(flush=True)


def _put_answers(files: TrainingFiles) -> None:
    """What the finished file says to requests of a person's, run by llama.cpp."""
    print("\nThe file, asked by llama.cpp:\n")
    with _asking(files) as ask:
        for request, context in REQUESTS:
            told = f"   (knows {json.dumps(context)})" if context else ""
            print(f"  {request}{told}\n    {ask({'instruction': request, 'context': context, 'output': '-'})}")


@contextmanager
def _asking(files: TrainingFiles) -> Iterator[Any]:
    llama, rows = service_module("training.llama"), service_module("training.rows")
    import httpx

    with llama.Llama(files.gguf(RECIPE["quantization"]), context=1024) as model:

        def ask(row: dict[str, Any]) -> str:
            messages = [message.model_dump() for message in rows.parse(row).prompt]
            answer = httpx.post(
                f"{model.base_url}/chat/completions",
                headers={"Authorization": f"Bearer {model.api_key}"},
                json={"messages": messages, "temperature": 0, "max_tokens": 160},
                timeout=120,
                trust_env=False,
            )
            answer.raise_for_status()
            return str(answer.json()["choices"][0]["message"]["content"])

        yield ask
