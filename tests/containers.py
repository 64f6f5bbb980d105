"""podman in namespaces of its own: what it mounts, what it connects and what it starts ends with it. Needs root.

Ports that a container publishes are open in that network only, so every test may use the same ones.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.programs import LONG

_STORAGE = """
[storage]
driver = "overlay"
graphroot = "/run/own/graph"
runroot = "/run/own/run"
[storage.options]
additionalimagestores = ["{store}"]
"""
# The limits: root of a container may not raise its own above those here. Locks in files: those in memory are everybody's.
_ENGINE = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[network]
network_backend = "netavark"
network_config_dir = "/run/own/networks"
[engine]
runtime = "runc"
lock_type = "file"
cgroup_manager = "cgroupfs"
events_logger = "none"
tmp_dir = "/run/own/tmp"
static_dir = "/run/own/graph/libpod"
volume_path = "/run/own/volumes"
init_path = "/usr/bin/catatonit"
"""
_SPACES = ["--net", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child"]
# What podman's parts note of each other in /run would be another engine's, too; and with longer paths than there they miss
# the end of a container for twenty seconds. The first process reaps, and no more.
_FIRST = """
mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/own/networks && ip link set lo up && echo && exec catatonit -P
"""


class Engine:
    """Runs until `stop`; `store` holds the images."""

    def __init__(self, folder: Path, store: Path) -> None:
        self.folder = folder
        (folder / "storage.conf").write_text(_STORAGE.format(store=store))
        (folder / "containers.conf").write_text(_ENGINE)
        self._holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", *_SPACES, "sh", "-c", _FIRST],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.read(1) == b"\n", "there are no namespaces for containers"
        self._holder.stdout.close()
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children")
        self._inside = ["nsenter", "-t", children.read_text().split()[0], "-m", "-n", "-p", "--"]
        self._program = folder / "podman"
        environment = [
            f"CONTAINERS_CONF={folder}/containers.conf",
            f"CONTAINERS_STORAGE_CONF={folder}/storage.conf",
        ]
        line = ["env", *environment, *self._inside, "podman"]
        self._program.write_text(f'#!/bin/sh\nexec {" ".join(line)} "$@"\n')
        self._program.chmod(0o755)

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A program beside the containers, in their network."""
        return self._run([*self._inside, *argv], check=check)

    def podman(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command of podman's, to its end."""
        return self._run([str(self._program), *argv], check=check)

    def compose(self, project: Path, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command of podman-compose's on the files `compose.yaml` and, beside it, `test.yaml`."""
        program = [os.path.join(sys.prefix, "bin", "podman-compose"), "--podman-path", str(self._program)]
        files = [option for name in ("compose.yaml", "test.yaml") for option in ("-f", str(project / name))]
        return self._run([*program, "-p", "test", *files, *argv], check=check)

    def log(self, container: str) -> str:
        """All that it has said."""
        said = self.podman("logs", container)
        return said.stdout + said.stderr

    def state(self, container: str, key: str) -> str:
        """One of the facts that podman knows of it."""
        return self.podman("inspect", "--format", f"{{{{.{key}}}}}", container).stdout.strip()

    def clear(self) -> None:
        """No containers, no volumes, no networks."""
        while self.podman(
            "ps", "--all", "--quiet"
        ).stdout:  # some lean on others, which have to wait for them
            self.podman("rm", "--all", "--force", "--time", "0", check=False)
        self.podman("pod", "rm", "--all", "--force")
        self.podman("volume", "rm", "--all", "--force")
        self.podman("network", "prune", "--force")

    def stop(self) -> None:
        """Everything is over."""
        try:
            self.clear()
        finally:
            self._holder.kill()
            self._holder.wait()

    def _run(self, argv: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2 * LONG, check=False
        )
        assert ran.returncode == 0 or not check, (
            f"{argv} ended with {ran.returncode}: {ran.stdout}{ran.stderr}"
        )
        return ran


@contextmanager
def engine(folder: Path, store: Path) -> Iterator[Engine]:
    """An engine for tests."""
    made = Engine(folder, store)
    try:
        yield made
    finally:
        made.stop()
