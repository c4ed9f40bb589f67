"""The store of the artifacts, where there is one: reachable, and ours to write and read."""

from __future__ import annotations

from collections.abc import Iterator

from services.doctor.findings import Finding, ok, problem
from services.settings import Settings


def artifacts(settings: Settings) -> Iterator[Finding]:
    """A small object is put there, and taken away again."""
    url = settings.artifacts_url
    if url is None:
        return
    from services.errors import ArtifactsGone  # which brings gRPC
    from services.training.objects import Objects

    try:
        Objects(url).check()
    except (ValueError, ArtifactsGone) as error:
        advice = (
            "look at the address, and at the provider's variables in the service's environment (AWS_..., GOOGLE_...)"
        )
        yield problem("artifacts", error.why if isinstance(error, ArtifactsGone) else str(error), advice)
    else:
        yield ok("artifacts", f"{url} can be written and read")
