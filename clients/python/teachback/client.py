"""The synchronous client."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar, Unpack

import grpc

from teachback import trainer, wire
from teachback.access import Access
from teachback.errors import from_rpc
from teachback.files import make_folder, replacing
from teachback.tls import Tls, route
from teachback.v1 import (
    access_pb2_grpc,
    dataset_pb2,
    dataset_pb2_grpc,
    example_pb2,
    example_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    trainer_pb2,
    trainer_pb2_grpc,
)

T = TypeVar("T")


class Client:
    """A connection to a service. Use it as a context manager, or call `close`."""

    def __init__(
        self,
        target: str = "127.0.0.1:50051",
        token: str | None = None,
        *,
        tls: Tls | None = None,
        insecure: bool = False,
        patience: float = 60.0,
        project: str = "",
    ) -> None:
        """`target` is host:port, or https://host:port for TLS.

        Args:
            target: where the service listens.
            token: its token.
            tls: the CA to trust and the certificate to show; means TLS.
            insecure: whether the token may go in the clear to another machine.
            patience: seconds for which a watch bears that nobody answers.
            project: in which project to work, where the token is an operator's; any other token says it itself.

        Raises BadInput where a token would go to another machine in the clear without `insecure`.
        """
        self.target = target
        self._patience = patience
        self._metadata = wire.metadata(token, project)
        self._channel = wire.channel(route(target, token, tls, insecure=insecure))
        self._datasets: Any = dataset_pb2_grpc.DatasetServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._jobs: Any = job_pb2_grpc.JobServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._examples: Any = example_pb2_grpc.ExampleServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._trainer: Any = trainer_pb2_grpc.TrainerServiceStub(self._channel)  # type: ignore[no-untyped-call]
        stub: Any = access_pb2_grpc.AccessServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self.access = Access(stub, self._call, self._pages)
        """Projects, tokens and the audit log."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; calls that are under way end with an error."""
        self._channel.close()

    def upload(
        self,
        paths: str | Path | Sequence[str | Path],
        *,
        display_name: str = "",
        strict: bool = False,
        idempotency_key: str = "",
        kind: wire.Kind = "rows",
    ) -> dataset_pb2.Dataset:
        """Uploads files as one dataset, rows in the order of the files.

        Raises BadInput where no row is usable or, with `strict`, where any row is bad.
        """
        upload = wire.Upload(wire.as_paths(paths), display_name, strict, idempotency_key, kind)
        try:
            dataset: dataset_pb2.Dataset = self._datasets.CreateDataset(iter(upload), metadata=self._metadata)
        except grpc.RpcError as error:
            raise upload.failure or from_rpc(error) from error
        return dataset

    def dataset(self, name: str) -> dataset_pb2.Dataset:
        """A dataset by name. Raises NotFound."""
        found: dataset_pb2.Dataset = self._call(self._datasets.GetDataset, dataset_pb2.GetDatasetRequest(name=name))
        return found

    def datasets(self) -> Iterator[dataset_pb2.Dataset]:
        """All datasets, newest first."""
        return self._pages(self._datasets.ListDatasets, dataset_pb2.ListDatasetsRequest(), "datasets")

    def bad_rows(self, dataset: str) -> Iterator[dataset_pb2.BadRow]:
        """The rows that a dataset refused, in file order. Raises NotFound."""
        return self._pages(self._datasets.ListBadRows, dataset_pb2.ListBadRowsRequest(parent=dataset), "bad_rows")

    def enhance(
        self,
        source: str | Path | Sequence[str | Path],
        *,
        idempotency_key: str = "",
        **options: Unpack[wire.EnhanceOptions],
    ) -> JobHandle:
        """Starts a job on files, which are uploaded first, or on a dataset by name ("datasets/{id}").

        Raises BadInput for a spec that can't run, Conflict for a missing provider key or a key used for another spec.
        """
        dataset = str(source) if wire.is_dataset(source) else self.upload(source).name
        request = job_pb2.CreateJobRequest(spec=wire.job_spec(dataset, options), idempotency_key=idempotency_key)
        return JobHandle(self, self._call(self._jobs.CreateJob, request))

    def generate(
        self,
        source: str | Path | Sequence[str | Path],
        *,
        idempotency_key: str = "",
        **options: Unpack[wire.GenerateOptions],
    ) -> JobHandle:
        """Starts making examples from files, which are uploaded first, or from a dataset by name.

        One recipe is named with its options, as `personas={"examples_per_chunk": 2}`; it decides what kind of source is
        read. Raises what `enhance` raises.
        """
        kind = wire.kind_for(options)
        dataset = str(source) if wire.is_dataset(source) else self.upload(source, kind=kind).name
        request = job_pb2.CreateJobRequest(spec=wire.generate_spec(dataset, options), idempotency_key=idempotency_key)
        return JobHandle(self, self._call(self._jobs.CreateJob, request))

    def create(self, spec: job_pb2.JobSpec, *, idempotency_key: str = "") -> JobHandle:
        """Starts a job of any kind. Raises BadInput, NotFound or Conflict as the service says."""
        request = job_pb2.CreateJobRequest(spec=spec, idempotency_key=idempotency_key)
        return JobHandle(self, self._call(self._jobs.CreateJob, request))

    # ------------------------------------------------------------ the trainer
    def sft(
        self,
        source: trainer.Source,
        *,
        validation: trainer.Source = "",
        model: str = "",
        idempotency_key: str = "",
        **training: Unpack[trainer.TrainingOptions],
    ) -> JobHandle:
        """Starts supervised fine-tuning on files, which are uploaded first, on a dataset, or on the rows of a job.

        `validation` is given in the same forms; without it a tenth of the rows is held back. `model`: a name on the
        hub, "embedded/smollm2-135m", or the job of an earlier training. Raises BadInput for settings that can't run,
        NotFound for what is not there, Conflict for a job that has not succeeded and where there is no trainer.
        """
        rows, held = self._rows(source), self._rows(validation)
        options = trainer.options(training)
        spec = trainer.spec("sft", dataset=rows, validation=held, model=model, training=options)
        return self.create(spec, idempotency_key=idempotency_key)

    def dpo(
        self,
        source: trainer.Source,
        model: str,
        *,
        validation: trainer.Source = "",
        idempotency_key: str = "",
        **training: Unpack[trainer.TrainingOptions],
    ) -> JobHandle:
        """Starts preference optimization of `model`, the job of an SFT as a rule, on pairs. Raises as `sft`."""
        rows, held = self._rows(source), self._rows(validation)
        options = trainer.options(training)
        spec = trainer.spec("dpo", dataset=rows, validation=held, model=model, training=options)
        return self.create(spec, idempotency_key=idempotency_key)

    def preferences(
        self,
        source: trainer.Source = "",
        model: str = "",
        *,
        rounds: str = "",
        idempotency_key: str = "",
        **options: Unpack[trainer.PreferencesOptions],
    ) -> JobHandle:
        """Starts making pairs: what `model` answers to rows against their ideals, or the `rounds` of an enhance job.

        Raises as `sft`.
        """
        rows = self._rows(source)
        spec = trainer.spec("preferences", dataset=rows, model=model, rounds=rounds, **options)
        return self.create(spec, idempotency_key=idempotency_key)

    def quantize(
        self,
        model: str,
        *,
        imatrix: trainer.Source = "",
        fidelity: trainer.Source = "",
        idempotency_key: str = "",
        **options: Unpack[trainer.QuantizeOptions],
    ) -> JobHandle:
        """Starts making a GGUF file of a model and holding it against that. `imatrix` and `fidelity` are rows.

        Raises as `sft`.
        """
        weighed, held = self._rows(imatrix), self._rows(fidelity)
        spec = trainer.spec("quantize", model=model, imatrix_dataset=weighed, fidelity_dataset=held, **options)
        return self.create(spec, idempotency_key=idempotency_key)

    def evaluate(
        self,
        source: trainer.Source,
        models: Sequence[str],
        *,
        idempotency_key: str = "",
        **options: Unpack[trainer.EvaluateOptions],
    ) -> JobHandle:
        """Starts measuring models on the same rows, the first one being what the others are held against.

        Raises as `sft`.
        """
        spec = trainer.spec("evaluate", dataset=self._rows(source), models=list(models), **options)
        return self.create(spec, idempotency_key=idempotency_key)

    def pipeline(
        self,
        name: str,
        source: trainer.Source = "",
        *,
        validation: trainer.Source = "",
        preferences: trainer.Source = "",
        idempotency_key: str = "",
        **options: Unpack[trainer.PipelineOptions],
    ) -> JobHandle:
        """Starts all stages by a name, from a CLI schema (`cli_schema`, a dataset) or from rows of one's own.

        Raises as `sft`.
        """
        rows, held, pairs = self._rows(source), self._rows(validation), self._rows(preferences)
        named = {"dataset": rows, "validation": held, "preferences": pairs}
        spec = trainer.spec("pipeline", name=name, **named, **options)
        return self.create(spec, idempotency_key=idempotency_key)

    def estimate(self, spec: job_pb2.JobSpec) -> trainer_pb2.TrainingEstimate:
        """What an SFT or DPO needs of the service's machine: memory and time. Starts nothing. Raises as `sft`."""
        request = trainer.estimate_request(spec)
        found: trainer_pb2.TrainingEstimate = self._call(self._trainer.EstimateTraining, request)
        return found

    def artifacts(self, job: str) -> list[trainer_pb2.Artifact]:
        """The files that a job has left, in the order of their names. Raises NotFound."""
        request = trainer_pb2.ListArtifactsRequest(parent=wire.job_name(job))
        return list(self._call(self._trainer.ListArtifacts, request).artifacts)

    def fetch(self, artifact: str, to: BinaryIO | trainer.Checked) -> int:
        """Writes a file ("jobs/J/artifacts/PATH") to a file object; returns its bytes. Raises NotFound."""
        request = trainer_pb2.GetArtifactRequest(name=artifact)
        size = 0
        stream = self._trainer.GetArtifact(request, metadata=self._metadata)
        try:
            for piece in stream:
                size += to.write(piece.data)
        except grpc.RpcError as error:
            raise from_rpc(error) from error
        finally:
            stream.cancel()
        return size

    def _rows(self, source: trainer.Source) -> str:
        """The name of rows to train on: files are uploaded first."""
        if isinstance(source, str) and (not source or trainer.is_named(source)):
            return source
        return self.upload(source, kind="training").name

    def job(self, name: str) -> JobHandle:
        """A job by name or id. Raises NotFound."""
        request = job_pb2.GetJobRequest(name=wire.job_name(name))
        return JobHandle(self, self._call(self._jobs.GetJob, request))

    def jobs(self, state: str = "") -> Iterator[JobHandle]:
        """All jobs, or those in one state ("running"), newest first."""
        pages = self._pages(self._jobs.ListJobs, wire.list_jobs(state), "jobs")
        return (JobHandle(self, job) for job in pages)

    def _call(self, method: Callable[..., T], request: Any) -> T:
        try:
            return method(request, metadata=self._metadata)
        except grpc.RpcError as error:
            raise from_rpc(error) from error

    def _pages(self, method: Callable[..., Any], request: Any, field: str) -> Iterator[Any]:
        request.page_size = wire.PAGE
        while True:
            page = self._call(method, request)
            yield from getattr(page, field)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


