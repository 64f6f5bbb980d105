"""Installs when told to, in a child that stops first, so that strace can be attached before it touches a file.

A JSON line in: {"state", "name", "install", "pem", "without", "limits"}; a JSON line out: {"pid"}, and after the child's end {"status", "said"}.
`without` names folders and files that are not synced, to see that a model of crashes notices: see `left_out`.
`limits` are {"nofile": descriptors besides those that are open, "fsize": bytes of a file}.
Run as `python -m tests.faults.install_worker`; all it needs is imported, and used once, before the first child is made.
"""

import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from renewd.clock import SystemClock
from renewd.config.model import Certificate
from renewd.config.targets import Target
from renewd.errors import InstallFailed
from renewd.install import contents, layouts
from renewd.install.installer import Installer, Source

REFUSED = 3  # the child's exit code where the installer raised InstallFailed
LEAKED = 4  # or where it left a descriptor open


def work(order: dict) -> None:
    """Stage and switch, as a renewal does."""
    target = Target(order["name"], Certificate(name=order["name"], install=order["install"]), "rcl")
    bundle = contents.parse({"combined": order["pem"].encode()})
    installer = Installer(order["state"], SystemClock())
    installer.switch(target, installer.stage(target, bundle, Source("rcl", "https://ca.example/order/1")))


def left_out(path: str, order: dict) -> str:
    """What kind of thing a descriptor's fsync is for, as `without` calls it."""
    if os.path.isfile(path):
        return "files"
    name = os.path.basename(path)
    if name.startswith(layouts.STAGE):
        return "stage"
    if name == layouts.VERSIONS:
        return name
    targets = {
        os.path.dirname(file) for place in order["install"] for file in place.get("files", {}).values()
    }
    if path in targets:
        return "targets"
    return "root" if os.path.isdir(f"{path}/{layouts.VERSIONS}") else "other"


def sync_less(order: dict) -> None:
    """Leave out the fsyncs that the order names."""
    fsync = os.fsync

    def partly(descriptor: int) -> None:
        if left_out(os.readlink(f"/proc/self/fd/{descriptor}"), order) not in order["without"]:
            fsync(descriptor)

    os.fsync = partly


@contextmanager
def limited(limits: dict) -> Iterator[None]:
    """Within these limits, which are as they were afterwards."""
    kinds = {"nofile": resource.RLIMIT_NOFILE, "fsize": resource.RLIMIT_FSIZE}
    before = {kinds[name]: resource.getrlimit(kinds[name]) for name in limits}
    used = max(map(int, os.listdir("/proc/self/fd")))  # the descriptor that looks is the highest
    for name, value in limits.items():
        limit = value + used if name == "nofile" else value
        resource.setrlimit(kinds[name], (limit, before[kinds[name]][1]))
    try:
        yield
    finally:
        for kind, limit in before.items():
            resource.setrlimit(kind, limit)


def child(order: dict, said: int) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
    before = len(os.listdir("/proc/self/fd"))
    code = 0
    if order.get("without"):
        sync_less(order)
    try:
        with limited(order.get("limits", {})):
            work(order)
    except InstallFailed as error:
        os.write(said, f"{error} | {error.remedy}".encode())
        code = REFUSED
    if len(os.listdir("/proc/self/fd")) != before:
        code = LEAKED
    os._exit(code)


def main() -> None:
    first = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory() as folder:
        files = {"key": f"{folder}/key", "fullchain": f"{folder}/fullchain"}
        warm = {
            **first,
            "state": f"{folder}/state",
            "install": [{"directory": f"{folder}/live"}, {"files": files}],
        }
        work(warm)
        work(warm)
    print("{}", flush=True)
    for line in sys.stdin:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            child(json.loads(line), write)
        os.close(write)
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
        print(json.dumps({"pid": pid}), flush=True)
        with os.fdopen(read) as reader:
            said = reader.read()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(json.dumps({"status": status, "said": said}), flush=True)


if __name__ == "__main__":
    main()
