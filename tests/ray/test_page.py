"""What docs/ray.md says to do on one machine, done: a service works with a cluster, and nothing of it is open."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.docs.pages import blocks
from tests.ray.test_cluster import open_doors
from tests.support import databases
from tests.support.loopback import free_port
from tests.support.raycluster import until
from tests.support.service import environment


@pytest.mark.soak
def test_the_page_leads_to_a_service_with_a_cluster_that_is_closed(tmp_path: Path) -> None:
    (block,) = [one for one in blocks("") if one.page == "docs/ray.md" and "ray start" in one.text]
    head, client = str(free_port()), f"--ray-client-server-port={free_port()}"
    script = block.text.replace("6379", head).replace("ray start", f"ray start {client}")
    for line in (one for one in script.splitlines() if one.startswith("export TEACHBACK_DATABASE_URL=")):
        script = script.replace(
            line, f"export TEACHBACK_DATABASE_URL={shlex.quote(databases.url('postgres', tmp_path))}"
        )
    told = {"TEACHBACK_GRPC_PORT": "0", "TEACHBACK_REST_PORT": "0", "TEACHBACK_DATA_DIR": str(tmp_path / "data")}
    with tempfile.TemporaryDirectory(prefix="tb-ray-") as short, (tmp_path / "out").open("w") as out:
        env = environment(tmp_path, RAY_TMPDIR=short, TEACHBACK_STUDENT="offline/student", **told)
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
        env["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
        reader = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env=env,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        family = []
        try:
            said = tmp_path / "out"
            until(lambda: "Teachback serves gRPC on" in said.read_text() or reader.poll() is not None, "a service")
            assert reader.poll() is None, said.read_text()
            family = psutil.Process(reader.pid).children(recursive=True)
            assert "gcs_server" in {one.name() for one in family}, said.read_text()
            assert open_doors(family) == []
            assert "nodes: 1, " in said.read_text()
            assert "it asks for a token" in said.read_text()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(reader.pid, signal.SIGTERM)
            _gone, alive = psutil.wait_procs(family, 15)
            for one in alive:
                one.kill()
            reader.wait(15)
