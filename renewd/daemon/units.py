"""The files by which systemd runs renewd: which there are, what stands in them, and what becomes of those that are there."""

import fnmatch
import hashlib
import os
import pwd
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from renewd.config import addresses
from renewd.config.load import Loaded
from renewd.config.proving import Http01
from renewd.config.secrets import CREDENTIALS
from renewd.config.sources import sources

PROGRAM = "/usr/bin/renewd"  # in the templates; replaced by where it is
UNITS, SYSUSERS, TMPFILES = "/etc/systemd/system", "/etc/sysusers.d", "/etc/tmpfiles.d"
PAGES = "/usr/local/share/man/man1"
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_FREE = 1024  # the first port that is not root's
_MARK = "# sha256 of what stands above, as renewd wrote it: "

_COMMON = ("renewd-recover.service",)
_SPLIT = ("renewd.service", "renewd-deploy.path", "renewd-deploy.service")
_SIMPLE = ("renewd-simple.service",)


class Found(StrEnum):
    """What is at a file's place already."""

    NOTHING = "new"
    SAME = "as it is"
    OURS = "updated"  # an earlier renewd's, which nobody edited
    EDITED = "edited"


@dataclass(frozen=True, slots=True)
class Piece:
    """One file to be put in place; one of `ours` nobody has a reason to edit."""

    path: str
    text: str
    ours: bool = False

    @property
    def content(self) -> str:
        """The text and its mark, by which an edited file is known."""
        return self.text if self.ours else f"{self.text}{_MARK}{_sum(self.text)}\n"

    def found(self, root: str) -> Found:
        """What is there. Raises OSError if that cannot be read."""
        try:
            with open(below(root, self.path), encoding="utf-8", errors="replace") as file:
                there = file.read()
        except (FileNotFoundError, NotADirectoryError):
            return Found.NOTHING
        if there == self.content:
            return Found.SAME
        text, _, mark = there.rpartition(_MARK)
        return Found.OURS if self.ours or mark.strip() == _sum(text) else Found.EDITED


def below(root: str, path: str) -> str:
    """The path in a tree that is not mounted at `/`."""
    return path if root == "/" else os.path.join(root, path.lstrip("/"))


def pieces(program: str, loaded: Loaded | None, *, simple: bool) -> list[Piece]:
    """All files; those that follow from the configuration are left out where there is none yet."""
    units = (*_COMMON, *(_SIMPLE if simple else _SPLIT))
    made = [Piece(f"{UNITS}/{unit}", _template(unit).replace(PROGRAM, program)) for unit in units]
    made.append(Piece(f"{TMPFILES}/renewd.conf", _template("renewd.tmpfiles.conf")))
    if not simple:
        made.append(Piece(f"{SYSUSERS}/renewd.conf", _template("renewd.sysusers.conf")))
    else:
        made[-1] = Piece(made[-1].path, made[-1].text.replace("root renewd", "root root"))
    return made if loaded is None else [*made, *_configured(loaded, simple=simple)]


def pages() -> list[Piece]:
    """The pages for man(1), which does not look for them beside a program in /opt; none where they were not installed."""
    for folder in (
        os.path.join(os.path.dirname(_PACKAGE), "man"),
        os.path.join(sys.prefix, "share/man/man1"),
    ):
        names = sorted(fnmatch.filter(os.listdir(folder) if os.path.isdir(folder) else (), "renewd*.1"))
        if names:
            return [Piece(f"{PAGES}/{name}", _read(os.path.join(folder, name)), ours=True) for name in names]
    return []


def unreadable(loaded: Loaded) -> list[tuple[str, str]]:
    """Secrets that the network side cannot read as they are configured: where, and the file."""
    return [
        (".".join(map(str, path)), source.file)
        for path, source in sources(loaded.configuration)
        if source.file is not None and not source.allow_group and not _for_root(path)
    ]


def _configured(loaded: Loaded, *, simple: bool) -> Iterator[Piece]:
    """Drop-ins: the credentials, and the web roots that may be written to."""
    secrets = [
        (path, source.credential) for path, source in sources(loaded.configuration) if source.credential
    ]
    own = sorted({name for path, name in secrets if simple or not _for_root(path)})
    roots = sorted({root for target in loaded.targets if (root := _webroot(target.challenge)) is not None})
    lines = [*_credentials(own), *([] if simple else [*_doors(roots), *_ports(loaded)])]
    if lines:
        yield _drop_in("renewd-simple.service" if simple else "renewd.service", lines)
    deploying = sorted({name for path, name in secrets if _for_root(path)})
    if deploying and not simple:
        yield _drop_in("renewd-deploy.service", _credentials(deploying))
    if roots and not simple:
        yield Piece(f"{TMPFILES}/renewd-webroots.conf", _folders(roots))


def _for_root(path: Sequence[str | int]) -> bool:
    """Whether it is the side that installs which needs the secret: a PFX file's password."""
    return path[0] in ("certificates", "defaults") and "install" in path


def _webroot(challenge: object) -> str | None:
    return challenge.webroot if isinstance(challenge, Http01) else None


def _credentials(names: Sequence[str]) -> list[str]:
    return [f"LoadCredential={name}:{CREDENTIALS}/{name}" for name in names]


def _doors(roots: Sequence[str]) -> list[str]:
    """The web roots through the unit's walls, those behind ProtectHome= among them."""
    hidden = [root for root in roots if root.startswith(("/home/", "/root/"))]
    behind = ["ProtectHome=tmpfs", *(f"BindPaths=-{root}" for root in hidden)] if hidden else []
    return [*behind, *(f"ReadWritePaths=-{root}" for root in roots)]


def _ports(loaded: Loaded) -> list[str]:
    """What a challenge needs that is answered at a port of root's."""
    proofs = [target.challenge for target in loaded.targets]
    ports = [addresses.split(one.listen)[1] for one in proofs if isinstance(one, Http01) and one.listen]
    kinds = ("AmbientCapabilities", "CapabilityBoundingSet") if min(ports, default=_FREE) < _FREE else ()
    return [f"{kind}=CAP_NET_BIND_SERVICE" for kind in kinds]


def _drop_in(unit: str, lines: Sequence[str]) -> Piece:
    head = "# Made from the configuration by `renewd install-systemd`; run it again when that changes.\n[Service]\n"
    return Piece(f"{UNITS}/{unit}.d/10-renewd.conf", head + "".join(f"{line}\n" for line in lines))


def _folders(roots: Sequence[str]) -> str:
    head = (
        "# Made from the configuration by `renewd install-systemd`: where challenges are shown to the CA.\n"
    )
    each = (
        f"d {root}/.well-known 0755 {owner} - -\nd {root}/.well-known/acme-challenge 0775 {owner} renewd -\n"
        for root in roots
        for owner in [_owner(root)]
    )
    return head + "".join(each)


def _owner(root: str) -> str:
    """Whose the web root is: systemd-tmpfiles does not go from one user's folder to another's."""
    try:
        return pwd.getpwuid(os.stat(root).st_uid).pw_name
    except (OSError, KeyError):
        return "-"


def _template(name: str) -> str:
    for folder in (_PACKAGE, os.path.dirname(_PACKAGE)):
        path = os.path.join(folder, "systemd", name)
        if os.path.exists(path):
            return _read(path)
    raise FileNotFoundError(f"this installation of renewd lacks its file systemd/{name}")


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
