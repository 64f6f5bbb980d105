"""What a file carries besides owner and mode: the access list and the security label, kept from old to new."""

import errno
import os
import struct

from renewd.install.atomic import Attributes

_LABEL = "security.selinux"
_ACCESS_LIST = "system.posix_acl_access"
_OWNER, _GROUP, _OTHER = 0x01, 0x04, 0x20  # tags of acl(5) as the kernel stores them
_ENTRY = struct.Struct("<HHI")  # tag, permissions, id
_HEADER = 4  # bytes: the format's version
_NONE_KEPT = {errno.ENODATA, errno.ENOTSUP, errno.ENOENT, errno.ENOTDIR, errno.EPERM}


def kept(path: str, attributes: Attributes) -> Attributes:
    """The attributes, with label and access list of the file that is there now; owner, group and others as in `mode`."""
    extended = []
    if (label := _read(path, _LABEL)) is not None:
        extended.append((_LABEL, label))
    if (access := _read(path, _ACCESS_LIST)) is not None:
        extended.append((_ACCESS_LIST, _fitted(access, attributes.mode)))
    return Attributes(attributes.mode, attributes.uid, attributes.gid, tuple(extended))


def original(path: str, *, private: bool) -> Attributes:
    """What the file there has now; a private one loses what others may do with it."""
    found = os.stat(path)
    mode = found.st_mode & (0o660 if private else 0o664)
    return kept(path, Attributes(mode, found.st_uid, found.st_gid))


def _read(path: str, name: str) -> bytes | None:
    try:
        return os.getxattr(path, name)
    except OSError as error:
        if error.errno in _NONE_KEPT:
            return None
        raise


def _fitted(access: bytes, mode: int) -> bytes:
    """The access list with the named users and groups as they were, and the three classes of `mode`."""
    classes = {_OWNER: mode >> 6 & 7, _GROUP: mode >> 3 & 7, _OTHER: mode & 7}
    entries = [
        _ENTRY.pack(tag, classes.get(tag, permissions), identity)
        for tag, permissions, identity in _ENTRY.iter_unpack(access[_HEADER:])
    ]
    return access[:_HEADER] + b"".join(entries)
