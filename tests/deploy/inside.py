"""Runs a plan (JSON on standard input) in a root of its own, as a kubelet would; test_container.py starts it.

The new root holds what the machine's programs need, read-only, the plan's mounts, and nothing that can be written but
those. The network is a new one: loopback alone. A background program first, then one after the other; the outcome of
each goes to standard output as a line of JSON.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/proc", "/sys", "/dev")


def mount(*words: str | Path) -> None:
    """mount(8)."""
    subprocess.run(["mount", *map(str, words)], check=True)


def bind(source: Path, root: Path, path: str, *, writable: bool) -> None:
    """Puts a folder at `path` of the new root."""
    target = root / path.lstrip("/")
    target.mkdir(parents=True, exist_ok=True)
    mount("--bind", source, target)
    if not writable:
        mount("-o", "remount,bind,ro", target)


def build(root: Path, plan: dict[str, Any]) -> None:
    """The new root."""
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", root)
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text("teachback:x:10001:10001::/var/lib/teachback:/usr/sbin/nologin\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost teachback\n")
    (root / "etc/nsswitch.conf").write_text("hosts: files\n")
    for path in SYSTEM:
        if Path(path).is_symlink():
            (root / path.lstrip("/")).symlink_to(os.readlink(path))
        elif Path(path).is_dir():
            bind(Path(path), root, path, writable=path == "/dev")
    for source, path in plan["programs"].items():
        if not path.startswith("/usr/"):
            bind(Path(source), root, path, writable=False)
    for one in plan["mounts"]:
        bind(Path(one["source"]), root, one["path"], writable=one["writable"])
    mount("-o", "remount,ro", root)


def loopback_up() -> None:
    """As `ip link set lo up`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        up = struct.pack("16sh", b"lo", 0x1)  # IFF_UP
        fcntl.ioctl(sock, 0x8914, up)  # SIOCSIFFLAGS


def command(root: Path, user: int, words: list[str]) -> list[str]:
    """`words` in the new root, as a user without any capability who can get none."""
    drop = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    return ["chroot", str(root), "setpriv", f"--reuid={user}", f"--regid={user}", *drop, "--", *words]


def listens(port: int, seconds: float, process: subprocess.Popen[str]) -> bool:
    """Waits until somebody listens on loopback, or the process has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


def main() -> None:
    """Carries the plan out."""
    plan = json.load(sys.stdin)
    root = Path(plan["root"])
    loopback_up()
    build(root, plan)
    service = subprocess.Popen(
        command(root, plan["user"], plan["service"]["command"]),
        env=plan["service"]["env"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        if listens(plan["port"], 60, service):
            for one in plan["then"]:
                ended = subprocess.run(
                    command(root, plan["user"], one["command"]),
                    env=one["env"],
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=60,
                )
                print(json.dumps({"code": ended.returncode, "out": ended.stdout, "err": ended.stderr}), flush=True)
    finally:
        service.terminate()
        said, _ = service.communicate(timeout=30)
        print(json.dumps({"code": service.returncode, "out": said, "err": ""}), flush=True)


if __name__ == "__main__":
    main()
