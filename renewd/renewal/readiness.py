"""What must be so on this machine before anything is ordered; asked by every preflight and before every order."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from renewd.config.targets import Target
from renewd.errors import InstallFailed, TargetError
from renewd.install import atomic
from renewd.renewal import trust
from renewd.renewal.context import Context

ROOM = (
    4 << 20
)  # bytes: the journal grows while a renewal is under way, and a full disk would leave it unwritten
INODES = 20


@dataclass(frozen=True, slots=True)
class Lack:
    """What is missing, and what helps."""

    what: str
    remedy: str


def lacks(context: Context, target: Target, issuers: Sequence[str] = ()) -> Iterator[Lack]:
    """Everything that would waste an order, at these issuers or at any of the target's; nothing lasting is changed."""
    for issuer in issuers or target.issuers:
        try:
            trust.roots(context.loaded.configuration.issuers[issuer])
        except TargetError as error:
            yield Lack(str(error), error.remedy)
    for problem in context.installer.room(target):
        yield Lack(problem, "make room or mend the rights, then renew again")
    yield from _state(context.loaded.configuration.state_directory)


def insist(context: Context, target: Target, issuer: str) -> None:
    """Raises InstallFailed, with all of it, if anything is lacking for an order at this issuer."""
    found = list(lacks(context, target, (issuer,)))
    if found:
        raise InstallFailed("; ".join(lack.what for lack in found), stage="preflight", remedy=found[0].remedy)


def _state(folder: str) -> Iterator[Lack]:
    """The state directory, where versions, intents and the journal are."""
    remedy = f"make room in {folder} or mend its rights, then renew again"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"renewd")
        found = os.statvfs(folder)
    except OSError as error:
        yield Lack(f"the state directory {folder} cannot be written: {atomic.words(error)}", remedy)
        return
    free = found.f_bavail * found.f_frsize
    if free < ROOM:
        yield Lack(f"the disk of {folder} has {free >> 10} KiB left; free {ROOM >> 10} KiB at least", remedy)
    if found.f_files and found.f_favail < INODES:
        yield Lack(f"the disk of {folder} has {found.f_favail} inodes left; remove files there", remedy)
