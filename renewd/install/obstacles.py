"""What stands in the way of installing safely, found before anything is touched."""

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from renewd.errors import InstallFailed
from renewd.install import atomic, layouts, mounts
from renewd.install.sites import Site

_OURS = (layouts.STAGE, layouts.temporary(""))


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What is wrong, and what helps."""

    wrong: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.wrong}; {self.remedy}"


def refuse(site: Site) -> None:
    """Raises InstallFailed if anything stands in the way."""
    with atomic.telling("look at", site.root):
        found = next(iter(obstacles(site)), None)
    if found is not None:
        raise InstallFailed(found.wrong, remedy=found.remedy)


def obstacles(site: Site) -> Iterator[Obstacle]:
    """Everything in the way of one site."""
    folders = {os.path.dirname(site.root)}
    if site.linked:
        yield from _in_store(site)
    else:
        points = _mount_points()
        for _, path in site.files:
            yield from _at_path(path, points)
            folders.add(os.path.dirname(path))
    for folder in sorted(folders):
        yield from _above(folder, site)


def _in_store(site: Site) -> Iterator[Obstacle]:
    root = site.root
    if os.path.islink(root):
        yield Obstacle(
            f"{root} is a link", f"write the folder it leads to, {os.path.realpath(root)}, into `install`"
        )
        return
    if not os.path.lexists(root):
        return
    if not os.path.isdir(root):
        yield Obstacle(f"{root} is not a folder", "move it away")
        return
    if os.stat(root).st_uid not in _trusted_owners():
        yield Obstacle(
            f"{root} belongs to another user, who could change what is served", f"chown it: chown root {root}"
        )
    yield from _foreign(root)
    for _, path in site.files:
        if os.path.isdir(path) and not os.path.islink(path):
            yield Obstacle(f"{path} is a folder where a file should be", "move it away")


def _foreign(root: str) -> Iterator[Obstacle]:
    """`current` and `versions` that somebody else made."""
    target = atomic.link_target(f"{root}/{layouts.CURRENT}")
    ours = target is not None and layouts.version_of_link(target) is not None
    if not ours and os.path.lexists(f"{root}/{layouts.CURRENT}"):
        yield Obstacle(f"{root}/{layouts.CURRENT} is not renewd's", "choose another folder, or move it away")
    folder = f"{root}/{layouts.VERSIONS}"
    if not os.path.lexists(folder):
        return
    if os.path.islink(folder) or not os.path.isdir(folder):
        yield Obstacle(f"{folder} is not renewd's", "choose another folder, or move it away")
    elif not ours and not all(
        layouts.is_identifier(name) or name.startswith(_OURS) for name in os.listdir(folder)
    ):
        yield Obstacle(f"{folder} holds what is not renewd's", "choose another folder, or move it away")


def _at_path(path: str, points: frozenset[str]) -> Iterator[Obstacle]:
    if not os.path.lexists(path):
        return
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        yield Obstacle(
            f"{path} is a link", f"write the file it leads to, {os.path.realpath(path)}, into `install.files`"
        )
    elif stat.S_ISDIR(found.st_mode):
        yield Obstacle(f"{path} is a folder", "`install.files` wants the path of a file")
    elif not stat.S_ISREG(found.st_mode):
        yield Obstacle(f"{path} is not a regular file", "move it away")
    elif found.st_nlink > 1:
        yield Obstacle(
            f"{path} has {found.st_nlink} hard links; the others would keep the old content",
            "remove the others, or make them symbolic links",
        )
    if os.path.realpath(path) in points:
        yield Obstacle(
            f"{path} is mounted as a single file and cannot be replaced", "mount its folder instead"
        )


def _mount_points() -> frozenset[str]:
    """Without a /proc the rename itself will tell."""
    return frozenset(mount.point for mount in mounts.parse(mounts.read()))


def _above(folder: str, site: Site) -> Iterator[Obstacle]:
    """Folders on the way, as written and as they really are, through which another user could exchange the files."""
    seen: set[str] = set()
    for start in (folder, os.path.realpath(folder)):
        path = start
        while path not in seen:
            seen.add(path)
            yield from _on_the_way(path, site)
            path = os.path.dirname(path)


def _on_the_way(path: str, site: Site) -> Iterator[Obstacle]:
    try:
        found = os.lstat(path)
    except FileNotFoundError:  # will be made
        return
    if found.st_uid not in _trusted_owners():
        yield Obstacle(
            f"{path} belongs to {_user(found.st_uid)}, who could exchange what lies in it",
            f"chown it to root: chown root {path}",
        )
    if stat.S_ISLNK(found.st_mode):
        return
    if not stat.S_ISDIR(found.st_mode):
        yield Obstacle(f"{path} is not a folder", "move it away")
    elif found.st_mode & stat.S_ISVTX:
        return  # sticky, such as /tmp: others cannot exchange what is not theirs
    elif found.st_mode & stat.S_IWOTH:
        yield Obstacle(f"everybody may write in {path}", f"take that away: chmod o-w {path}")
    elif found.st_mode & stat.S_IWGRP and found.st_gid not in {0, os.getegid(), site.gid, *os.getgroups()}:
        yield Obstacle(
            f"the group {_group(found.st_gid)} may write in {path}", f"take that away: chmod g-w {path}"
        )


def _trusted_owners() -> set[int]:
    return {0, os.geteuid()}


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def tighten(site: Site) -> None:
    """Let nobody else write in the folder itself, as some programs leave theirs (mode 777). Raises InstallFailed."""
    if not site.linked or not os.path.isdir(site.root):
        return
    mode = stat.S_IMODE(os.stat(site.root).st_mode)
    if mode & 0o022:
        with atomic.telling("take away others' write permission on", site.root):
            os.chmod(site.root, mode & ~0o022)
