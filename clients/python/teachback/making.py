"""From a source file to a finished generate job: what every `teachback generate ...` does.

The same source with the same options finds the same job again, so a run that was left, paused or killed goes on.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from teachback import enhancing, wire
from teachback.client import Client, JobHandle
from teachback.enhancing import Say


def start(
    client: Client,
    sources: Sequence[Path],
    options: wire.GenerateOptions,
    say: Say,
    *,
    resume: bool = True,
    strict: bool = False,
) -> JobHandle:
    """Uploads and finds or creates the job; a paused or failed one goes on. `resume=False`: a new job in any case.

    Raises BadInput where the source or the options can't do.
    """
    dataset = enhancing.upload(client, list(sources), strict, wire.kind_for(options))
    enhancing.tell_bad_rows(client, dataset, say)

    def begin(key: str) -> JobHandle:
        return client.generate(dataset.name, idempotency_key=key, **options)

    if not resume:
        return begin(f"fresh-{uuid.uuid4()}")
    job = enhancing.find_or_create(client, begin, enhancing.work_key(dataset, options, kind="generate"))
    enhancing.go_on(job, options, say)
    return job
