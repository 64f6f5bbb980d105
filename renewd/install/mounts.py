"""What kind of file system a place is on, and what that means for switching files safely; pure but for one reading."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ESCAPED = re.compile(r"\\([0-7]{3})")  # a space in proc(5)'s mountinfo is \040
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "virtiofs"}
_REMOTE = {"fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.davfs"}
_WITHOUT_LINKS = {"vfat", "msdos", "exfat", "ntfs", "ntfs3"}
_FLEETING = {"tmpfs", "ramfs"}


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a file system is mounted, and its kind as the kernel calls it."""

    point: str
    kind: str


def read() -> str:
    """The mounts as this process sees them, proc_pid_mountinfo(5); empty without a /proc."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            return lines.read()
    except FileNotFoundError:
        return ""


def parse(mountinfo: str) -> Iterator[Mount]:
    """All mounts, in the order in which they were made."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        points = before.split(" ")[4:5]
        for point in points if after else ():
            yield Mount(_ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), point), after.split(" ")[0])


def holding(mountinfo: str, path: str) -> Mount | None:
    """The mount that a real path (no links in it) is on: the last made of those nearest above it."""
    found = None
    for mount in parse(mountinfo):
        above = mount.point.rstrip("/") + "/"
        if f"{path}/".startswith(above) and (found is None or len(mount.point) >= len(found.point)):
            found = mount
    return found


def warning(mountinfo: str, path: str) -> str | None:
    """What is doubtful about installing at a real path, with what helps; None if nothing is."""
    mount = holding(mountinfo, path)
    if mount is None:
        return None
    if mount.kind in _NETWORK | _REMOTE:
        return (
            f"{path} is on a network file system ({mount.kind} at {mount.point}): locks and renames there may not be "
            "seen by other machines at once, and a power cut may undo them; install on a local disk, on each machine"
        )
    if mount.kind in _WITHOUT_LINKS:
        return (
            f"{path} is on {mount.kind} ({mount.point}), which has no links, owners and modes; "
            "choose a folder on a file system of Linux"
        )
    if mount.kind == "overlay":
        return (
            f"{path} is in a container's own layer (overlay at {mount.point}): it is gone with the container; "
            "mount a volume there"
        )
    if mount.kind in _FLEETING:
        return f"{path} is in memory ({mount.kind} at {mount.point}): it is gone after a restart; choose a folder on a disk"
    return None
