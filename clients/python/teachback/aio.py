"""The asynchronous client: the same verbs as `teachback.client`, on grpc.aio."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self, Unpack

import grpc
import grpc.aio

from teachback import wire
from teachback.errors import from_rpc
from teachback.files import replacing
from teachback.v1 import dataset_pb2, dataset_pb2_grpc, example_pb2, example_pb2_grpc, job_pb2, job_pb2_grpc


class AsyncClient:
    """A connection to a service. Use it as an async context manager, or call `close`."""

    def __init__(self, target: str = "127.0.0.1:50051", token: str | None = None, *, patience: float = 60.0) -> None:
        """`target` is host:port. `patience`: seconds for which a watch bears that nobody answers."""
        self.target = target
        self._patience = patience
        self._metadata = wire.metadata(token)
        self._channel = grpc.aio.insecure_channel(target, options=wire.CHANNEL_OPTIONS)
        self._datasets: Any = dataset_pb2_grpc.DatasetServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._jobs: Any = job_pb2_grpc.JobServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._examples: Any = example_pb2_grpc.ExampleServiceStub(self._channel)  # type: ignore[no-untyped-call]

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
        request = job_pb2.ResumeJobRequest(name=self.name, max_cost=max_cost)
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
                wait = 0.2  # a service that shuts down ends its streams; the job may not have ended
            except grpc.RpcError as error:
                wait = follower.delay(error)
            else:
                if (await self.refresh()).state in wire.ENDED:
                    return
            finally:
                stream.cancel()
            await asyncio.sleep(wait)

    async def wait(self) -> job_pb2.Job:
        """Waits until the job has ended or is paused, and returns it."""
        async for event in self.watch(heartbeats=True):
            # Old pauses are replayed too, so the state is asked for rather than taken from the event.
            if event.state == job_pb2.JOB_STATE_PAUSED and (await self.refresh()).state == job_pb2.JOB_STATE_PAUSED:
                return self.job
        return await self.refresh()

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

    async def _do(self, method: Callable[..., Any], request: Any) -> job_pb2.Job:
        self.job = await self._client._call(method, request)
        return self.job
