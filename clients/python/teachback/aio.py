"""The asynchronous client: the same verbs as `teachback.client`, on grpc.aio."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self, Unpack

import grpc
import grpc.aio

from teachback import trainer, wire
from teachback.access import AsyncAccess
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


class AsyncClient:
    """A connection to a service. Use it as an async context manager, or call `close`."""

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
        self._channel = wire.aio_channel(route(target, token, tls, insecure=insecure))
        self._datasets: Any = dataset_pb2_grpc.DatasetServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._jobs: Any = job_pb2_grpc.JobServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._examples: Any = example_pb2_grpc.ExampleServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._trainer: Any = trainer_pb2_grpc.TrainerServiceStub(self._channel)  # type: ignore[no-untyped-call]
        stub: Any = access_pb2_grpc.AccessServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self.access = AsyncAccess(stub, self._call, self._pages)
        """Projects, tokens and the audit log."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connection; calls that are under way end with an error."""
        await self._channel.close()

    async def upload(
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
            dataset: dataset_pb2.Dataset = await self._datasets.CreateDataset(iter(upload), metadata=self._metadata)
        except grpc.RpcError as error:
            raise upload.failure or from_rpc(error) from error
        return dataset

    async def dataset(self, name: str) -> dataset_pb2.Dataset:
        """A dataset by name. Raises NotFound."""
        request = dataset_pb2.GetDatasetRequest(name=name)
        found: dataset_pb2.Dataset = await self._call(self._datasets.GetDataset, request)
        return found

    def datasets(self) -> AsyncIterator[dataset_pb2.Dataset]:
        """All datasets, newest first."""
        return self._pages(self._datasets.ListDatasets, dataset_pb2.ListDatasetsRequest(), "datasets")

    def bad_rows(self, dataset: str) -> AsyncIterator[dataset_pb2.BadRow]:
        """The rows that a dataset refused, in file order. Raises NotFound."""
        return self._pages(self._datasets.ListBadRows, dataset_pb2.ListBadRowsRequest(parent=dataset), "bad_rows")

    async def enhance(
        self,
        source: str | Path | Sequence[str | Path],
        *,
        idempotency_key: str = "",
        **options: Unpack[wire.EnhanceOptions],
    ) -> AsyncJobHandle:
        """Starts a job on files, which are uploaded first, or on a dataset by name ("datasets/{id}").

        Raises BadInput for a spec that can't run, Conflict for a missing provider key or a key used for another spec.
        """
        dataset = str(source) if wire.is_dataset(source) else (await self.upload(source)).name
        request = job_pb2.CreateJobRequest(spec=wire.job_spec(dataset, options), idempotency_key=idempotency_key)
        return AsyncJobHandle(self, await self._call(self._jobs.CreateJob, request))

    async def generate(
        self,
        source: str | Path | Sequence[str | Path],
        *,
        idempotency_key: str = "",
        **options: Unpack[wire.GenerateOptions],
    ) -> AsyncJobHandle:
        """Starts making examples from files, which are uploaded first, or from a dataset by name.

        One recipe is named with its options, as `personas={"examples_per_chunk": 2}`; it decides what kind of source is
        read. Raises what `enhance` raises.
        """
        kind = wire.kind_for(options)
        dataset = str(source) if wire.is_dataset(source) else (await self.upload(source, kind=kind)).name
        request = job_pb2.CreateJobRequest(spec=wire.generate_spec(dataset, options), idempotency_key=idempotency_key)
        return AsyncJobHandle(self, await self._call(self._jobs.CreateJob, request))

    async def create(self, spec: job_pb2.JobSpec, *, idempotency_key: str = "") -> AsyncJobHandle:
        """Starts a job of any kind. Raises BadInput, NotFound or Conflict as the service says."""
        request = job_pb2.CreateJobRequest(spec=spec, idempotency_key=idempotency_key)
        return AsyncJobHandle(self, await self._call(self._jobs.CreateJob, request))

    # ------------------------------------------------------------ the trainer
    async def sft(
        self,
        source: trainer.Source,
        *,
        validation: trainer.Source = "",
        model: str = "",
        idempotency_key: str = "",
        **training: Unpack[trainer.TrainingOptions],
    ) -> AsyncJobHandle:
        """Starts supervised fine-tuning on files, which are uploaded first, on a dataset, or on the rows of a job.

        `validation` is given in the same forms; without it a tenth of the rows is held back. `model`: a name on the
        hub, "embedded/smollm2-135m", or the job of an earlier training. Raises BadInput for settings that can't run,
        NotFound for what is not there, Conflict for a job that has not succeeded and where there is no trainer.
        """
        rows, held = await self._rows(source), await self._rows(validation)
        options = trainer.options(training)
        spec = trainer.spec("sft", dataset=rows, validation=held, model=model, training=options)
        return await self.create(spec, idempotency_key=idempotency_key)

    async def dpo(
        self,
        source: trainer.Source,
        model: str,
        *,
        validation: trainer.Source = "",
        idempotency_key: str = "",
        **training: Unpack[trainer.TrainingOptions],
    ) -> AsyncJobHandle:
        """Starts preference optimization of `model`, the job of an SFT as a rule, on pairs. Raises as `sft`."""
        rows, held = await self._rows(source), await self._rows(validation)
        options = trainer.options(training)
        spec = trainer.spec("dpo", dataset=rows, validation=held, model=model, training=options)
        return await self.create(spec, idempotency_key=idempotency_key)

    async def preferences(
        self,
        source: trainer.Source = "",
        model: str = "",
        *,
        rounds: str = "",
        idempotency_key: str = "",
        **options: Unpack[trainer.PreferencesOptions],
    ) -> AsyncJobHandle:
        """Starts making pairs: what `model` answers to rows against their ideals, or the `rounds` of an enhance job.

        Raises as `sft`.
        """
        rows = await self._rows(source)
        spec = trainer.spec("preferences", dataset=rows, model=model, rounds=rounds, **options)
        return await self.create(spec, idempotency_key=idempotency_key)

    async def quantize(
        self,
        model: str,
        *,
        imatrix: trainer.Source = "",
        fidelity: trainer.Source = "",
        idempotency_key: str = "",
        **options: Unpack[trainer.QuantizeOptions],
    ) -> AsyncJobHandle:
        """Starts making a GGUF file of a model and holding it against that. `imatrix` and `fidelity` are rows.

        Raises as `sft`.
        """
        weighed, held = await self._rows(imatrix), await self._rows(fidelity)
        spec = trainer.spec("quantize", model=model, imatrix_dataset=weighed, fidelity_dataset=held, **options)
        return await self.create(spec, idempotency_key=idempotency_key)

    async def evaluate(
        self,
        source: trainer.Source,
        models: Sequence[str],
        *,
        idempotency_key: str = "",
        **options: Unpack[trainer.EvaluateOptions],
    ) -> AsyncJobHandle:
        """Starts measuring models on the same rows, the first one being what the others are held against.

        Raises as `sft`.
        """
        spec = trainer.spec("evaluate", dataset=await self._rows(source), models=list(models), **options)
        return await self.create(spec, idempotency_key=idempotency_key)

    async def pipeline(
        self,
        name: str,
        source: trainer.Source = "",
        *,
        validation: trainer.Source = "",
        preferences: trainer.Source = "",
        idempotency_key: str = "",
        **options: Unpack[trainer.PipelineOptions],
    ) -> AsyncJobHandle:
        """Starts all stages by a name, from a CLI schema (`cli_schema`, a dataset) or from rows of one's own.

        Raises as `sft`.
        """
        rows, held, pairs = await self._rows(source), await self._rows(validation), await self._rows(preferences)
        named = {"dataset": rows, "validation": held, "preferences": pairs}
        return await self.create(
            trainer.spec("pipeline", name=name, **named, **options), idempotency_key=idempotency_key
        )

    async def estimate(self, spec: job_pb2.JobSpec) -> trainer_pb2.TrainingEstimate:
        """What an SFT or DPO needs of the service's machine: memory and time. Starts nothing. Raises as `sft`."""
        request = trainer.estimate_request(spec)
        found: trainer_pb2.TrainingEstimate = await self._call(self._trainer.EstimateTraining, request)
        return found

    async def artifacts(self, job: str) -> list[trainer_pb2.Artifact]:
        """The files that a job has left, in the order of their names. Raises NotFound."""
        request = trainer_pb2.ListArtifactsRequest(parent=wire.job_name(job))
        return list((await self._call(self._trainer.ListArtifacts, request)).artifacts)

    async def fetch(self, artifact: str, to: BinaryIO | trainer.Checked) -> int:
        """Writes a file ("jobs/J/artifacts/PATH") to a file object; returns its bytes. Raises NotFound."""
        request = trainer_pb2.GetArtifactRequest(name=artifact)
        size = 0
        stream = self._trainer.GetArtifact(request, metadata=self._metadata)
        try:
            async for piece in stream:
                size += to.write(piece.data)
        except grpc.RpcError as error:
            raise from_rpc(error) from error
        finally:
            stream.cancel()
        return size

    async def _rows(self, source: trainer.Source) -> str:
        """The name of rows to train on: files are uploaded first."""
        if isinstance(source, str) and (not source or trainer.is_named(source)):
            return source
        return (await self.upload(source, kind="training")).name

    async def job(self, name: str) -> AsyncJobHandle:
        """A job by name or id. Raises NotFound."""
        request = job_pb2.GetJobRequest(name=wire.job_name(name))
        return AsyncJobHandle(self, await self._call(self._jobs.GetJob, request))

    async def jobs(self, state: str = "") -> AsyncIterator[AsyncJobHandle]:
        """All jobs, or those in one state ("running"), newest first."""
        async for job in self._pages(self._jobs.ListJobs, wire.list_jobs(state), "jobs"):
            yield AsyncJobHandle(self, job)

    async def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return await method(request, metadata=self._metadata)
        except grpc.RpcError as error:
            raise from_rpc(error) from error

    async def _pages(self, method: Callable[..., Any], request: Any, field: str) -> AsyncIterator[Any]:
        request.page_size = wire.PAGE
        while True:
            page = await self._call(method, request)
            for item in getattr(page, field):
                yield item
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


class AsyncJobHandle:
    """A job: `job` is what the service said last, `refresh` asks again."""

    def __init__(self, client: AsyncClient, job: job_pb2.Job) -> None:
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

    async def refresh(self) -> job_pb2.Job:
        """Asks the service how the job stands."""
        return await self._do(self._client._jobs.GetJob, job_pb2.GetJobRequest(name=self.name))

    async def pause(self) -> job_pb2.Job:
        """Stops handing out rows; those in flight are finished. Raises Conflict where the job has ended."""
        return await self._do(self._client._jobs.PauseJob, job_pb2.PauseJobRequest(name=self.name))

    async def resume(self, max_cost: float | None = None) -> job_pb2.Job:
        """Goes on with a paused or failed job, with a new budget in US dollars where one is given."""
        request = wire.resume_request(self.name, max_cost)
        return await self._do(self._client._jobs.ResumeJob, request)

    async def cancel(self) -> job_pb2.Job:
        """Ends the job; what is finished is kept."""
        return await self._do(self._client._jobs.CancelJob, job_pb2.CancelJobRequest(name=self.name))

    async def retry(self) -> job_pb2.Job:
        """Queues the rows whose outcome is `failed` again."""
        return await self._do(self._client._jobs.RetryJob, job_pb2.RetryJobRequest(name=self.name))

    async def watch(self, after_seq: int = 0, *, heartbeats: bool = False) -> AsyncIterator[job_pb2.JobEvent]:
        """The job's events after `after_seq`, each once and in order, until the job has ended.

        Lost connections are taken up again. Heartbeats (seq 0, with progress) come only when asked for. A paused job
        has not ended. Raises Unreachable once nobody has answered for the client's `patience`.
        """
        follower = wire.Follower(after_seq, self._client._patience)
        while True:
            request = job_pb2.WatchJobRequest(name=self.name, after_seq=follower.seen)
            stream = self._client._jobs.WatchJob(request, metadata=self._client._metadata, timeout=wire.STREAM_SECONDS)
            try:
                async for event in stream:
                    if follower.take(event, heartbeats):
                        yield event
                named = job_pb2.GetJobRequest(name=self.name)
                self.job = await self._client._jobs.GetJob(named, metadata=self._client._metadata)
                if self.ended:
                    return
                wait = 0.2  # a service that shuts down ends its streams; the job may not have ended
            except grpc.RpcError as error:
                wait = follower.delay(error)
            finally:
                stream.cancel()
            await asyncio.sleep(wait)

    async def wait(self) -> job_pb2.Job:
        """Waits until the job has ended or is paused, and returns it."""
        async for event in self.watch(heartbeats=True):
            # Old pauses are replayed too, so the state is asked for rather than taken from the event.
            if event.state == job_pb2.JOB_STATE_PAUSED and (await self.refresh()).state == job_pb2.JOB_STATE_PAUSED:
                return self.job
        return self.job  # as the watch has found it at its end

    def examples(self, outcome: str = "", *, rounds: bool = False) -> AsyncIterator[example_pb2.Example]:
        """The job's examples that have an outcome (or this one), in source order."""
        request = example_pb2.ListExamplesRequest(parent=self.name, outcome=outcome, include_rounds=rounds)
        return self._client._pages(self._client._examples.ListExamples, request, "examples")

    async def example(self, id: str) -> example_pb2.Example:
        """One example with its rounds, by name or id. Raises NotFound."""
        request = example_pb2.GetExampleRequest(name=wire.example_name(self.name, id))
        found: example_pb2.Example = await self._client._call(self._client._examples.GetExample, request)
        return found

    async def review(
        self, id: str, verdict: wire.Verdict | None, edited: dict[str, Any] | None = None
    ) -> example_pb2.Example:
        """Keeps, edits (`edited`: the new example) or drops an accepted example; no verdict takes one back.

        Raises BadInput where the edited example is none, Conflict where nothing was accepted there.
        """
        request = wire.review_request(wire.example_name(self.name, id), verdict, edited)
        shown: example_pb2.Example = await self._client._call(self._client._examples.ReviewExample, request)
        return shown

    async def export(
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
            return await self._export(request, to)
        with replacing(Path(to)) as file:
            return await self._export(request, file)

    async def _export(self, request: example_pb2.ExportExamplesRequest, file: BinaryIO) -> int:
        size = 0
        stream = self._client._examples.ExportExamples(request, metadata=self._client._metadata)
        try:
            async for piece in stream:
                size += file.write(piece.data)
        except grpc.RpcError as error:
            raise from_rpc(error) from error
        finally:
            stream.cancel()
        return size

    async def artifacts(self) -> list[trainer_pb2.Artifact]:
        """The files that the job has left, in the order of their names."""
        return await self._client.artifacts(self.name)

    async def fetch(self, folder: str | Path, path: str = "") -> list[Path]:
        """Writes the job's files below a folder, or the one at `path`, or those in that folder; returns where they are.

        Each stands there whole, its SHA-256 checked, or not at all. Raises BadInput where there is no such file,
        OutputError where the folder can't be written.
        """
        written = []
        for artifact in trainer.chosen(await self.artifacts(), self.name, path):
            to = trainer.place(artifact, Path(folder))
            make_folder(to.parent)
            with replacing(to) as file:
                checked = trainer.Checked(file)
                await self._client.fetch(artifact.name, checked)
                checked.check(artifact)
            written.append(to)
        return written

    async def _do(self, method: Callable[..., Any], request: Any) -> job_pb2.Job:
        self.job = await self._client._call(method, request)
        return self.job
