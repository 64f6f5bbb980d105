"""install-systemd: units and what belongs to them are put in place; nothing that somebody edited is overwritten."""

import os
import subprocess
import sys
from collections.abc import Sequence

import click

from renewd import whole
from renewd.config.load import Loaded
from renewd.config.secrets import CREDENTIALS
from renewd.daemon import units
from renewd.daemon.units import Found, Piece
from renewd.errors import RenewdError

_HIDDEN = ("/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/")  # noqa: S108 - which units cannot see
_BOOTED = "/run/systemd/system"  # sd_booted(3)
_SIMPLE, _SPLIT = ["renewd-simple.service"], ["renewd.service", "renewd-deploy.path"]
_AFTER = (
    ("systemd-sysusers", "renewd.conf"),
    ("systemctl", "daemon-reload"),
    ("systemd-tmpfiles", "--create", "renewd.conf"),
    ("systemd-tmpfiles", "--create", "renewd-webroots.conf"),
)


@click.command("install-systemd")
@click.option("--dry-run", is_flag=True, help="Show what would be written; change nothing.")
@click.option("--simple", is_flag=True, help="One unit that does everything as root, instead of two sides.")
@click.option("--force", is_flag=True, help="Overwrite files that somebody edited, too.")
@click.option("--root", default="/", metavar="DIR", help="Put them below this folder, for packaging.")
@click.pass_obj
def command(path: str, *, dry_run: bool, simple: bool, force: bool, root: str) -> int:
    """Put the systemd units in place.

    With them go sysusers.d, tmpfiles.d, and drop-ins made from the configuration. Twice is no harm. A file that somebody
    edited is kept: the exit code is 1 then. Nothing is started or enabled.
    """
    program = _program(anywhere=dry_run or root != "/")
    pieces = units.pieces(program, loaded := _loaded(path), simple=simple)
    kept = 0
    for piece in pieces:
        found = piece.found(root)
        keep = found is Found.EDITED and not force
        kept += keep
        if not dry_run and not keep and found is not Found.SAME:
            _write(units.below(root, piece.path), piece.content)
        print(f"{'kept, as it was edited' if keep else found:<10} {piece.path}")
        if dry_run and found is not Found.SAME:
            print("".join(f"    {line}\n" for line in piece.content.splitlines()), end="")
    _pages(root, dry_run=dry_run)
    done = dry_run or root != "/" or _apply(pieces)
    if kept:
        print(f"{kept} kept: compare with --dry-run, or overwrite with --force", file=sys.stderr)
    lacking = [] if loaded is None or simple else units.unreadable(loaded)
    print(_next(path, root, simple=simple, lacking=lacking))
    return 0 if done and not kept else 1


def _pages(root: str, *, dry_run: bool) -> None:
    """The manual, told in a line."""
    pages = units.pages()
    found = {page.found(root) for page in pages} - {Found.SAME}
    for page in pages if found and not dry_run else ():
        _write(units.below(root, page.path), page.content)
    if pages:
        word = Found.NOTHING if Found.NOTHING in found else min(found, default=Found.SAME)
        print(f"{word:<10} {units.PAGES}/renewd*.1")


def _loaded(path: str) -> Loaded | None:
    """The configuration if there is one. Raises ConfigurationError if it is wrong."""
    from renewd.config import load

    return load.load(path) if os.path.lexists(path) else None


def _program(*, anywhere: bool) -> str:
    """Where this renewd is. Raises RenewdError if a unit could not run it from there."""
    program = os.path.abspath(sys.argv[0])
    if os.path.basename(program) != "renewd" or not os.access(program, os.X_OK):
        program = os.path.join(os.path.dirname(sys.executable), "renewd")
    for path in (program, os.path.realpath(program), os.path.realpath(sys.executable)):
        if path.startswith(_HIDDEN) and not anywhere:
            raise RenewdError(
                f"{path} is where no unit can see it",
                remedy="install renewd for the whole machine: python3 -m venv /opt/renewd && /opt/renewd/bin/pip install renewd",
            )
    if not os.path.exists(program):
        raise RenewdError(f"there is no program {program}", remedy="install renewd with pip, then try again")
    return program


def _write(path: str, content: str) -> None:
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        whole.store(path, content.encode(), 0o644)
    except OSError as error:
        raise RenewdError(
            f"{path} cannot be written: {error.strerror}", remedy="run it as root, or see --root"
        ) from error


def _apply(pieces: Sequence[Piece]) -> bool:
    """Let a running systemd take notice; elsewhere, as in an image that is being made, there is none. Whether all went well."""
    if not os.path.isdir(_BOOTED):
        return True
    well = True
    names = {os.path.basename(piece.path) for piece in pieces}
    for argv in _AFTER:
        if argv[-1].endswith(".conf") and argv[-1] not in names:
            continue
        ran = subprocess.run(argv, check=False, capture_output=True, text=True)
        print(f"ran        {' '.join(argv)}")
        if ran.returncode:
            well = False
            print(f"  it ended with {ran.returncode}: {ran.stderr.strip()}", file=sys.stderr)
    return well


def _next(path: str, root: str, *, simple: bool, lacking: Sequence[tuple[str, str]]) -> str:
    own, others = (_SIMPLE, _SPLIT) if simple else (_SPLIT, _SIMPLE)
    others = [unit for unit in others if os.path.exists(units.below(root, f"{units.UNITS}/{unit}"))]
    steps = [
        f"write {path} (renewd init shows a start), then run this again" if not os.path.lexists(path) else "",
        *(f"{key}: renewd cannot read {file} there: {_as_credential(file)}" for key, file in lacking),
        f"systemctl disable --now {' '.join(others)}" if others else "",
        f"systemctl enable --now renewd-recover.service {' '.join(own)}",
        f"systemctl restart {own[0]}, which still runs as it was" if root == "/" and _runs(own[0]) else "",
        f"systemctl status {own[0]}; renewd status",
    ]
    return "\n".join(["next:", *(f"  {step}" for step in steps if step)])


def _runs(unit: str) -> bool:
    """Whether it is active: `enable --now` leaves such a one as it is, whatever has changed."""
    argv = ("systemctl", "is-active", unit)
    return os.path.isdir(_BOOTED) and not subprocess.run(argv, check=False, capture_output=True).returncode


def _as_credential(file: str) -> str:
    name = os.path.basename(file)
    return (
        f"install -m 0600 {file} {CREDENTIALS}/{name}, and write {{credential: {name}}}; then run this again"
    )
