"""The service as the chart starts it: with the Deployment's variables and mounts, nobody's root, its root read-only.

There is no container engine here, so the kernel's own means stand in for one: a new root that holds the machine's
programs read-only and the rendered mounts at the rendered places, a new network, a user without capabilities.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.dockerfile import environment as image_environment
from tests.deploy.rendered import Object, environment, objects, of_kind, pods, service_pod
from tests.deploy.tools import ROOT
from tests.support.certificates import Authority

TOKEN = "a-token-of-the-test"
MOVED = "/programs"
"""Where this machine's Python and the checkout are in the new root: as they are, a mount may lie over them."""
PYTHON = f"{MOVED}{sys.executable}"
SAYS = {"teachback": [PYTHON, "-m", "teachback.cli"], "python": [PYTHON]}
"""What the image's programs are here."""
WRITES = """
import os, pathlib
for place in ("/", "/usr", "/etc/teachback", "/run/secrets/teachback", "/opt"):
    try:
        pathlib.Path(place, "written").touch()
    except OSError as error:
        print(place, type(error).__name__)
for place in ("/tmp", "/var/lib/teachback"):
    pathlib.Path(place, "written").touch()
    print(place, "written")
print(os.getuid(), os.getgid(), pathlib.Path("/proc/self/status").read_text().count("CapEff:\\t0000000000000000"))
"""


def programs() -> dict[str, str]:
    """Folders that Python needs, and where they go: its own where it is, the environment's and the checkout's moved."""
    wanted = sorted({sys.prefix, str(ROOT), *(path for path in sys.path if Path(path).is_dir())})
    outer = [one for one in wanted if not any(one.startswith(f"{other}/") for other in wanted)]
    return {sys.base_prefix: sys.base_prefix} | {one: f"{MOVED}{one}" for one in outer}


def source(volume: Object, folder: Path, everything: list[Object], secrets: Mapping[str, str]) -> Path:
    """What a volume holds, as a folder with the rights that a kubelet gives it (group: fsGroup)."""
    place = folder / str(volume["name"])
    place.mkdir()
    if "configMap" in volume:
        for name, text in of_kind("ConfigMap", *everything)[0]["data"].items():
            (place / name).write_text(text)
            (place / name).chmod(0o644)
    elif "secret" in volume:
        for item in volume["secret"]["items"]:
            (place / item["path"]).write_text(secrets[item["key"]])
            os.chown(place / item["path"], 0, 10001)
            (place / item["path"]).chmod(volume["secret"]["defaultMode"])
    else:
        os.chown(place, 0, 10001)
        place.chmod(0o2770)
    return place


def plan(folder: Path, *given: str) -> dict[str, Any]:
    """The Deployment's container, then the containers of `helm test`, then a look at what can be written."""
    everything = objects("laptop", *given)
    authority = Authority(folder / "authority")
    own = authority.issue("teachback", server=True, names=("teachback",))
    secrets = {"token": TOKEN + "\n", "tls.crt": own.cert.read_text(), "tls.key": own.key.read_text()}
    secrets["ca.crt"] = authority.file.read_text()
    pod = service_pod(*everything)
    container = pod.containers[0]
    test = next(one for one in pods(*everything) if one.component == "test")
    # One root serves both: what the test's pod alone has is who vouches for the service.
    known = [one for one in test.spec["volumes"] if one["name"] == "ca"]
    trusts = [one for one in test.containers[0]["volumeMounts"] if one["name"] == "ca"]
    volumes = {one["name"]: source(one, folder, everything, secrets) for one in (*pod.spec["volumes"], *known)}
    modules = os.pathsep.join(f"{MOVED}{path}" for path in sys.path if Path(path).is_dir())
    image = image_environment("service") | {"PATH": os.environ["PATH"], "PYTHONPATH": modules}
    told = image | {name: value for name, value in environment(container).items() if isinstance(value, str)}
    then = []
    for one in test.containers:
        words: list[str] = [*one.get("command", ["teachback"]), *one["args"]]
        then.append({"command": [*SAYS[words[0]], *words[1:]], "env": image})
    job = ["enhance-thinking", "/sample/qa_sample.jsonl", "/var/lib/teachback/out.jsonl", "--samples", "2"]
    means = f"--tls-ca-file={trusts[0]['mountPath']}/ca.crt" if trusts else "--insecure"
    caller = [means, "--server=teachback:50051", "--token-file=/run/secrets/teachback/token"]
    then.append({"command": [*SAYS["teachback"], *caller, *job, "--student", "offline/student"], "env": image})
    then.append({"command": [PYTHON, "-c", WRITES], "env": image})
    (folder / "root").mkdir()
    return {
        "root": str(folder / "root"),
        "programs": programs(),
        "mounts": [
            {"source": str(volumes[m["name"]]), "path": m["mountPath"], "writable": not m.get("readOnly", False)}
            for m in (*container["volumeMounts"], *trusts)
        ]
        + [{"source": str(ROOT / "examples"), "path": "/sample", "writable": False}],
        "user": pod.spec["securityContext"]["runAsUser"],
        "port": 8080,
        "service": {"command": [*SAYS["teachback"], "serve"], "env": told},
        "then": then,
    }


@pytest.mark.parametrize("given", [(), ("tls.existingSecret=teachback-certificate",)], ids=["clear", "tls"])
def test_it_serves_read_only_and_as_nobody(tmp_path: Path, given: tuple[str, ...]) -> None:
    if sys.platform != "linux" or os.getuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("a root of its own needs Linux, its administrator, and util-linux")
    ended = subprocess.run(
        ["unshare", "--mount", "--net", "--ipc", sys.executable, "-m", "tests.deploy.inside"],
        cwd=ROOT,
        input=json.dumps(plan(tmp_path, *given)),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(told) == 5, f"{ended.stderr}\n{told}"
    grpc, rest, job, wrote, service = told
    face = "https" if given else "http"
    assert re.search(rf"Teachback serves gRPC on 0\.0\.0\.0:50051 and REST on {face}://\S+:8080", service["out"])
    assert service["code"] == 0, f"a signal ends it kindly: {service['out']}"
    assert TOKEN not in service["out"]
    assert (grpc["code"], grpc["err"]) == (0, ""), grpc
    assert rest["code"] == 0, rest
    assert json.loads(rest["out"].splitlines()[0]) == {"status": "serving"}
    assert json.loads(rest["out"].splitlines()[1])["jobs"] == []
    assert job["code"] == 0, job
    assert wrote["out"].splitlines() == [
        "/ OSError",
        "/usr OSError",
        "/etc/teachback OSError",
        "/run/secrets/teachback OSError",
        "/opt OSError",
        "/tmp written",  # noqa: S108 - the pod's
        "/var/lib/teachback written",
        "10001 10001 1",
    ], wrote
