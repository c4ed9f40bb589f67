"""A model server on the operator's own machine or network, as LM Studio: where it is, and what it serves.

Its address never goes into a request: it is put into the environment of the private service, as its operator would.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

from teachback.enhancing import Say
from teachback.errors import BadInput, Unreachable

HOST, PORT, MODEL = "localhost", 1234, "openai/gpt-oss-20b"
SETTING = "TEACHBACK_LOCAL_API_BASE"
SECONDS = 10.0
_LARGEST = 4 * 2**20


@dataclass(frozen=True)
class Server:
    """What the options and LMSTUDIO_HOST, LMSTUDIO_PORT say; empty where they say nothing."""

    url: str = ""
    host: str = ""
    port: str = ""
    model: str = ""

    @property
    def wanted(self) -> bool:
        """Whether anything names such a server."""
        return bool(self.url or self.host or self.port or self.model)

    @property
    def base(self) -> str:
        """Its address, without a path. Raises BadInput."""
        url = self.url or f"http://{self.host or HOST}:{self.port or PORT}"
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not (self.port or "0").isdecimal():
            raise BadInput(f"{url!r} is no address of a model server; write http://HOST:PORT")
        return url.rstrip("/").removesuffix("/v1")


def use(server: Server, say: Say) -> str:
    """Puts the server into the environment for the private service; returns the model's name for a job.

    Raises Unreachable where nobody answers there, BadInput where it does not serve the model that was asked for.
    """
    served = models(server.base)
    model = server.model or (MODEL if MODEL in served or not served else served[0])
    if server.model and served and model not in served:
        raise BadInput(f"{server.base} does not serve {model}; it has: {', '.join(served)}")
    if not server.model:
        say(f"LM Studio at {server.base}: {model}")
    os.environ[SETTING] = f"{server.base}/v1"
    return f"local/{model}"


def models(base: str) -> list[str]:
    """The models that a server lists. Raises Unreachable."""
    try:
        with urllib.request.urlopen(f"{base}/v1/models", timeout=SECONDS) as answer:  # noqa: S310 - http or https
            told = json.loads(answer.read(_LARGEST))
        return [str(model["id"]) for model in told["data"]]
    except (OSError, urllib.error.URLError) as error:
        raise Unreachable(f"Failed to connect to LM Studio at {base}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"{base}/v1/models is no list of models: is that LM Studio?") from error
