"""A machine with a real systemd: booted in systemd-nspawn on an overlay of this machine's own root, which stays as it is.

Everything installed here is there, and renewd at /opt/renewd, where an unprivileged user may run it. Needs root.
"""

import os
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.programs import LONG

CHECKOUT = str(Path(__file__).resolve().parents[1])
PACKAGES = sysconfig.get_paths()["purelib"]
PYTHON = "/opt/python"  # where the interpreter is in there: a unit cannot see one below /root
RENEWD = "/opt/renewd/bin/renewd"

_BOOT = """
set -e
mount -t tmpfs -o size=256m,mode=755 tmpfs "$1/m"
mkdir "$1/m/upper" "$1/m/work" "$1/m/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/m/upper,workdir=$1/m/work" "$1/m/root"
rm -f "$1/m/root/.dockerenv" "$1/m/root/usr/sbin/policy-rc.d"
cp -a "$1/extra/." "$1/m/root/"
exec systemd-nspawn -q -D "$1/m/root" --machine="$2" --register=no --keep-unit --private-network --console=pipe \
  --bind-ro="$3:/opt/python" --bind-ro="$4:/opt/packages" --bind-ro="$5:/opt/checkout" --boot systemd.unit=basic.target
"""


class Machine:
    """Runs until `stop`."""

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0:
            raise AssertionError("a systemd of its own is booted by root only: run these tests as root")
        self.folder = folder
        self.log = folder / "boot.log"
        (folder / "m").mkdir()
        _prepare(folder / "extra")
        with self.log.open("wb") as log:
            arguments = [str(folder), f"renewd-{os.urandom(4).hex()}", sys.base_prefix, PACKAGES, CHECKOUT]
            self._nspawn = subprocess.Popen(
                ["unshare", "-m", "--propagation", "private", "bash", "-c", _BOOT, "boot", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._init = 0
        try:
            come(self._booted)
        except BaseException:
            self.stop()
            raise

    def run(
        self, *argv: str, check: bool = True, text: str = "", user: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """A command in there, to its end; `text` is its standard input."""
        as_user = ["/usr/sbin/runuser", "-u", user, "--"] if user else []
        ran = subprocess.run(
            [*self.entering(), *as_user, *argv],
            input=text,
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )
        assert ran.returncode == 0 or not check, (
            f"{argv} ended with {ran.returncode}: {ran.stdout}{ran.stderr}"
        )
        return ran

    def entering(self) -> list[str]:
        """What stands before a command to run it in there."""
        environment = [
            "/usr/bin/env",
            "-i",
            "PATH=/opt/renewd/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
        ]
        return [
            "nsenter",
            "-t",
            str(self._init),
            *["-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"],
            *environment,
        ]

    def renewd(self, *argv: str, **options: object) -> subprocess.CompletedProcess[str]:
        """A renewd command, typed by root; how it ended is for the test to say."""
        return self.run(RENEWD, *argv, **{"check": False, **options})  # type: ignore[arg-type]

    def write(self, path: str, text: str, mode: str = "0644", owner: str = "root:root") -> None:
        """A file in there."""
        self.run(
            "/bin/sh",
            "-c",
            f"mkdir -p $(dirname {path}) && cat >{path} && chmod {mode} {path} && chown {owner} {path}",
            text=text,
        )

    def read(self, path: str) -> str:
        """A file in there."""
        return self.run("/bin/cat", path).stdout

    def show(self, unit: str, key: str) -> str:
        """A property of a unit."""
        return self.run("/bin/systemctl", "show", "-P", key, unit).stdout.strip()

    def journal(self, unit: str) -> str:
        """All that a unit has said."""
        return self.run("/bin/journalctl", "-o", "cat", "--no-pager", "-u", unit).stdout

    def stop(self) -> None:
        """Off at once."""
        if self._init:
            subprocess.run(["kill", "-KILL", str(self._init)], check=False, capture_output=True)
        try:
            self._nspawn.wait(10)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()

    def _booted(self) -> bool:
        assert self._nspawn.poll() is None, f"it did not boot: {self.log.read_text(errors='replace')}"
        if not self._init:
            children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
            names = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in children}
            self._init = next((int(pid) for pid, name in names.items() if name == "systemd"), 0)
            return False
        state = self.run("/bin/systemctl", "is-system-running", check=False).stdout.strip()
        return (
            state in ("running", "degraded", "starting")
            and self.run("/bin/systemctl", "is-active", "basic.target", check=False).stdout.strip()
            == "active"
        )


def _prepare(extra: Path) -> None:
    """What is there beside this machine's own files: renewd for everybody, and a Python that everybody may use."""
    home = extra / "opt/renewd"
    site = home / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    site.mkdir(parents=True)
    (home / "bin").mkdir()
    for bound in ("python", "packages", "checkout"):  # wherever they are here, /tmp and other disks among it
        (extra / "opt" / bound).mkdir(parents=True)
    (home / "pyvenv.cfg").write_text(f"home = {PYTHON}/bin\ninclude-system-site-packages = false\n")
    (home / "bin/python").symlink_to(f"{PYTHON}/bin/python{sys.version_info[0]}.{sys.version_info[1]}")
    (site / "renewd.pth").write_text("/opt/packages\n/opt/checkout\n")
    program = home / "bin/renewd"
    program.write_text(
        f'#!/bin/sh\nLD_LIBRARY_PATH={PYTHON}/lib exec /opt/renewd/bin/python -m renewd "$@"\n'
    )
    program.chmod(0o755)


def come(true: Callable[[], object]) -> None:
    """Returns once it is true in there; asking takes several processes each time, so it is not asked all the time."""
    end, pause = time.monotonic() + 2 * LONG, threading.Event()  # a whole machine beside other tests is slow
    while not true():
        assert time.monotonic() < end, "it never came true"
        pause.wait(0.25)


@contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """A machine for a test."""
    machine = Machine(folder)
    try:
        yield machine
    finally:
        machine.stop()
