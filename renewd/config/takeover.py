"""Paths that another program may still write: renewd would take them over, and the two would fight."""

import os
import stat
from collections.abc import Iterator

_LINKS = ("privkey.pem", "fullchain.pem", "cert.pem", "chain.pem")  # in certbot's folders
_RCL = "primaryCertificate.crt"  # what RCL's own daemon writes into a name's folder, and nobody else


def warning(path: str) -> tuple[str, str] | None:
    """What may go wrong with a path that renewd is to write, and what to do; None if nothing is to be seen."""
    renewal = next(filter(None, map(_renewal, (path, *_archived(path)))), None)
    if renewal is not None and (os.path.exists(renewal) or not os.path.isdir(os.path.dirname(renewal))):
        return (
            "certbot writes here too",
            f"take it from certbot: mv {renewal} {renewal}.off (`certbot delete` would take away what is live)",
        )
    if _is_regular(os.path.join(path, _RCL)):
        return "RCL's own daemon writes here too", "stop it once renewd has taken over"
    return None


def _renewal(path: str) -> str | None:
    """By which file certbot renews what is in DIR/live/NAME or DIR/archive/NAME; None for other paths."""
    parts = path.split("/")
    above = parts[:-1]
    for kind in ("live", "archive"):
        if kind in above:
            at = len(above) - 1 - above[::-1].index(kind)
            folder = "/".join(parts[:at])
            if kind == "archive" or _is_certbots(folder):
                return f"{folder}/renewal/{parts[at + 1]}.conf"
    return None


def _is_certbots(folder: str) -> bool:
    return folder == "/etc/letsencrypt" or os.path.isdir(f"{folder}/renewal")


def _archived(path: str) -> Iterator[str]:
    """Where links as certbot makes them lead to: ../../archive/NAME/privkey1.pem."""
    for link in (path, *(os.path.join(path, name) for name in _LINKS)):
        try:
            target = os.readlink(link)
        except OSError:  # no link, or not there
            continue
        if "archive" in target.split("/")[:-1]:
            yield os.path.normpath(os.path.join(os.path.dirname(link), target))


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:  # not there
        return False
