"""Every block of code in the pages is run as it stands there, page by page, in one folder as a reader would."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from tests.docs.clustered import BLOCKS as CLUSTERED
from tests.docs.conftest import PATIENCE, Reader
from tests.docs.pages import ROOT, Block, blocks
from tests.docs.trained import BLOCKS as TRAINED

pytestmark = pytest.mark.timeout(PATIENCE + 60)
LASTING = "teachback serve"
"""A block whose last line starts with this goes on until it is stopped: it has to say where it serves."""
MADE = "make "
"""A block of make's verbs is not carried out: `make test` would run this very test, the others install into the
checkout or take minutes, and .ci/run does `make check`, `make test` and `make demo`. Make has to know how to."""
BLOCKS = [block for block in blocks("bash", "sh", "python") if block not in TRAINED + CLUSTERED]


def test_every_language_in_the_pages_is_known() -> None:
    """A block with another label would go unrun; the ones without any are drawings and listings."""
    assert {block.language for block in blocks()} <= {"bash", "python", "json", "yaml", "mermaid", ""}
    assert len(BLOCKS) > 20


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.id)
def test_a_snippet_runs(block: Block, reader: Reader) -> None:
    if block.language == "python":
        script = reader.write("snippet.py", block.text)
        _check(reader.run(sys.executable, "-W", "error", script))
    elif all(line.startswith(MADE) for line in block.text.splitlines()):
        for line in block.text.splitlines():
            assert re.match(r"make [a-z-]+(?= |$)", line)
            _check(reader.run("make", "-C", ROOT, "--dry-run", *line.partition("#")[0].split()[1:]))
    elif block.text.splitlines()[-1].startswith(LASTING):
        _serves(block, reader)
    else:
        _check(reader.run("bash", "-euo", "pipefail", reader.write("snippet.sh", block.text)))
    for told in reader.folder.glob("*.stats.json"):
        stats = json.loads(told.read_text())
        assert stats["state"] == "succeeded"
        assert not stats["outcomes"]["failed"], f"{told.name}: a call went wrong"


def _check(ended: subprocess.CompletedProcess[str]) -> None:
    assert ended.returncode == 0, f"exit {ended.returncode}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    assert "Traceback" not in ended.stderr


def _serves(block: Block, reader: Reader) -> None:
    """Beside the service that runs already: on free ports and with data of its own."""
    script = reader.write("serve.sh", block.text.rstrip() + " --grpc-port 0 --rest-port 0\n")
    env = reader.env | {"TEACHBACK_HOME": str(reader.folder / f"alone-{block.line}")}
    with subprocess.Popen(
        ["bash", "-euo", "pipefail", str(script)],
        cwd=reader.folder,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as service:
        try:
            assert service.stdout is not None
            assert re.match(r"Teachback serves gRPC on \S+:\d+ and REST on http://\S+:\d+", service.stdout.readline())
        finally:
            os.killpg(service.pid, signal.SIGTERM)