class JobHandle:
    """A job: `job` is what the service said last, `refresh` asks again."""

    def __init__(self, client: Client, job: job_pb2.Job) -> None:
        self._client = client
        self.job = job

    @property
    def name(self) -> str:
        """ "jobs/{id}"."""
        return self.job.name

    @property
    def ended(self) -> bool:
        """Whether it had reached a final state when last asked."""
        return self.job.state in wire.ENDED

    @property
    def report(self) -> dict[str, Any]:
        """What the recipe of a generate job said of its output when the job was last asked for; empty before."""
        report: dict[str, Any] = json.loads(self.job.report_json or "{}")
        return report

    def refresh(self) -> job_pb2.Job:
        """Asks the service how the job stands."""
        return self._do(self._client._jobs.GetJob, job_pb2.GetJobRequest(name=self.name))

    def pause(self) -> job_pb2.Job:
        """Stops handing out rows; those in flight are finished. Raises Conflict where the job has ended."""
        return self._do(self._client._jobs.PauseJob, job_pb2.PauseJobRequest(name=self.name))

    def resume(self, max_cost: float | None = None) -> job_pb2.Job:
        """Goes on with a paused or failed job, with a new budget in US dollars where one is given."""
        request = wire.resume_request(self.name, max_cost)
        return self._do(self._client._jobs.ResumeJob, request)

    def cancel(self) -> job_pb2.Job:
        """Ends the job; what is finished is kept."""
        return self._do(self._client._jobs.CancelJob, job_pb2.CancelJobRequest(name=self.name))

    def retry(self) -> job_pb2.Job:
        """Queues the rows whose outcome is `failed` again."""
        return self._do(self._client._jobs.RetryJob, job_pb2.RetryJobRequest(name=self.name))

    def watch(self, after_seq: int = 0, *, heartbeats: bool = False) -> Iterator[job_pb2.JobEvent]:
        """The job's events after `after_seq`, each once and in order, until the job has ended.

        Lost connections are taken up again. Heartbeats (seq 0, with progress) come only when asked for. A paused job
        has not ended. Raises Unreachable once nobody has answered for the client's `patience`.
        """
        follower = wire.Follower(after_seq, self._client._patience)
        while True:
            request = job_pb2.WatchJobRequest(name=self.name, after_seq=follower.seen)
            stream = self._client._jobs.WatchJob(request, metadata=self._client._metadata, timeout=wire.STREAM_SECONDS)
            try:
                for event in stream:
                    if follower.take(event, heartbeats):
                        yield event
                named = job_pb2.GetJobRequest(name=self.name)
                self.job = self._client._jobs.GetJob(named, metadata=self._client._metadata)
                if self.ended:
                    return
                wait = 0.2  # a service that shuts down ends its streams; the job may not have ended
            except grpc.RpcError as error:
                wait = follower.delay(error)
            finally:
                stream.cancel()
            time.sleep(wait)

    def wait(self) -> job_pb2.Job:
        """Waits until the job has ended or is paused, and returns it."""
        for event in self.watch(heartbeats=True):
            # Old pauses are replayed too, so the state is asked for rather than taken from the event.
            if event.state == job_pb2.JOB_STATE_PAUSED and self.refresh().state == job_pb2.JOB_STATE_PAUSED:
                return self.job
        return self.job  # as the watch has found it at its end

    def examples(self, outcome: str = "", *, rounds: bool = False) -> Iterator[example_pb2.Example]:
        """The job's examples that have an outcome (or this one), in source order."""
        request = example_pb2.ListExamplesRequest(parent=self.name, outcome=outcome, include_rounds=rounds)
        return self._client._pages(self._client._examples.ListExamples, request, "examples")

    def example(self, id: str) -> example_pb2.Example:
        """One example with its rounds, by name or id. Raises NotFound."""
        request = example_pb2.GetExampleRequest(name=wire.example_name(self.name, id))
        found: example_pb2.Example = self._client._call(self._client._examples.GetExample, request)
        return found

    def review(
        self, id: str, verdict: wire.Verdict | None, edited: dict[str, Any] | None = None
    ) -> example_pb2.Example:
        """Keeps, edits (`edited`: the new example) or drops an accepted example; no verdict takes one back.

        Raises BadInput where the edited example is none, Conflict where nothing was accepted there.
        """
        request = wire.review_request(wire.example_name(self.name, id), verdict, edited)
        shown: example_pb2.Example = self._client._call(self._client._examples.ReviewExample, request)
        return shown

    def export(
        self,
        to: str | Path | BinaryIO,
        *,
        format: wire.RowFormat = "source",
        thinking_tag: wire.Tag = "think",
        include_unfinished: bool = False,
        converged_only: bool = False,
    ) -> int:
        """Writes the job's rows as JSONL to a file object, or to a path, where they stand whole or not at all.

        Returns the number of bytes. Raises OutputError where the path cannot be written.
        """
        request = wire.export_request(self.name, format, thinking_tag, include_unfinished, converged_only)
        if not isinstance(to, (str, Path)):
            return self._export(request, to)
        with replacing(Path(to)) as file:
            return self._export(request, file)

    def _export(self, request: example_pb2.ExportExamplesRequest, file: BinaryIO) -> int:
        size = 0
        stream = self._client._call(self._client._examples.ExportExamples, request)
        try:
            for piece in stream:
                size += file.write(piece.data)
        except grpc.RpcError as error:
            raise from_rpc(error) from error
        finally:
            stream.cancel()
        return size

    def artifacts(self) -> list[trainer_pb2.Artifact]:
        """The files that the job has left, in the order of their names."""
        return self._client.artifacts(self.name)

    def fetch(self, folder: str | Path, path: str = "") -> list[Path]:
        """Writes the job's files below a folder, or the one at `path`, or those in that folder; returns where they are.

        Each stands there whole, its SHA-256 checked, or not at all. Raises BadInput where there is no such file,
        OutputError where the folder can't be written.
        """
        written = []
        for artifact in trainer.chosen(self.artifacts(), self.name, path):
            to = trainer.place(artifact, Path(folder))
            make_folder(to.parent)
            with replacing(to) as file:
                checked = trainer.Checked(file)
                self._client.fetch(artifact.name, checked)
                checked.check(artifact)
            written.append(to)
        return written

    def _do(self, method: Callable[..., job_pb2.Job], request: Any) -> job_pb2.Job:
        self.job = self._client._call(method, request)
        return self.job
